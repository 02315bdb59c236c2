/* Lateness of a periodic thread that does nothing else: the limit of any loop on this machine.
 *
 * usage: wakeup nanosleep|hybrid PERIOD_US SECONDS PRIORITY CPU [SPIN_US]
 *
 * `nanosleep` sleeps until each due time; `hybrid` sleeps until SPIN_US before it and spins for the rest.
 * PRIORITY above 0 asks for SCHED_FIFO. */
#include "yardstick.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* After so many missed periods the schedule starts anew, or one long stall would be counted many times. */
enum { GIVE_UP_PERIODS = 50 };

struct job {
    bool hybrid;
    int64_t period_ns, spin_ns;
    long n;
    int priority, cpu;
    int64_t *late_ns;
};

static void sleep_until(int64_t due_ns)
{
    struct timespec due = {due_ns / 1000000000LL, due_ns % 1000000000LL};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) != 0)
        ;
}

static void sleep_and_spin_until(int64_t due_ns, int64_t spin_ns)
{
    if (due_ns - spin_ns > now_ns())
        sleep_until(due_ns - spin_ns);
    while (now_ns() < due_ns)
        __builtin_ia32_pause();
}

static void become_real_time(const struct job *job)
{
    struct sched_param fifo = {.sched_priority = job->priority};
    cpu_set_t cpus;

    if (job->priority > 0 && pthread_setschedparam(pthread_self(), SCHED_FIFO, &fifo) != 0)
        fprintf(stderr, "SCHED_FIFO was refused\n");
    CPU_ZERO(&cpus);
    CPU_SET(job->cpu, &cpus);
    pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus);
}

static void *loop(void *argument)
{
    const struct job *job = argument;
    int64_t due;

    become_real_time(job);
    due = now_ns() + job->period_ns;
    for (long i = 0; i < job->n; i++) {
        if (job->hybrid)
            sleep_and_spin_until(due, job->spin_ns);
        else
            sleep_until(due);
        job->late_ns[i] = now_ns() - due;
        due += job->period_ns;
        int64_t now = now_ns();
        if (now > due + job->period_ns * GIVE_UP_PERIODS)
            due = now + job->period_ns;
    }
    return NULL;
}

/* Keeps the processor out of deep sleep for as long as the file stays open. */
static void forbid_deep_sleep(void)
{
    int latency_us = 0, fd = open("/dev/cpu_dma_latency", O_WRONLY);

    if (fd >= 0 && write(fd, &latency_us, sizeof latency_us) < 0)
        perror("cpu_dma_latency");
}

static void print_lateness(const struct job *job)
{
    int64_t *ns = job->late_ns;
    double sum = 0;
    long misses = 0;

    for (long i = 0; i < job->n; i++) {
        sum += (double)ns[i];
        misses += ns[i] > job->period_ns;
    }
    sort_ns(ns, job->n);
    printf(
        "%s period=%gus prio=%d spin=%gus n=%ld min=%.2f avg=%.2f p50=%.2f p99=%.2f p99.9=%.2f p99.99=%.2f max=%.1f us"
        " misses=%ld\n",
        job->hybrid ? "hybrid" : "nanosleep", (double)job->period_ns / 1e3, job->priority, (double)job->spin_ns / 1e3,
        job->n, (double)ns[0] / 1e3, sum / (double)job->n / 1e3, quantile_us(ns, job->n, 0.5),
        quantile_us(ns, job->n, 0.99), quantile_us(ns, job->n, 0.999), quantile_us(ns, job->n, 0.9999),
        (double)ns[job->n - 1] / 1e3, misses);
}

int main(int argc, char **argv)
{
    struct job job;
    pthread_t thread;

    if (argc < 6) {
        fprintf(stderr, "usage: wakeup nanosleep|hybrid PERIOD_US SECONDS PRIORITY CPU [SPIN_US]\n");
        return 2;
    }
    job.hybrid = strcmp(argv[1], "hybrid") == 0;
    job.period_ns = (int64_t)(atof(argv[2]) * 1e3);
    job.n = (long)(atof(argv[3]) * 1e9 / (double)job.period_ns);
    job.priority = atoi(argv[4]);
    job.cpu = atoi(argv[5]);
    job.spin_ns = argc > 6 ? (int64_t)(atof(argv[6]) * 1e3) : 0;
    job.late_ns = malloc(sizeof *job.late_ns * (size_t)job.n);

    /* Every page is touched before the loop, so that none is faulted in during it. */
    mlockall(MCL_CURRENT | MCL_FUTURE);
    memset(job.late_ns, 0, sizeof *job.late_ns * (size_t)job.n);
    forbid_deep_sleep();
    if (pthread_create(&thread, NULL, loop, &job) != 0)
        return 1;
    pthread_join(thread, NULL);
    print_lateness(&job);
    return 0;
}
