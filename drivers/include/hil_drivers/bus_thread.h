/* The thread of one bus (Linux): scheduling, sleeping to an absolute time, stopping at once. */
#ifndef HIL_DRIVERS_BUS_THREAD_H
#define HIL_DRIVERS_BUS_THREAD_H

#include <pthread.h>
#include <stdatomic.h>

#include "hil/types.h"

/* How a bus thread runs. policy: SCHED_OTHER or SCHED_FIFO with priority 1 to 99; cpu: -1 for any. */
struct hil_thread_options {
    int policy, priority, cpu;
};

struct hil_thread {
    pthread_t id;
    int wake_fd; /* while it runs: eventfd, readable from the moment a stop is asked for; else -1 */
    atomic_int stop;
    int running;
    int realtime; /* the policy asked for was granted; without the privilege the thread runs under SCHED_OTHER */
};

void hil_thread_init(struct hil_thread *t);
/* Starts run(arg) with all signals blocked. HIL_E_OS with errno, HIL_E_ARG when it runs already. */
int hil_thread_start(struct hil_thread *t, const struct hil_thread_options *options, void *(*run)(void *), void *arg);
/* Asks the thread to stop; hil_thread_join waits for it and withdraws the request. Both may be called when it does not run. */
void hil_thread_ask_stop(struct hil_thread *t);
void hil_thread_join(struct hil_thread *t);

static inline int hil_thread_stopping(struct hil_thread *t)
{
    return atomic_load_explicit(&t->stop, memory_order_acquire);
}

int64_t hil_now_ns(void); /* CLOCK_MONOTONIC */
/* Sleeps until an absolute monotonic time, or until a stop is asked for (then at most 20 ms longer). */
void hil_thread_sleep_until(struct hil_thread *t, int64_t due_ns);
/* Waits until `fd` has one of `events`, a stop is asked for or the time has come. 1: fd is ready, 0: it is not. */
int hil_thread_poll(struct hil_thread *t, int fd, short events, int64_t due_ns);

#endif
