/* Captures: signals around the tick at which a condition comes to hold. A capture observes: it reads the state after each tick
 * and never changes it, so it lies beside the state, and no hash knows of it (docs/adr/015-captures.md). */
#ifndef HIL_CAPTURE_H
#define HIL_CAPTURE_H

#include "hil/loop.h"
#include "hil/watch.h"

#define HIL_MOST_CAPTURES 16 /* at once on one loop */
#define HIL_CAPTURE_OPEN  UINT64_MAX
/* Ticks that may be asked for. Marks tell ticks as doubles, which are exact up to twice as many. */
#define HIL_CAPTURE_LONGEST (UINT64_C(1) << 52)

enum hil_capture_state {
    HIL_CAPTURE_CONFIGURED = 0, /* no tick has been looked at */
    HIL_CAPTURE_ARMED = 1,      /* waits for its trigger */
    HIL_CAPTURE_TRIGGERED = 2,  /* its window is open */
    HIL_CAPTURE_FINISHED = 3,   /* every window is whole */
    HIL_CAPTURE_TIMEOUT = 4,    /* the trigger, or the one that ends the window, did not come in time */
    HIL_CAPTURE_ABORTED = 5,    /* somebody, or the end of the run, ended it */
    HIL_CAPTURE_ERROR = 6       /* rows were lost */
};

/* What is asked for, and how far it is. Plain data. */
struct hil_capture {
    struct hil_watch start, stop; /* stop without operations: the window ends `post` after the trigger */
    struct hil_watch_memory start_memory, stop_memory;
    uint64_t pre, post, timeout; /* ticks; with a stop condition `post` counts from the tick at which that holds */
    uint32_t count;              /* windows to be taken, one after the other */
    uint32_t state;              /* enum hil_capture_state */
    uint32_t done;               /* whole windows */
    uint32_t reserved;
    uint64_t armed;     /* first tick that is looked at for the next trigger */
    uint64_t triggered; /* tick of the last trigger; HIL_CAPTURE_OPEN before */
    uint64_t end;       /* last tick of its window; HIL_CAPTURE_OPEN while nobody knows */
};

/* HIL_OK when both conditions fit a state of `state_size` bytes, times are at most HIL_CAPTURE_LONGEST, and a window is wanted. */
int hil_capture_check(const struct hil_capture *c, size_t state_size);
void hil_capture_reset(struct hil_capture *c);
/* After each tick. Ticks that did not run (overrun policy `skip`) are in no window. Returns 1 when anything has changed but the
 * memories of conditions. In a tick: yes. */
int hil_capture_step(struct hil_capture *c, const unsigned char *state, uint64_t tick);

/* A capture on a loop, which alone may read or write `capture` until `left` is set: others learn of it by the ring. Frames in the
 * ring: group 0 are rows; group 1 marks, rows of four values: state, done, triggered, end (-1: open), one for each change. The owner keeps all of it until `left` is set, or the loop rests. */
struct hil_capture_slot {
    struct hil_capture capture;
    struct hil_group group;
    struct hil_ring *ring;
    _Atomic uint32_t abort; /* set by the owner: ends it at the next tick */
    _Atomic uint32_t left;  /* set by the loop, last of all: it does not know the slot any more */
};

struct hil_captures {
    _Atomic(struct hil_capture_slot *) slot[HIL_MOST_CAPTURES]; /* NULL: free */
    uint32_t news; /* one has ended, or a ring is getting full: virtual time lets its owner look */
};

/* Called by the loop behind the recorder. In a tick: yes. */
void hil_captures_step(struct hil_captures *all, const unsigned char *state, uint64_t tick, int64_t late_ns,
                       int64_t exec_ns);

#endif
