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
    int64_t *worst_ns;                   /* n: time of each in the tick that ended latest; 0 where it did not run */
    uint64_t worst_tick, worst_from;     /* ticks before worst_from do not count */
    int64_t worst_end_ns, worst_late_ns; /* both from its due time on; 0: no tick yet */
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

/* After each tick: keeps its times when it ended later than all before. */
static inline void hil_profile_keep_worst(struct hil_profile *p, uint64_t tick, int64_t late_ns, int64_t exec_ns)
{
    if (!p->worst_ns || tick < p->worst_from || late_ns + exec_ns <= p->worst_end_ns)
        return;
    p->worst_tick = tick;
    p->worst_late_ns = late_ns;
    p->worst_end_ns = late_ns + exec_ns;
    for (uint32_t i = 0; i < p->n; i++)
        p->worst_ns[i] = p->blocks[i].calls && p->blocks[i].tick == tick ? p->blocks[i].last_ns : 0;
}

#endif
