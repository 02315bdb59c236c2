/* Many runs of one program at once: each begins with a copy of a state, runs to its end on one thread, and leaves a state,
 * rows of chosen values, or reductions. Linux only; what a run computes is hil_tick alone, so its bits are those of a run
 * by itself, whatever the number of threads. Not to be called in a tick. */
#ifndef HIL_BATCH_H
#define HIL_BATCH_H

#include "hil/part.h"
#include "hil/tick.h"

enum hil_reduction {
    HIL_MIN = 0, /* smallest value; NaN is left out here and in the next two; NaN when there was nothing else */
    HIL_MAX = 1,
    HIL_MEAN = 2,
    HIL_LAST = 3,     /* value after the last tick */
    HIL_FIRST_GT = 4, /* number of the first tick after which value > level; NaN when there was none */
    HIL_FIRST_GE = 5,
    HIL_FIRST_LT = 6,
    HIL_FIRST_LE = 7,
    HIL_CHANGES = 8, /* ticks after which the value is another than after the tick before; a switch's wear */
    HIL_N_REDUCTIONS = 9
};

struct hil_reduce {
    uint32_t offset; /* of a double in the state */
    uint32_t kind;   /* enum hil_reduction */
    double level;
};

/* A reduction on its way; zeroed before hil_reduce_begin. */
struct hil_reducing {
    double value, low_part; /* mean: sum and what its rounding lost (Neumaier, ZAMM 54, 1974) */
    uint64_t n;
};
void hil_reduce_begin(struct hil_reducing *r, uint32_t kind);
void hil_reduce_add(struct hil_reducing *r, const struct hil_reduce *what, double value, uint64_t tick);
/* The same for n reductions, each with its own value of the state. */
void hil_reduce_all(struct hil_reducing *r, const struct hil_reduce *what, uint32_t n, const unsigned char *state,
                    uint64_t tick);
double hil_reduce_end(const struct hil_reducing *r, uint32_t kind);

/* Process noise, for models that do not know all of a plant: after every tick behind which `every` ticks are whole, x += root w
 * for n doubles of the state, with white normal w of unit variance that depends on the run's seed and the tick alone. */
struct hil_wander {
    uint32_t n;     /* 0: none; at most HIL_WANDER_MAX */
    uint64_t every; /* ticks, counted from tick 0 */
    const uint32_t *offsets;
    const double *root;    /* n x n, row after row: the covariance is root root' */
    const double *lo, *hi; /* each stays within */
};
#define HIL_WANDER_MAX 32
void hil_wander_on(const struct hil_wander *w, unsigned char *state);

struct hil_batch_run {
    const unsigned char *from; /* state to begin with: of the batch's program, only read */
    uint64_t seed;
    const struct hil_event *events; /* staged in this order before the first tick */
    uint32_t n_events;
    /* Filled in: */
    uint32_t refused; /* number of the event that could not be staged */
    int err;          /* why not, or HIL_OK */
    int done;         /* ran to its end */
    uint64_t hash;    /* of its last state */
};

/* All memory is the caller's and stays until hil_batch_wait has said that the batch is over. */
struct hil_batch {
    const struct hil_program *program;
    const struct hil_program *part; /* of it, for runs that it serves; NULL: none. Their hashes are of what moved. */
    struct hil_wander wander;
    struct hil_batch_run *runs;
    uint32_t n_runs;
    uint64_t ticks;
    unsigned char *states; /* n_states of them, `stride` bytes apart, aligned to 64 */
    size_t stride;         /* hil_batch_stride */
    uint32_t n_states;     /* n_runs: each run leaves its last state; at least the number of threads: none is kept */
    /* Rows: after each tick that `every` divides, values at `offsets`; rows[signal][run][row], n_rows of them for a run. */
    const uint32_t *offsets;
    uint32_t n_offsets;
    uint64_t every, n_rows;
    double *rows;
    /* Reductions over all ticks: reduced[reduction][run]; `reducing` has n_reductions for each thread. */
    const struct hil_reduce *reductions;
    uint32_t n_reductions;
    double *reduced;
    struct hil_reducing *reducing;
    _Atomic uint32_t next, finished; /* runs taken, runs ended */
    _Atomic int stop;                /* set: runs end within HIL_BATCH_CHUNK ticks, none begins */
};

#define HIL_BATCH_MAX_THREADS 256
#define HIL_BATCH_CHUNK       1024 /* ticks between two looks at `stop` */

struct hil_batch_team {
    struct hil_batch *batch;
    uint32_t n_threads, n_ended;
    unsigned long thread[HIL_BATCH_MAX_THREADS];
    struct hil_batch_seat {
        struct hil_batch_team *team;
        uint32_t number;
    } seat[HIL_BATCH_MAX_THREADS];
};

/* Bytes from one state to the next: whole cache lines, an odd number of them, so that the states of the threads do not fall
 * into the same sets of a cache as they would a power of two apart. */
size_t hil_batch_stride(const struct hil_program *p);
/* Starts up to n_threads (1 to HIL_BATCH_MAX_THREADS) threads; HIL_E_OS with errno when not even one can be had. */
int hil_batch_start(struct hil_batch_team *team, struct hil_batch *batch, uint32_t n_threads);
/* Waits at most so long; 1 when all runs have ended and the threads are joined. */
int hil_batch_wait(struct hil_batch_team *team, int timeout_ms);

#endif
