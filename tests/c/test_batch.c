/* A batch on four threads leaves, bit by bit, what each of its runs leaves alone; it refuses an event that cannot be, and it
 * ends early when it is told to. */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hil/batch.h"

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);                                           \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { NOISE = 1, Y, N_SIGNALS };
enum { RUNS = 37, THREADS = 4, TICKS = 2500, EVERY = 100, ROWS = TICKS / EVERY };

static const struct hil_signal_spec signals[N_SIGNALS] = {{"", 0}, {"noise", 0}, {"y", 0}};
static const double normal[] = {0.0}, noise_params[] = {0.0, 1.0}, lag_params[] = {0.05, 0.0};
static const struct hil_array noise_config[] = {{normal, 1}};
static const uint16_t wire[] = {NOISE}, y[] = {Y};

static _Alignas(64) unsigned char program_memory[16384], first_state[16384];
static _Alignas(64) unsigned char states[RUNS * 16384];
static double rows[RUNS * ROWS], reduced[HIL_N_REDUCTIONS * RUNS];
static struct hil_reducing reducing[HIL_N_REDUCTIONS * THREADS];
static struct hil_reduce reductions[HIL_N_REDUCTIONS];
static struct hil_batch_run runs[RUNS];
static struct hil_event events[RUNS];
static uint32_t offsets[1];

static struct hil_block_spec lag(void)
{
    const struct hil_block_type *type = hil_block_type_find("gain");
    static double params[8];
    for (int i = 0; i < type->n_params; i++)
        params[i] = type->params[i].preset == type->params[i].preset ? type->params[i].preset : lag_params[0];
    return (struct hil_block_spec){.name = "gain",
                                   .type = type,
                                   .params = params,
                                   .in = wire,
                                   .out = y,
                                   .n_in = 1,
                                   .n_out = 1,
                                   .n_params = type->n_params,
                                   .every = 1};
}

static const struct hil_program *build(void)
{
    struct hil_block_spec blocks[] = {{.name = "noise",
                                       .type = hil_block_type_find("noise"),
                                       .cfg = noise_config,
                                       .params = noise_params,
                                       .out = wire,
                                       .n_out = 1,
                                       .n_params = 2,
                                       .every = 1},
                                      lag()};
    struct hil_role_spec roles[1] = {{0}};
    struct hil_spec spec = {.period_ns = 1000000,
                            .signals = signals,
                            .blocks = blocks,
                            .roles = roles,
                            .n_signals = N_SIGNALS,
                            .n_blocks = 2,
                            .n_roles = 1,
                            .max_events = 4};
    const struct hil_program *p = NULL;
    struct hil_build_error error;
    CHECK(hil_program_size(&spec) <= sizeof program_memory);
    CHECK(hil_program_build(&spec, program_memory, sizeof program_memory, &p, &error) == HIL_OK);
    CHECK(hil_state_init(p, first_state) == HIL_OK);
    CHECK(hil_batch_stride(p) <= 16384 && hil_batch_stride(p) % 128 == 64);
    return p;
}

/* Each run with a gain of its own from tick 50 on. */
static struct hil_batch batch_of(const struct hil_program *p)
{
    memset(runs, 0, sizeof runs);
    for (uint32_t i = 0; i < RUNS; i++) {
        events[i] = (struct hil_event){.due = 50, .kind = HIL_EV_PARAM, .target = hil_offset_param(p, 1, 0), .v = {i}};
        runs[i] = (struct hil_batch_run){.from = first_state, .seed = i, .events = &events[i], .n_events = 1};
    }
    for (uint32_t k = 0; k < HIL_N_REDUCTIONS; k++)
        reductions[k] = (struct hil_reduce){.offset = hil_offset_value(p, Y), .kind = k, .level = 1.5};
    offsets[0] = hil_offset_value(p, Y);
    return (struct hil_batch){.program = p,
                              .runs = runs,
                              .n_runs = RUNS,
                              .ticks = TICKS,
                              .states = states,
                              .stride = hil_batch_stride(p),
                              .n_states = RUNS,
                              .offsets = offsets,
                              .n_offsets = 1,
                              .every = EVERY,
                              .n_rows = ROWS,
                              .rows = rows,
                              .reductions = reductions,
                              .n_reductions = HIL_N_REDUCTIONS,
                              .reduced = reduced,
                              .reducing = reducing};
}

static void finish(struct hil_batch *b)
{
    static struct hil_batch_team team;
    CHECK(hil_batch_start(&team, b, THREADS) == HIL_OK);
    while (!hil_batch_wait(&team, 10)) {
    }
    CHECK(team.n_threads == THREADS && hil_batch_wait(&team, 0) == 1);
}

/* One run by hand. */
static void check_alone(const struct hil_program *p, uint32_t run)
{
    static _Alignas(64) unsigned char alone[16384];
    double low = HUGE_VAL, first = NAN;
    memcpy(alone, first_state, hil_state_size(p));
    ((struct hil_state *)(void *)alone)->seed = run;
    CHECK(hil_event_push(p, alone, &events[run]) == HIL_OK);
    for (int tick = 0; tick < TICKS; tick++) {
        hil_tick(p, alone);
        double value = *(const double *)(const void *)(alone + offsets[0]);
        low = value < low ? value : low;
        first = isnan(first) && value > 1.5 ? tick : first;
        if (tick % EVERY == 0)
            CHECK(rows[run * ROWS + tick / EVERY] == value);
    }
    CHECK(memcmp(alone, states + run * hil_batch_stride(p), hil_state_size(p)) == 0);
    CHECK(runs[run].done && runs[run].hash == hil_state_hash(p, alone));
    CHECK(reduced[HIL_MIN * RUNS + run] == low);
    CHECK(isnan(first) ? isnan(reduced[HIL_FIRST_GT * RUNS + run]) : reduced[HIL_FIRST_GT * RUNS + run] == first);
}

static void check_mean(void)
{
    struct hil_reduce what = {.kind = HIL_MEAN};
    struct hil_reducing r;
    hil_reduce_begin(&r, HIL_MEAN);
    const double values[] = {1e16, NAN, 1.0, -1e16, 1.0};
    for (int i = 0; i < 5; i++)
        hil_reduce_add(&r, &what, values[i], 0);
    CHECK(hil_reduce_end(&r, HIL_MEAN) == 0.5); /* a plain sum would lose the ones */
    hil_reduce_begin(&r, HIL_MEAN);
    CHECK(isnan(hil_reduce_end(&r, HIL_MEAN)));
    hil_reduce_add(&r, &what, HUGE_VAL, 0);
    CHECK(hil_reduce_end(&r, HIL_MEAN) == HUGE_VAL);
}

/* Without the gain, y stays; with the noise at rest as well nothing moves; a state with a fault takes the whole. */
static void check_part(const struct hil_program *p)
{
    static _Alignas(64) unsigned char memory[16384], s[16384], before[16384];
    const uint8_t no_gain[] = {0, 1}, nothing[] = {1, 1}, all[] = {0, 0};
    CHECK(hil_part_size(p) <= sizeof memory);
    memcpy(s, first_state, hil_state_size(p));
    hil_tick(hil_part(p, no_gain, memory), s);
    CHECK(*(double *)(void *)(s + hil_offset_value(p, NOISE)) != 0.0);
    CHECK(*(double *)(void *)(s + hil_offset_value(p, Y)) == 0.0);
    memcpy(s, first_state, hil_state_size(p));
    hil_tick(hil_part(p, nothing, memory), s);
    CHECK(*(double *)(void *)(s + hil_offset_value(p, NOISE)) == 0.0);
    CHECK(((struct hil_state *)(void *)s)->tick == ((struct hil_state *)(void *)first_state)->tick + 1);
    memcpy(s, first_state, hil_state_size(p));
    memcpy(before, first_state, hil_state_size(p));
    hil_tick(hil_part(p, all, memory), s);
    hil_tick(p, before);
    CHECK(memcmp(s, before, hil_state_size(p)) == 0);
    CHECK(hil_part_serves(p, s));
    ((struct hil_state *)(void *)s)->n_faults = 1;
    CHECK(!hil_part_serves(p, s));
}

int main(void)
{
    const struct hil_program *p = build();
    struct hil_batch b = batch_of(p);
    finish(&b);
    CHECK(b.finished == RUNS);
    for (uint32_t run = 0; run < RUNS; run++)
        check_alone(p, run);

    check_part(p);
    b = batch_of(p);
    events[5].v[0] = NAN; /* no value of a parameter */
    finish(&b);
    CHECK(runs[5].err == HIL_E_ARG && runs[5].refused == 0 && !runs[5].done);

    b = batch_of(p);
    b.ticks = UINT64_MAX / 2;
    b.n_rows = 0;
    static struct hil_batch_team team;
    CHECK(hil_batch_start(&team, &b, THREADS) == HIL_OK);
    CHECK(hil_batch_wait(&team, 5) == 0);
    atomic_store(&b.stop, 1);
    while (!hil_batch_wait(&team, 10)) {
    }
    CHECK(!runs[0].done && b.finished <= THREADS); /* a thread that came too late has begun none */
    CHECK(hil_batch_start(&team, &b, 0) == HIL_E_ARG && hil_batch_start(&team, &b, RUNS + 1) == HIL_E_ARG);
    check_mean();
    return 0;
}
