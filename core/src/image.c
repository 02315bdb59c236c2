#include "hil/image.h"

#include <string.h>

#define FRESH 4u /* flag beside the slot index in `middle` */

size_t hil_box_size(uint32_t n) { return 3 * (((size_t)n * sizeof(double) + 63) / 64 * 64); }

void hil_box_init(struct hil_box *box, void *mem, uint32_t n)
{
    size_t stride = hil_box_size(n) / 3;
    memset(mem, 0, 3 * stride);
    for (int i = 0; i < 3; i++) {
        box->slot[i] = (struct hil_image){0, 0, n, 0, (double *)(void *)((unsigned char *)mem + (size_t)i * stride)};
    }
    box->writing = 0;
    box->reading = 2;
    box->seq = 0;
    atomic_init(&box->middle, 1u);
}

struct hil_image *hil_box_begin(struct hil_box *box) { return &box->slot[box->writing]; }

void hil_box_publish(struct hil_box *box)
{
    box->slot[box->writing].seq = ++box->seq;
    uint32_t free = atomic_exchange_explicit(&box->middle, box->writing | FRESH, memory_order_acq_rel);
    box->writing = free & 3u;
}

const struct hil_image *hil_box_peek(const struct hil_box *box)
{
    uint32_t middle = atomic_load_explicit(&box->middle, memory_order_acquire);
    return middle & FRESH ? &box->slot[middle & 3u] : NULL;
}

const struct hil_image *hil_box_take(struct hil_box *box)
{
    if (!(atomic_load_explicit(&box->middle, memory_order_relaxed) & FRESH))
        return NULL;
    uint32_t newest = atomic_exchange_explicit(&box->middle, box->reading, memory_order_acq_rel);
    box->reading = newest & 3u;
    return &box->slot[box->reading];
}
