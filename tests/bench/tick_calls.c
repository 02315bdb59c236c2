/* Counts what the real-time thread calls between its ticks: to be preloaded (LD_PRELOAD) into a process that runs a loop.
 *
 * The thread makes itself known by its first clock_nanosleep with an absolute time. What it calls from then on counts
 * once it sleeps again, so that neither the thread's start nor its end is in the figures. tick_calls() gives them.
 * Python's own time.sleep is such a sleep, too: the main thread counts only after tick_calls_of_main(). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { MEMORY, LOCKS, CLOCKS, SLEEPS, KINDS };

static __thread int is_loop __attribute__((tls_model("initial-exec")));
static __thread unsigned long now[KINDS] __attribute__((tls_model("initial-exec")));
static _Atomic unsigned long total[KINDS];

static void count(int kind)
{
    if (is_loop)
        now[kind]++;
}

/* Adds up what was called since the last sleep. */
static void commit(void)
{
    for (int i = 0; i < KINDS; i++) {
        atomic_fetch_add(&total[i], now[i]);
        now[i] = 0;
    }
}

static int main_counts;
void tick_calls_of_main(void) { main_counts = 1; }

unsigned long tick_calls(int kind) { return atomic_load(&total[kind]); }

static void *next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found)
        abort();
    return found;
}

/* glibc's own names: dlsym allocates itself, so it cannot be asked for malloc. */
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

void *malloc(size_t n) { return count(MEMORY), __libc_malloc(n); }
void *calloc(size_t n, size_t each) { return count(MEMORY), __libc_calloc(n, each); }
void *realloc(void *p, size_t n) { return count(MEMORY), __libc_realloc(p, n); }
void *memalign(size_t align, size_t n) { return count(MEMORY), __libc_memalign(align, n); }
void *aligned_alloc(size_t align, size_t n) { return count(MEMORY), __libc_memalign(align, n); }
int posix_memalign(void **p, size_t align, size_t n)
{
    count(MEMORY);
    *p = __libc_memalign(align, n);
    return *p ? 0 : 12;
}
void free(void *p)
{
    count(MEMORY);
    __libc_free(p);
}

#define LOCK(name, type)                                                                                               \
    int name(type *lock)                                                                                               \
    {                                                                                                                  \
        static int (*real)(type *);                                                                                    \
        if (!real)                                                                                                     \
            real = (int (*)(type *))next(#name);                                                                       \
        count(LOCKS);                                                                                                  \
        return real(lock);                                                                                             \
    }
LOCK(pthread_mutex_lock, pthread_mutex_t)
LOCK(pthread_mutex_trylock, pthread_mutex_t)
LOCK(pthread_rwlock_rdlock, pthread_rwlock_t)
LOCK(pthread_rwlock_wrlock, pthread_rwlock_t)
LOCK(pthread_spin_lock, pthread_spinlock_t)
LOCK(pthread_cond_signal, pthread_cond_t)
LOCK(pthread_cond_broadcast, pthread_cond_t)
LOCK(sem_wait, sem_t)
LOCK(sem_trywait, sem_t)
LOCK(sem_post, sem_t)

int clock_gettime(clockid_t clock, struct timespec *t)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))next("clock_gettime");
    count(CLOCKS);
    return real(clock, t);
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *t, struct timespec *left)
{
    static int (*real)(clockid_t, int, const struct timespec *, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, int, const struct timespec *, struct timespec *))next("clock_nanosleep");
    if (is_loop)
        commit();
    is_loop |= flags == TIMER_ABSTIME && (main_counts || gettid() != getpid());
    count(SLEEPS);
    return real(clock, flags, t, left);
}
