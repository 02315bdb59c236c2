/* delay: a transport delay of whole samples. */
#include "describe.h"

static const struct hil_port input[] = {{"u", "input", NAN}};
static const struct hil_port outputs[] = {{"y", "the input n samples ago", 0.0}};
static const struct hil_param params[] = {{"start", "output of the first n samples", 0.0, -HUGE_VAL, HUGE_VAL}};
static const struct hil_config config[] = {{"n", "length of the delay in samples", NULL, 1, 1, 1.0}};
enum { CURSOR, KEPT };
static const char *const states[] = {"cursor", "kept"};

static const char *check(const struct hil_shape *shape)
{
    double n = shape->cfg[0].data[0];
    return n >= 1.0 && n <= 1e6 && n == round_down(n) ? NULL : "n must be a whole number from 1 to 1000000";
}

static uint32_t n_state(const struct hil_shape *shape) { return KEPT + (uint32_t)shape->cfg[0].data[0]; }

static void reset(const struct hil_block *b, unsigned char *s)
{
    double *m = hil_mem(b, s), start = hil_params(b, s)[0];
    for (uint32_t i = 0, n = (uint32_t)setting(b, 0); i < n; i++)
        m[KEPT + i] = start;
}

static void output(const struct hil_block *b, unsigned char *s)
{
    const double *m = hil_mem(b, s);
    *hil_out(b, s, 0) = m[KEPT + (uint32_t)m[CURSOR]];
}

static void update(const struct hil_block *b, unsigned char *s)
{
    double *m = hil_mem(b, s);
    m[KEPT + (uint32_t)m[CURSOR]] = hil_in(b, s, 0);
    m[CURSOR] = m[CURSOR] + 1.0 < setting(b, 0) ? m[CURSOR] + 1.0 : 0.0;
}

const struct hil_block_type hil_type_delay = {
    .name = "delay",
    .doc = "y(k) = u(k - n), start before that. Any value passes unchanged, NaN too, and is gone after n samples.",
    INPUTS(input),
    OUTPUTS(outputs),
    PARAMS(params),
    CONFIG(config),
    STATES(states),
    .check = check,
    .n_state = n_state,
    .reset = reset,
    .output = output,
    .update = update,
};
