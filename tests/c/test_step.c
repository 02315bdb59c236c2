/* A controller's step in one is the same, bit by bit, as its parts: latch, tick, published. With numbers, with values that
 * are none, and with ticks that got nothing, so that inputs grow stale and an output is held safe. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "hil/state.h"
#include "hil/tick.h"

enum { A = 1, B, RAW, U, N_SIGNALS };

static const struct hil_signal_spec signals[N_SIGNALS] = {{"", 0}, {"a", 0.5}, {"b", 0}, {"raw u", 0}, {"u", 0}};
static const double weights[] = {2.0, -0.5};
static const struct hil_array config[] = {{weights, 2}};
static const double bias[] = {0.25};
static const uint16_t in[] = {A, B}, out[] = {RAW};
static const struct hil_path_spec path = {.raw = RAW,
                                          .signal = U,
                                          .gated = 1,
                                          .lo = -3,
                                          .hi = 3,
                                          .rate = 4000,
                                          .safe = 0.125,
                                          .range_lo = -2.5,
                                          .range_hi = 2.5};
static const struct hil_codec plain = {.scale = 1, .lo = -HUGE_VAL, .hi = HUGE_VAL, .kind = HIL_F64};

#define STEPS 20000

static _Alignas(64) unsigned char memory[8192], one[4096], other[4096];

static const struct hil_program *program_of(const struct hil_tag_spec *brings, const struct hil_tag_spec *gets)
{
    struct hil_block_spec block = {.name = "sum",
                                   .type = hil_block_type_find("weighted_sum"),
                                   .cfg = config,
                                   .params = bias,
                                   .in = in,
                                   .out = out,
                                   .n_in = 2,
                                   .n_out = 1,
                                   .n_params = 1,
                                   .every = 1};
    struct hil_role_spec roles[2] = {{0},
                                     {.name = "bench",
                                      .in = gets,
                                      .out = brings,
                                      .n_in = 1,
                                      .n_out = 2,
                                      .delay = 1,
                                      .binding = HIL_EXTERNAL,
                                      .every = 1}};
    struct hil_spec spec = {.period_ns = 1000000,
                            .signals = signals,
                            .blocks = &block,
                            .paths = &path,
                            .roles = roles,
                            .n_signals = N_SIGNALS,
                            .n_blocks = 1,
                            .n_paths = 1,
                            .n_roles = 2};
    block.n_params = block.type->n_params;
    const struct hil_program *p = NULL;
    struct hil_build_error error = {0};
    if (hil_program_build(&spec, memory, sizeof memory, &p, &error) || hil_state_size(p) > sizeof one) {
        printf("%s\n", error.why ? error.why : hil_err_text(error.err));
        exit(1);
    }
    return p;
}

/* Uniform in -5 .. 5, from one number to the next. */
static double draw(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(*seed >> 11) * 0x1p-53 * 10.0 - 5.0;
}

static void parts(const struct hil_program *p, unsigned char *s, const double *v, double *u)
{
    const struct hil_state *h = (const struct hil_state *)(const void *)s;
    hil_role_latch(p, s, 1, v, (int64_t)h->tick * hil_program_period_ns(p));
    hil_tick(p, s);
    hil_role_published(p, s, 1, u);
}

int main(void)
{
    const struct hil_tag_spec brings[] = {{.outer = A, .codec = plain, .start = 0.5, .max_age_ns = 2000000},
                                          {.outer = B, .codec = plain}};
    const struct hil_tag_spec gets[] = {{.outer = U, .codec = plain}};
    const struct hil_program *p = program_of(brings, gets);
    hil_state_init(p, one);
    hil_state_init(p, other);
    uint64_t seed = 7, nans = 0, missed = 0, safe = 0;
    for (int k = 0; k < STEPS; k++) {
        double v[2] = {draw(&seed), draw(&seed)}, u = 0, w = 0, what = draw(&seed);
        if (what > 4.9) { /* nothing comes for a while */
            for (int i = 0; i < 5; i++)
                hil_tick(p, one), hil_tick(p, other);
            missed++;
        }
        if (what < -4.8)
            v[k % 2] = NAN, nans++;
        hil_step(p, one, v, &u);
        parts(p, other, v, &w);
        safe += u == 0.125;
        if (u != w || hil_state_hash(p, one) != hil_state_hash(p, other)) {
            printf("step %d: u = %.17g in one, %.17g in parts; or the states differ\n", k, u, w);
            return 1;
        }
    }
    if (!nans || !missed || !safe) {
        printf("what was to be tested did not come: %d values that are none, %d pauses, %d safe\n", (int)nans,
               (int)missed, (int)safe);
        return 1;
    }
    return 0;
}
