/* The only part of the core that knows an operating system: clock, real-time thread, scheduling, tick tokens. */
#ifndef HIL_LINUX_H
#define HIL_LINUX_H

#include "hil/loop.h"

/* CLOCK_MONOTONIC in ns. In a tick: yes. */
int64_t hil_clock_ns(void);

/* ---- real-time thread ---- */

enum hil_overrun_policy { HIL_COUNT = 0, HIL_SKIP = 1, HIL_CATCH_UP = 2, HIL_STOP = 3, HIL_SAFE_STATE = 4 };

struct hil_runner_config {
    uint32_t policy;       /* enum hil_overrun_policy */
    uint32_t grace_ticks;  /* overruns in the first ticks are noted, not counted */
    uint32_t max_catch_up; /* HIL_CATCH_UP: at most so many late ticks in a row, the rest is skipped */
    int32_t priority;      /* SCHED_FIFO 1..99; 0: leave the policy alone */
    int32_t cpu;           /* -1: no affinity */
    int64_t spin_ns;       /* busy wait before the deadline */
    uint64_t n_ticks;      /* 0: until stopped */
    int64_t first_ns;      /* when the next tick is due, on hil_clock_ns; 0: soon */
};

enum hil_runner_end { HIL_RUNNING = 0, HIL_END_DONE = 1, HIL_END_STOPPED = 2, HIL_END_OVERRUN = 3 };

struct hil_runner {
    struct hil_loop *loop;
    struct hil_runner_config config;
    int fifo_errno, affinity_errno; /* 0: granted */
    _Atomic int end;                /* enum hil_runner_end */
    _Atomic uint64_t tick;          /* ticks finished, for readers in other threads */
    int64_t late_in_row;
    unsigned long thread;
};

/* Starts the thread; loop and runner stay the caller's and must live until hil_runner_join. HIL_E_OS with errno. */
int hil_runner_start(struct hil_runner *r, struct hil_loop *loop, const struct hil_runner_config *config);
/* Asks the thread to end after its tick (an atomic flag, no queue). */
void hil_runner_stop(struct hil_runner *r);
/* Waits for the end; enum hil_runner_end. */
int hil_runner_join(struct hil_runner *r);
/* mlockall for the whole process; 0 or errno. */
int hil_lock_memory(void);

/* ---- tick tokens: lock-step with an emulated device over a side socket ---- */

struct hil_token {
    uint64_t tick;
    int64_t time_ns;
};

/* Sends the token and waits for its echo: the device has run its tick. HIL_OK, HIL_E_TIMEOUT or HIL_E_OS. */
int hil_token_give(int fd, const struct hil_token *token, int timeout_ms);
/* Device side: waits for a token (HIL_OK), 1 ms steps up to timeout_ms (HIL_E_TIMEOUT); HIL_E_OS: the other side has gone. */
int hil_token_wait(int fd, struct hil_token *token, int timeout_ms);
/* Device side: the tick is done. */
int hil_token_done(int fd, const struct hil_token *token);

/* Bench side: a bus with the token in the middle: outputs go out, the device runs its tick, inputs come in. */
struct hil_token_port {
    struct hil_bus_port port; /* give this one to the loop */
    struct hil_bus_port *wire;
    uint64_t count;
    int fd, timeout_ms;
};
void hil_token_port_init(struct hil_token_port *t, struct hil_bus_port *wire, int fd, int timeout_ms);

/* Device side: one cycle of the loop for each token, until `stop` or the other side has gone (*err = HIL_E_OS). A client
 * device exchanges with its server before and after its tick. Returns the ticks run. */
uint64_t hil_serve_tokens(struct hil_loop *l, int fd, struct hil_bus_port *wire, int *err);

#endif
