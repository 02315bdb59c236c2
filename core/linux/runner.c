/* The real-time thread: tick k is due at start + k * period, always. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "hil/linux.h"

#define LEAD_NS 5000000 /* from here to the first tick: enough to be asleep before it */

static const struct hil_state *header(const struct hil_loop *l)
{
    return (const struct hil_state *)(const void *)l->state;
}

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void sleep_until(int64_t t)
{
    struct timespec ts = {t / 1000000000, t % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR) {
    }
}

static int64_t wait_for(int64_t due, int64_t spin_ns)
{
    int64_t now = hil_clock_ns();
    if (now < due - spin_ns)
        sleep_until(due - spin_ns);
    while ((now = hil_clock_ns()) < due)
        relax();
    return now - due;
}

static void find_slowest(const struct hil_loop *l, uint64_t tick, struct hil_overrun *o)
{
    const struct hil_profile *p = l->profile;
    o->slowest = UINT32_MAX;
    for (uint32_t i = 0; p && i < p->n; i++) {
        if (p->blocks[i].tick != tick || p->blocks[i].last_ns <= o->slowest_ns)
            continue;
        o->slowest = i;
        o->slowest_ns = p->blocks[i].last_ns;
    }
}

static void skip(struct hil_runner *r, uint64_t n)
{
    if (n)
        hil_loop_skip(r->loop, n);
    r->late_in_row = 0;
}

/* What the rig wants when a tick has not ended in its period; 0 ends the run. */
static int apply_policy(struct hil_runner *r, uint64_t missed)
{
    static const struct hil_event safe = {.due = HIL_NEXT_TICK, .kind = HIL_EV_SAFE, .v = {HIL_SAFE_OVERRUN}};
    switch (r->config.policy) {
    case HIL_SKIP: skip(r, missed); return 1;
    case HIL_CATCH_UP:
        if (++r->late_in_row >= (int64_t)r->config.max_catch_up)
            skip(r, missed);
        return 1;
    case HIL_STOP: return 0;
    case HIL_SAFE_STATE: hil_loop_event(r->loop, &safe); return 1;
    default: return 1;
    }
}

/* 0 ends the run. */
static int judge(struct hil_runner *r, uint64_t done, uint64_t tick, int64_t due, int64_t late_ns)
{
    struct hil_loop *l = r->loop;
    int64_t period = hil_program_period_ns(l->program), after = hil_clock_ns() - due;
    if (after <= period) {
        r->late_in_row = 0;
        return 1;
    }
    struct hil_overrun o = {.late_ns = late_ns,
                            .exec_ns = l->exec_ns,
                            .missed = (uint64_t)(after / period),
                            .grace = done < r->config.grace_ticks};
    find_slowest(l, tick, &o);
    hil_loop_note_overrun(l, &o);
    if (o.grace) {
        if (r->config.policy == HIL_SKIP)
            skip(r, o.missed);
        return 1;
    }
    l->overruns++;
    l->missed += o.missed;
    return apply_policy(r, o.missed);
}

static int run(struct hil_runner *r)
{
    struct hil_loop *l = r->loop;
    const struct hil_state *h = header(l);
    uint64_t first = h->tick;
    for (uint64_t done = 0; !r->config.n_ticks || h->tick - first < r->config.n_ticks; done++) {
        if (atomic_load_explicit(&l->stop, memory_order_relaxed))
            return HIL_END_STOPPED;
        uint64_t tick = h->tick;
        int64_t due = l->start_ns + (int64_t)tick * hil_program_period_ns(l->program);
        int64_t late_ns = wait_for(due, r->config.spin_ns);
        hil_loop_cycle(l, late_ns);
        int go_on = judge(r, done, tick, due, late_ns);
        atomic_store_explicit(&r->tick, h->tick, memory_order_release);
        if (!go_on)
            return HIL_END_OVERRUN;
    }
    return HIL_END_DONE;
}

static void *thread(void *arg)
{
    struct hil_runner *r = arg;
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); /* SCHED_OTHER sleeps would be rounded by 50 us */
    int end = run(r);
    hil_loop_ended(r->loop);
    atomic_store_explicit(&r->end, end, memory_order_release);
    return NULL;
}

/* Policy and affinity through the attributes, so that nothing is inherited by accident. */
static int create(struct hil_runner *r, int fifo, int pin)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
    struct sched_param param = {.sched_priority = fifo ? r->config.priority : 0};
    pthread_attr_setschedpolicy(&attr, fifo ? SCHED_FIFO : SCHED_OTHER);
    pthread_attr_setschedparam(&attr, &param);
    if (pin) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(r->config.cpu, &set);
        pthread_attr_setaffinity_np(&attr, sizeof set, &set);
    }
    pthread_t id;
    int err = pthread_create(&id, &attr, thread, r);
    pthread_attr_destroy(&attr);
    r->thread = (unsigned long)id;
    return err;
}

int hil_runner_start(struct hil_runner *r, struct hil_loop *loop, const struct hil_runner_config *config)
{
    memset(r, 0, sizeof *r);
    r->loop = loop;
    r->config = *config;
    atomic_store(&r->tick, header(loop)->tick);
    int64_t first_ns = config->first_ns ? config->first_ns : hil_clock_ns() + LEAD_NS;
    loop->start_ns = first_ns - (int64_t)header(loop)->tick * hil_program_period_ns(loop->program);
    atomic_store(&loop->stop, 0);
    int fifo = config->priority > 0, pin = config->cpu >= 0;
    int err = create(r, fifo, pin);
    if (err && pin) { /* a CPU that does not exist or is not ours */
        r->affinity_errno = err;
        err = create(r, fifo, pin = 0);
        if (err)
            r->affinity_errno = 0, pin = config->cpu >= 0;
    }
    if (err && fifo) {
        r->fifo_errno = err;
        err = create(r, 0, pin);
    }
    if (err) {
        errno = err;
        return HIL_E_OS;
    }
    return HIL_OK;
}

void hil_runner_stop(struct hil_runner *r) { atomic_store_explicit(&r->loop->stop, 1, memory_order_relaxed); }

int hil_runner_join(struct hil_runner *r)
{
    pthread_join((pthread_t)r->thread, NULL);
    return atomic_load_explicit(&r->end, memory_order_acquire);
}
