#include "hil_drivers/bus_thread.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* Below this a sleep is a bare clock_nanosleep, which wakes up more exactly than poll and cannot be cut short. */
#define EXACT_SLEEP_NS 20000000

int64_t hil_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void hil_thread_init(struct hil_thread *t) { *t = (struct hil_thread){.wake_fd = -1}; }

static void close_wake(struct hil_thread *t)
{
    int saved = errno;
    if (t->wake_fd >= 0)
        close(t->wake_fd);
    t->wake_fd = -1;
    errno = saved;
}

/* Everything explicit: a thread with default attributes would inherit the creator's policy and affinity. */
static int set_attributes(pthread_attr_t *attr, const struct hil_thread_options *o)
{
    struct sched_param param = {.sched_priority = o->policy == SCHED_OTHER ? 0 : o->priority};
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (o->cpu < 0 || o->cpu == i)
            CPU_SET(i, &cpus);
    int err = pthread_attr_setinheritsched(attr, PTHREAD_EXPLICIT_SCHED);
    err = err ? err : pthread_attr_setschedpolicy(attr, o->policy);
    err = err ? err : pthread_attr_setschedparam(attr, &param);
    return err ? err : pthread_attr_setaffinity_np(attr, sizeof cpus, &cpus);
}

static int create(struct hil_thread *t, const struct hil_thread_options *o, void *(*run)(void *), void *arg)
{
    pthread_attr_t attr;
    sigset_t all, before;
    int err = pthread_attr_init(&attr);
    if (err)
        return err;
    err = set_attributes(&attr, o);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    err = err ? err : pthread_create(&t->id, &attr, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return err;
}

int hil_thread_start(struct hil_thread *t, const struct hil_thread_options *options, void *(*run)(void *), void *arg)
{
    if (t->running)
        return HIL_E_ARG;
    struct hil_thread_options o = *options;
    t->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (t->wake_fd < 0)
        return HIL_E_OS;
    int err = create(t, &o, run, arg);
    t->realtime = err == 0 && o.policy != SCHED_OTHER;
    if (err == EPERM && o.policy != SCHED_OTHER) {
        o.policy = SCHED_OTHER;
        err = create(t, &o, run, arg);
    }
    t->running = err == 0;
    if (err)
        close_wake(t);
    errno = err;
    return err ? HIL_E_OS : HIL_OK;
}

void hil_thread_ask_stop(struct hil_thread *t)
{
    uint64_t one = 1;
    atomic_store_explicit(&t->stop, 1, memory_order_release);
    ssize_t written = t->wake_fd < 0 ? 0 : write(t->wake_fd, &one, sizeof one);
    (void)written; /* fails only when the counter is full, and then the descriptor is readable all the same */
}

void hil_thread_join(struct hil_thread *t)
{
    if (t->running)
        pthread_join(t->id, NULL);
    t->running = 0;
    close_wake(t);
    atomic_store(&t->stop, 0);
}

int hil_thread_poll(struct hil_thread *t, int fd, short events, int64_t due_ns)
{
    struct pollfd p[2] = {{t->wake_fd, POLLIN, 0}, {fd, events, 0}};
    int n;
    do { /* again after a signal, for what is left */
        int64_t left = due_ns - hil_now_ns();
        left = left > 0 ? left : 0;
        struct timespec wait = {left / 1000000000, left % 1000000000};
        n = ppoll(p, fd < 0 ? 1 : 2, &wait, NULL);
    } while (n < 0 && errno == EINTR);
    return n > 0 && fd >= 0 && p[1].revents != 0;
}

void hil_thread_sleep_until(struct hil_thread *t, int64_t due_ns)
{
    int64_t exact_from = due_ns - EXACT_SLEEP_NS;
    if (hil_now_ns() < exact_from)
        hil_thread_poll(t, -1, 0, exact_from);
    struct timespec due = {due_ns / 1000000000, due_ns % 1000000000};
    while (!hil_thread_stopping(t) && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR) {
    }
}
