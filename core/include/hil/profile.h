/* Execution time per block, beside the state. Only in real time: a clock read costs as much as a small block. */
#ifndef HIL_PROFILE_H
#define HIL_PROFILE_H

#include "hil/types.h"

struct hil_block_time {
    uint64_t calls;
    int64_t sum_ns, max_ns, last_ns;
    uint64_t tick; /* of last_ns */
};

/* Blocks first, then paths, in the order of the description. Memory is the caller's. */
struct hil_profile {
    int64_t (*clock)(void);
    struct hil_block_time *blocks;
    uint32_t n;
};

static inline void hil_profile_add(struct hil_block_time *t, int64_t ns, uint64_t tick)
{
    int again = t->calls && t->tick == tick; /* a block's output and its update count as one */
    t->last_ns = again ? t->last_ns + ns : ns;
    t->calls += !again;
    t->tick = tick;
    t->sum_ns += ns;
    if (t->last_ns > t->max_ns)
        t->max_ns = t->last_ns;
}

#endif
