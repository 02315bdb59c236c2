#include "hil/ring.h"

#include <string.h>

#define PADDING 0u /* frame kind that only fills the ring's end */

int hil_ring_init(struct hil_ring *r, void *mem, uint64_t size)
{
    if (size < 4096 || (size & (size - 1)) != 0)
        return HIL_E_ARG;
    memset(r, 0, sizeof *r);
    r->data = mem;
    r->size = size;
    atomic_init(&r->head, 0);
    atomic_init(&r->tail, 0);
    return HIL_OK;
}

static int has_room(struct hil_ring *r, uint64_t head, uint64_t bytes)
{
    if (head + bytes - r->tail_seen <= r->size)
        return 1;
    r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
    return head + bytes - r->tail_seen <= r->size;
}

static void *count_loss(struct hil_ring *r, uint64_t tick)
{
    if (r->lost++ == 0)
        r->lost_since = tick;
    return NULL;
}

void *hil_ring_reserve(struct hil_ring *r, uint32_t bytes, uint64_t tick)
{
    uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    uint64_t at = head & (r->size - 1), to_end = r->size - at;
    if (bytes <= to_end)
        return has_room(r, head, bytes) ? r->data + at : count_loss(r, tick);
    if (!has_room(r, head, to_end + bytes))
        return count_loss(r, tick);
    struct hil_frame *pad = (struct hil_frame *)(void *)(r->data + at);
    pad->bytes = (uint32_t)to_end; /* to_end is a multiple of 8; the two words fit in the smallest piece */
    pad->kind = PADDING;
    atomic_store_explicit(&r->head, head + to_end, memory_order_release);
    return r->data;
}

void hil_ring_commit(struct hil_ring *r, uint32_t bytes)
{
    uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    atomic_store_explicit(&r->head, head + bytes, memory_order_release);
}

size_t hil_ring_read(struct hil_ring *r, void *out, size_t size)
{
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire);
    size_t done = 0;
    while (tail != head) {
        uint32_t word[2]; /* a padding piece may be 8 bytes only */
        memcpy(word, r->data + (tail & (r->size - 1)), sizeof word);
        if ((word[1] & 0xffffu) != PADDING) {
            if (done + word[0] > size)
                break;
            memcpy((unsigned char *)out + done, r->data + (tail & (r->size - 1)), word[0]);
            done += word[0];
        }
        tail += word[0];
    }
    atomic_store_explicit(&r->tail, tail, memory_order_release);
    return done;
}
