/* The cost of recording: push one sample of 200 doubles into a single-producer ring of 6.5 MB.
 *
 * Prints, each line with its unit: pushes into a ring nobody drains; a copy of the same size within the first cache; pushes
 * at 10 kHz while a consumer on another core drains every millisecond; one clock reading; producer and consumer flat out. */
#include "yardstick.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#define SAMPLE   200u
#define CAPACITY 4096ul
enum { REPEAT = 3, PACE_NS = 100000 };
static const struct timespec DRAIN_PAUSE = {0, 1000000};

/* Producer's and consumer's indices each have a cache line, or every push would wait for the other core. */
static double *slots;
static _Alignas(64) atomic_ulong head;
static _Alignas(64) atomic_ulong tail;
static _Alignas(64) volatile int stop;
static double sum; /* keeps the compiler from dropping the work */

/* The consumer's index is read again only if the last known one says "full". */
static inline bool push(const double *sample)
{
    static unsigned long known_tail;
    unsigned long h = atomic_load_explicit(&head, memory_order_relaxed);

    if (h - known_tail >= CAPACITY) {
        known_tail = atomic_load_explicit(&tail, memory_order_acquire);
        if (h - known_tail >= CAPACITY)
            return false;
    }
    memcpy(slots + (h % CAPACITY) * SAMPLE, sample, SAMPLE * sizeof *sample);
    atomic_store_explicit(&head, h + 1, memory_order_release);
    return true;
}

static void pin_to(int cpu)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    sched_setaffinity(0, sizeof cpus, &cpus); /* of the calling thread */
}

static void *drain(void *pause)
{
    static double out[SAMPLE];

    pin_to(0);
    while (!stop) {
        unsigned long t = atomic_load_explicit(&tail, memory_order_relaxed);
        unsigned long h = atomic_load_explicit(&head, memory_order_acquire);
        if (t == h) {
            if (pause != NULL)
                nanosleep(pause, NULL);
            continue;
        }
        for (; t != h; t++) {
            memcpy(out, slots + (t % CAPACITY) * SAMPLE, sizeof out);
            sum += out[0];
        }
        atomic_store_explicit(&tail, t, memory_order_release);
    }
    return NULL;
}

static pthread_t start_consumer(const struct timespec *pause)
{
    pthread_t consumer;

    stop = 0;
    if (pthread_create(&consumer, NULL, drain, (void *)pause) != 0)
        exit(1);
    return consumer;
}

static void stop_consumer(pthread_t consumer)
{
    stop = 1;
    pthread_join(consumer, NULL);
}

static void push_only(double *sample)
{
    enum { N = 400000 };
    int64_t start = now_ns();

    for (int i = 0; i < N; i++) {
        sample[0] = i;
        push(sample);
        atomic_store(&tail, atomic_load(&head));
    }
    printf("push only ring6.5MB ns=%.1f\n", (double)(now_ns() - start) / N);
}

static void copy_in_cache(double *sample)
{
    enum { N = 5000000 };
    double copy[SAMPLE];
    int64_t start = now_ns();

    for (int i = 0; i < N; i++) {
        sample[0] = i;
        memcpy(copy, sample, sizeof copy);
        __asm__ volatile("" ::"r"(copy) : "memory");
    }
    printf("memcpy 1600B L1 ns=%.1f\n", (double)(now_ns() - start) / N);
}

static void push_paced(double *sample)
{
    enum { N = 10000 };
    static int64_t ns[N];
    pthread_t consumer = start_consumer(&DRAIN_PAUSE);
    int64_t due = now_ns();

    for (int i = 0; i < N; i++, due += PACE_NS) {
        while (now_ns() < due)
            ;
        sample[0] = i;
        int64_t start = now_ns();
        push(sample);
        ns[i] = now_ns() - start;
    }
    stop_consumer(consumer);
    sort_ns(ns, N);
    printf("paced 10kHz push p50=%lld p99=%lld max=%lld ns (incl 1 clock read)\n", (long long)ns[N / 2],
           (long long)ns[N * 99 / 100], (long long)ns[N - 1]);
}

static void read_clock(void)
{
    enum { N = 5000000 };
    int64_t start = now_ns(), total = 0;

    for (int i = 0; i < N; i++)
        total += now_ns();
    printf("clock_gettime ns=%.1f\n", (double)(now_ns() - start) / N);
    sum += (double)total;
}

static void push_flat_out(double *sample)
{
    enum { N = 1000000 };
    pthread_t consumer = start_consumer(NULL);
    int64_t start = now_ns();

    for (int i = 0; i < N;) {
        sample[0] = i;
        if (push(sample))
            i++;
    }
    double elapsed_ns = (double)(now_ns() - start);
    printf("spsc full rate ns/sample=%.1f (%.1f GB/s)\n", elapsed_ns / N, SAMPLE * 8.0 * N / elapsed_ns);
    stop_consumer(consumer);
}

int main(void)
{
    double sample[SAMPLE];

    slots = aligned_alloc(64, CAPACITY * sizeof sample);
    memset(slots, 0, CAPACITY * sizeof sample);
    for (unsigned i = 0; i < SAMPLE; i++)
        sample[i] = i;
    pin_to(1);
    for (int i = 0; i < REPEAT; i++)
        push_only(sample);
    copy_in_cache(sample);
    for (int i = 0; i < REPEAT; i++)
        push_paced(sample);
    read_clock();
    for (int i = 0; i < REPEAT; i++)
        push_flat_out(sample);
    fprintf(stderr, "%g\n", sum);
    return 0;
}
