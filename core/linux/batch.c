/* A batch: threads take runs one by one; a run stays with its thread, and its state in that core's cache, to its end. */
#include "hil/batch.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define LINE 64 /* bytes of a cache line */

size_t hil_batch_stride(const struct hil_program *p)
{
    size_t lines = (hil_state_size(p) + LINE - 1) / LINE;
    return (lines | 1) * LINE;
}

/* ---- one run ---- */

static const double *at(const unsigned char *s, uint32_t offset) { return (const double *)(const void *)(s + offset); }

static uint64_t tick_of(const unsigned char *s) { return ((const struct hil_state *)(const void *)s)->tick; }

/* The state before the first tick; 0 when an event is refused. */
static int prepare(const struct hil_batch *b, struct hil_batch_run *run, unsigned char *s)
{
    memcpy(s, run->from, hil_state_size(b->program));
    ((struct hil_state *)(void *)s)->seed = run->seed;
    for (uint32_t i = 0; i < run->n_events; i++) {
        run->err = hil_event_push(b->program, s, &run->events[i]);
        run->refused = i;
        if (run->err)
            return 0;
    }
    return 1;
}

static void keep_row(const struct hil_batch *b, uint64_t run, uint64_t row, const unsigned char *s)
{
    for (uint32_t i = 0; i < b->n_offsets; i++)
        b->rows[(i * (uint64_t)b->n_runs + run) * b->n_rows + row] = *at(s, b->offsets[i]);
}

/* `n` ticks with all that is to be seen of them; `row` is the next one to be kept. */
static void run_watched(const struct hil_batch *b, const struct hil_program *p, struct hil_reducing *r, uint64_t run,
                        uint64_t n, unsigned char *s, uint64_t *row)
{
    for (uint64_t end = tick_of(s) + n; tick_of(s) < end;) {
        uint64_t tick = tick_of(s);
        hil_tick(p, s);
        if (b->n_rows && tick % b->every == 0)
            keep_row(b, run, (*row)++, s);
        hil_reduce_all(r, b->reductions, b->n_reductions, s, tick);
        if (b->wander.n)
            hil_wander_on(&b->wander, s);
    }
}

static void run_bare(const struct hil_program *p, uint64_t n, unsigned char *s)
{
    for (uint64_t i = 0; i < n; i++)
        hil_tick(p, s);
}

/* 0 when it was stopped. */
static int run_ticks(struct hil_batch *b, struct hil_reducing *r, uint64_t run, unsigned char *s)
{
    const int watched = b->n_rows || b->n_reductions || b->wander.n;
    const struct hil_program *p = b->part && hil_part_serves(b->program, s) ? b->part : b->program;
    uint64_t row = 0;
    for (uint64_t left = b->ticks; left;) {
        if (atomic_load_explicit(&b->stop, memory_order_relaxed))
            return 0;
        uint64_t n = left < HIL_BATCH_CHUNK ? left : HIL_BATCH_CHUNK;
        if (watched)
            run_watched(b, p, r, run, n, s, &row);
        else
            run_bare(p, n, s);
        left -= n;
    }
    return 1;
}

static void run_one(struct hil_batch *b, struct hil_reducing *r, uint32_t number, unsigned char *s)
{
    struct hil_batch_run *run = &b->runs[number];
    if (!prepare(b, run, s)) {
        atomic_store(&b->stop, 1);
        return;
    }
    for (uint32_t i = 0; i < b->n_reductions; i++)
        hil_reduce_begin(&r[i], b->reductions[i].kind);
    if (!run_ticks(b, r, number, s))
        return;
    for (uint32_t i = 0; i < b->n_reductions; i++)
        b->reduced[(uint64_t)i * b->n_runs + number] = hil_reduce_end(&r[i], b->reductions[i].kind);
    run->hash = hil_state_hash(b->program, s);
    run->done = 1;
}

/* ---- threads ---- */

static void *thread(void *arg)
{
    const struct hil_batch_seat *seat = arg;
    struct hil_batch *b = seat->team->batch;
    struct hil_reducing *r = b->reducing + (uint64_t)seat->number * b->n_reductions;
    const int kept = b->n_states == b->n_runs;
    uint32_t number;
    while (!atomic_load(&b->stop) && (number = atomic_fetch_add(&b->next, 1)) < b->n_runs) {
        run_one(b, r, number, b->states + (kept ? number : seat->number) * b->stride);
        atomic_fetch_add(&b->finished, 1);
    }
    return NULL;
}

int hil_batch_start(struct hil_batch_team *team, struct hil_batch *batch, uint32_t n_threads)
{
    if (n_threads < 1 || n_threads > HIL_BATCH_MAX_THREADS || n_threads > batch->n_states)
        return HIL_E_ARG;
    memset(team, 0, sizeof *team);
    team->batch = batch;
    for (uint32_t i = 0; i < n_threads; i++) {
        pthread_t id;
        team->seat[i] = (struct hil_batch_seat){team, i};
        int err = pthread_create(&id, NULL, thread, &team->seat[i]);
        if (err && i == 0) {
            errno = err;
            return HIL_E_OS;
        }
        if (err)
            break; /* fewer threads do the same work */
        team->thread[team->n_threads++] = (unsigned long)id;
    }
    return HIL_OK;
}

int hil_batch_wait(struct hil_batch_team *team, int timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t ns = until.tv_nsec + (int64_t)timeout_ms * 1000000;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    while (team->n_ended < team->n_threads) {
        if (pthread_timedjoin_np((pthread_t)team->thread[team->n_ended], NULL, &until))
            return 0;
        team->n_ended++;
    }
    return 1;
}
