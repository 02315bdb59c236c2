/* One sample of 200 doubles into the recorder's ring, beside a memcpy of the same bytes into memory that is as cold.
 *
 * usage: push [slow]
 *
 * Both write through 8 MB, more than the caches next to the core hold, and take turns: a row of pushes, a row of copies, 400 of each.
 * Nobody drains: the consumer's index is moved on as if all were read. `slow` adds to each push a second copy,
 * into memory that is as cold: a planted slowdown. Prints the nanoseconds of one push and one copy, a line for each pair. */
#include "yardstick.h"

#include <stdbool.h>
#include <string.h>

#include "hil/loop.h"

#define VALUES 200u
#define SIZE   (8u << 20)
enum { PAIRS = 400, ROW = 400 };

/* A frame as loop.c makes it: its head, the sample's head, the values. */
static const uint32_t FRAME = sizeof(struct hil_frame) + sizeof(struct hil_sample_head) + VALUES * sizeof(double);

static struct hil_ring ring;
static unsigned char *ring_memory, *copy_memory, *slow_memory;
static double sample[VALUES];
static size_t copied, slowed;

static void push(uint64_t tick)
{
    unsigned char *at = hil_ring_reserve(&ring, FRAME, tick);
    if (!at)
        exit(1);
    struct hil_frame frame = {FRAME, HIL_FRAME_SAMPLE, 0, tick};
    struct hil_sample_head head = {0};
    memcpy(at, &frame, sizeof frame);
    memcpy(at + sizeof frame, &head, sizeof head);
    memcpy(at + sizeof frame + sizeof head, sample, sizeof sample);
    hil_ring_commit(&ring, FRAME);
}

static void copy(unsigned char *memory, size_t *at)
{
    if (*at + sizeof sample > SIZE)
        *at = 0;
    memcpy(memory + *at, sample, sizeof sample);
    *at += FRAME; /* the same alignment as the frames */
    __asm__ volatile("" ::: "memory");
}

static double push_row(bool slow)
{
    int64_t start = now_ns();
    for (uint64_t i = 0; i < ROW; i++) {
        sample[0] = (double)i;
        push(i);
        if (slow)
            copy(slow_memory, &slowed);
    }
    int64_t ns = now_ns() - start;
    atomic_store(&ring.tail, atomic_load(&ring.head));
    return (double)ns / ROW;
}

static double copy_row(void)
{
    int64_t start = now_ns();
    for (int i = 0; i < ROW; i++) {
        sample[0] = i;
        copy(copy_memory, &copied);
    }
    return (double)(now_ns() - start) / ROW;
}

static unsigned char *touched(void)
{
    unsigned char *memory = aligned_alloc(64, SIZE);
    return memory ? memset(memory, 1, SIZE) : NULL;
}

int main(int argc, char **argv)
{
    bool slow = argc > 1 && strcmp(argv[1], "slow") == 0;
    ring_memory = touched();
    copy_memory = touched();
    slow_memory = touched();
    if (!ring_memory || !copy_memory || !slow_memory || hil_ring_init(&ring, ring_memory, SIZE) != HIL_OK)
        return 1;
    for (int pair = 0; pair < PAIRS; pair++) {
        double copy_ns = copy_row(), push_ns = push_row(slow);
        printf("%g %g\n", push_ns, copy_ns);
    }
    return 0;
}
