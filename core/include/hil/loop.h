/* The loop around a tick: takes what came from outside, runs the tick, gives out what was published, records, accounts.
 * The same code runs in virtual time, in lock-step and in real time; only who calls it, and when, differs. */
#ifndef HIL_LOOP_H
#define HIL_LOOP_H

#include "hil/histogram.h"
#include "hil/port.h"
#include "hil/profile.h"
#include "hil/queue.h"
#include "hil/ring.h"
#include "hil/tick.h"

enum hil_frame_kind {
    HIL_FRAME_EVENT = 1,   /* inputs ring: group 0; payload struct hil_event as taken (due resolved) */
    HIL_FRAME_IMAGE = 2,   /* inputs ring: group = role; payload int64 source time, doubles */
    HIL_FRAME_SKIP = 3,    /* inputs ring: payload uint64 ticks left out */
    HIL_FRAME_HASH = 4,    /* inputs ring: payload uint64 state hash before this tick */
    HIL_FRAME_NOTE = 5,    /* inputs ring: payload struct hil_note */
    HIL_FRAME_SAMPLE = 6,  /* samples ring: struct hil_sample_head, doubles, then status bytes when flags bit 0 */
    HIL_FRAME_REFUSED = 7, /* inputs ring: payload struct hil_event, group = enum hil_err: not taken */
    HIL_FRAME_OVERRUN = 8  /* inputs ring: payload struct hil_overrun */
};

struct hil_sample_head {
    int64_t late_ns;
    uint32_t exec_ns, flags; /* bit 0: status bytes follow */
};

/* A tick that did not end in its period, or began more than a period late. */
struct hil_overrun {
    int64_t late_ns, exec_ns;
    uint64_t missed;  /* whole periods */
    uint32_t slowest; /* index into the profile: blocks, then paths */
    uint32_t grace;   /* 1: during the start-up grace, not counted */
    int64_t slowest_ns;
};

/* A recorded group: runs of consecutive doubles of the state, every n ticks. */
struct hil_run {
    uint32_t offset, n;
};
struct hil_group {
    uint32_t every, n_runs, n_values, n_status;
    const struct hil_run *runs;
    const uint32_t *status; /* byte offsets */
};

struct hil_captures;

struct hil_loop {
    const struct hil_program *program;
    unsigned char *state;
    int64_t (*clock)(void);      /* NULL in virtual time: nothing is timed */
    int64_t start_ns;            /* clock reading of tick 0 in real time; 0 else */
    struct hil_bus_port **buses; /* one per role, counted from 1; NULL where the role has no wire */
    int restamp;                 /* lock-step device: an image counts as of the tick that takes it */
    struct hil_queue *queue;
    struct hil_ring *inputs, *samples; /* NULL: not recorded */
    const struct hil_group *groups;
    uint32_t n_groups;
    uint32_t hash_every;         /* ticks between recorded state hashes; 0: never */
    struct hil_profile *profile; /* NULL: blocks are not timed */
    struct hil_histogram *late, *exec;
    uint64_t n_ticks;
    uint64_t overruns, missed;
    _Atomic int stop;
    _Atomic int stop_twin;            /* hil_loop_stop_twin */
    _Atomic(unsigned char *) copy_to; /* hil_loop_ask_copy */
    _Atomic int copied;
    int64_t exec_ns;                         /* of the last cycle */
    _Atomic(struct hil_captures *) captures; /* capture.h; NULL until one is asked for */
};

/* One cycle; `late_ns` is how late the thread woke up (0 in virtual time). No allocation, lock or system call besides the clock. */
void hil_loop_cycle(struct hil_loop *l, int64_t late_ns);
/* Up to n cycles in virtual time; ends early when `stop` is set, a ring has less than a quarter
 * left, or a capture has ended. Returns cycles run. */
uint64_t hil_loop_run(struct hil_loop *l, uint64_t n);
/* The same with an exchange of every role on a wire after each tick on which it is due. *err: 0, or what the failed exchange returned. */
uint64_t hil_loop_run_lockstep(struct hil_loop *l, uint64_t n, int *err);
/* Tells every bus that no tick follows; see port.h. */
void hil_loop_ended(struct hil_loop *l);
/* Overrun policy `skip`: recorded as an input. */
void hil_loop_skip(struct hil_loop *l, uint64_t n);
/* Every authority is revoked in the next tick that begins, behind whatever was accepted before: an event like any other, so
 * it is recorded and replayed. Any thread; needs no place in the queue. */
static inline void hil_loop_stop_twin(struct hil_loop *l)
{
    atomic_store_explicit(&l->stop_twin, 1, memory_order_release);
}
/* The state between two ticks, while the loop runs: the next cycle begins with copying it to `to`, which has
 * hil_state_size bytes. One asker at a time. hil_loop_copied: it is there. hil_loop_unask_copy: nobody waits any more; `to`
 * is the asker's again when this returns. Any thread; the cycle takes no lock and calls nothing. */
static inline void hil_loop_ask_copy(struct hil_loop *l, unsigned char *to)
{
    atomic_store_explicit(&l->copied, 0, memory_order_relaxed);
    atomic_store_explicit(&l->copy_to, to, memory_order_release);
}
static inline int hil_loop_copied(const struct hil_loop *l)
{
    return atomic_load_explicit(&l->copied, memory_order_acquire);
}
static inline void hil_loop_unask_copy(struct hil_loop *l)
{
    if (!atomic_exchange_explicit(&l->copy_to, NULL, memory_order_acq_rel))
        while (!hil_loop_copied(l)) /* a cycle has taken it and is copying: microseconds */
            ;
}
/* Takes what is in the queue now, as the next cycle would. By the thread that runs the cycles, or while none runs. */
void hil_loop_take_events(struct hil_loop *l);
/* An event that the loop itself raises (overrun policy `safe_state`, teardown); recorded like any other. */
void hil_loop_event(struct hil_loop *l, const struct hil_event *event);
void hil_loop_note_overrun(struct hil_loop *l, const struct hil_overrun *o);

#endif
