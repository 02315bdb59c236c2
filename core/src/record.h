/* Rows and other frames into a ring; shared by the loop and by captures. Here, so that both have them inlined. */
#ifndef HIL_RECORD_H
#define HIL_RECORD_H

#include <string.h>

#include "hil/loop.h"

struct hil_row_times {
    uint64_t tick;
    int64_t late_ns, exec_ns;
    uint32_t alert; /* non-zero: status bytes follow */
};

/* 0: the ring is full, which it has counted. */
static inline int hil_record_bytes(struct hil_ring *ring, uint64_t tick, const void *frame, uint32_t bytes)
{
    unsigned char *at = hil_ring_reserve(ring, bytes, tick);
    if (!at)
        return 0;
    memcpy(at, frame, bytes);
    hil_ring_commit(ring, bytes);
    return 1;
}

static inline unsigned char *hil_copy_values(unsigned char *at, const struct hil_group *g, const unsigned char *s)
{
    for (const struct hil_run *run = g->runs, *end = run + g->n_runs; run < end; run++) {
        const unsigned char *from = s + run->offset;
        size_t bytes = run->n * sizeof(double);
        if (run->n == 1)
            memcpy(at, from, sizeof(double)); /* the usual case: one load and one store, no call */
        else
            memcpy(at, from, bytes);
        at += bytes;
    }
    return at;
}

/* 0: the ring is full, which it has counted. */
static inline int hil_record_group(struct hil_ring *ring, const struct hil_group *g, uint16_t index,
                                   const unsigned char *state, const struct hil_row_times *times)
{
    uint32_t status = times->alert ? (g->n_status + 7u) / 8u * 8u : 0;
    uint32_t bytes = (uint32_t)(sizeof(struct hil_frame) + sizeof(struct hil_sample_head)) + g->n_values * 8u + status;
    unsigned char *at = hil_ring_reserve(ring, bytes, times->tick);
    if (!at)
        return 0;
    struct hil_frame frame = {bytes, HIL_FRAME_SAMPLE, index, times->tick};
    uint32_t exec_ns = times->exec_ns > UINT32_MAX ? UINT32_MAX : (uint32_t)times->exec_ns;
    struct hil_sample_head head = {times->late_ns, exec_ns, times->alert != 0};
    memcpy(at, &frame, sizeof frame);
    memcpy(at + sizeof frame, &head, sizeof head);
    at = hil_copy_values(at + sizeof frame + sizeof head, g, state);
    if (times->alert)
        for (uint32_t i = 0; i < g->n_status; i++)
            at[i] = state[g->status[i]];
    hil_ring_commit(ring, bytes);
    return 1;
}

/* Less than a quarter is free. */
static inline int hil_ring_nearly_full(struct hil_ring *r)
{
    uint64_t used =
        atomic_load_explicit(&r->head, memory_order_relaxed) - atomic_load_explicit(&r->tail, memory_order_acquire);
    return used > r->size / 4 * 3;
}

#endif
