/* Counts what threads with a clock call between their sleeps: to be preloaded (LD_PRELOAD) into a process that runs a bench.
 *
 * A thread makes itself known by its first clock_nanosleep with an absolute time. What it calls from then on counts
 * once it sleeps again, so that neither the thread's start nor its end is in the figures. A microcontroller link's thread
 * waits in ppoll instead. Threads are told apart by the library in which they were started. tick_calls() gives the sum
 * of all, thread_calls() those of one.
 * Python's own time.sleep is such a sleep, too: the main thread counts only after tick_calls_of_main(). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Locks are calls that may become a futex. Every take of the GIL is one, too, and named where Python is a library. */
enum { MEMORY, LOCKS, CLOCKS, SLEEPS, GIL, SWITCHES, KINDS };
enum { THREADS = 64 };

struct counted {
    const char *library; /* path; owned by the loader */
    pid_t id;
    _Atomic unsigned long total[KINDS];
};
static struct counted threads[THREADS];
static _Atomic int n_threads;
static int counts_switches; /* asking for them is a system call of its own */
static int main_counts;

static __thread struct counted *me __attribute__((tls_model("initial-exec")));
static __thread const char *started_in __attribute__((tls_model("initial-exec")));
static __thread unsigned long now[KINDS] __attribute__((tls_model("initial-exec")));
static __thread long switches __attribute__((tls_model("initial-exec")));

static void count(int kind)
{
    if (me)
        now[kind]++;
}

void tick_calls_of_main(void) { main_counts = 1; }
void count_switches(void) { counts_switches = 1; }

unsigned long thread_calls(int thread, int kind) { return atomic_load(&threads[thread].total[kind]); }
const char *thread_library(int thread) { return threads[thread].library ? threads[thread].library : ""; }
int thread_id(int thread) { return threads[thread].id; }
int thread_number(void) { return atomic_load(&n_threads) < THREADS ? atomic_load(&n_threads) : THREADS; }

unsigned long tick_calls(int kind)
{
    unsigned long sum = 0;
    for (int i = 0; i < thread_number(); i++)
        sum += thread_calls(i, kind);
    return sum;
}

static long voluntary_switches(void)
{
    struct rusage used;
    return counts_switches && getrusage(RUSAGE_THREAD, &used) == 0 ? used.ru_nvcsw : 0;
}

/* Adds up what was called since the last sleep. */
static void commit(void)
{
    long all = voluntary_switches();
    now[SWITCHES] = (unsigned long)(all - switches);
    switches = all;
    for (int i = 0; i < KINDS; i++) {
        atomic_fetch_add(&me->total[i], now[i]);
        now[i] = 0;
    }
}

static void enter(void)
{
    int at = atomic_fetch_add(&n_threads, 1);
    if (at >= THREADS)
        abort();
    threads[at].library = started_in;
    threads[at].id = gettid();
    me = &threads[at];
    switches = voluntary_switches();
}

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

/* The thread of a link waits here for its device and for its next period alike. */
int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *t, const sigset_t *mask)
{
    static int (*real)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
    if (!real)
        real = (int (*)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *))next("ppoll");
    if (started_in && strstr(started_in, "/_link.")) {
        if (me)
            commit();
        else
            enter();
        count(SLEEPS);
    }
    return real(fds, n, t, mask);
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *t, struct timespec *left)
{
    static int (*real)(clockid_t, int, const struct timespec *, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, int, const struct timespec *, struct timespec *))next("clock_nanosleep");
    if (me)
        commit();
    else if (flags == TIMER_ABSTIME && (main_counts || gettid() != getpid()))
        enter();
    count(SLEEPS);
    return real(clock, flags, t, left);
}

/* ---- who takes the GIL, through what a binding calls for it ---- */

int PyGILState_Ensure(void)
{
    static int (*real)(void);
    if (!real)
        real = (int (*)(void))next("PyGILState_Ensure");
    count(GIL);
    return real();
}

void PyEval_RestoreThread(void *state)
{
    static void (*real)(void *);
    if (!real)
        real = (void (*)(void *))next("PyEval_RestoreThread");
    count(GIL);
    real(state);
}

/* ---- where a thread was started ---- */

struct start {
    void *(*run)(void *);
    void *arg;
};

static void *run_started(void *arg)
{
    struct start s = *(struct start *)arg;
    Dl_info info;
    __libc_free(arg);
    if (dladdr((void *)s.run, &info))
        started_in = info.dli_fname;
    return s.run(s.arg);
}

int pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (!real)
        real = (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))next("pthread_create");
    struct start *s = __libc_malloc(sizeof *s);
    if (!s)
        return 11; /* EAGAIN */
    *s = (struct start){run, arg};
    int err = real(id, attr, run_started, s);
    if (err)
        __libc_free(s);
    return err;
}
