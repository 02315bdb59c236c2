/* When a bus thread works: in phase with the bench's tick. Cycle n is due at start_ns + phase_ns + n * period_ns (monotonic
 * clock), whatever became of the ones before. Portable. */
#ifndef HIL_DRIVERS_BUS_SCHEDULE_H
#define HIL_DRIVERS_BUS_SCHEDULE_H

#include "hil/types.h"

struct hil_bus_schedule {
    int64_t start_ns, period_ns, phase_ns;
    int64_t tick_ns; /* period of the bench's tick, for the histogram of ages at latch; 0: period_ns */
};

/* The first cycle; who starts late joins in at the next due time, in phase. */
static inline int64_t hil_schedule_first(const struct hil_bus_schedule *s, int64_t now_ns)
{
    int64_t due = s->start_ns + s->phase_ns;
    return due < now_ns ? due + ((now_ns - due) / s->period_ns + 1) * s->period_ns : due;
}

/* The cycle behind the one that was due at due_ns, or the first that is still ahead; *missed are those between. */
static inline int64_t hil_schedule_next(const struct hil_bus_schedule *s, int64_t due_ns, int64_t now_ns,
                                        uint64_t *missed)
{
    int64_t late = now_ns - (due_ns + s->period_ns);
    *missed = late < 0 ? 0 : (uint64_t)(late / s->period_ns + 1);
    return due_ns + (int64_t)(*missed + 1) * s->period_ns;
}

/* The bench's next tick: when it will latch what is there now. */
static inline int64_t hil_schedule_latch(const struct hil_bus_schedule *s, int64_t now_ns)
{
    int64_t tick = s->tick_ns > 0 ? s->tick_ns : s->period_ns, into = (now_ns - s->start_ns) % tick;
    return now_ns + (into > 0 ? tick - into : -into);
}

#endif
