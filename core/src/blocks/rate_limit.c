/* rate_limit: an output that follows its input no faster than allowed. */
#include "describe.h"

static const struct hil_port input[] = {{"u", "input", NAN}};
static const struct hil_port outputs[] = {{"y", "limited signal", 0.0}};
enum { RISE_PER_S, FALL_PER_S };
static const struct hil_param params[] = {
    {"rise_per_s", "largest rise in a second", HUGE_VAL, 0.0, HUGE_VAL},
    {"fall_per_s", "largest fall in a second, positive", HUGE_VAL, 0.0, HUGE_VAL},
};
enum { Y, STARTED };
static const char *const states[] = {"y", "started"};

static void output(const struct hil_block *b, unsigned char *s)
{
    const double *p = hil_params(b, s);
    double u = hil_in(b, s, 0), *m = hil_mem(b, s);
    if (!is_usable(u))
        return;
    if (is_true(m[STARTED]))
        u = clamp(u, m[Y] - p[FALL_PER_S] * b->dt_s, m[Y] + p[RISE_PER_S] * b->dt_s);
    m[Y] = u;
    m[STARTED] = 1.0;
    *hil_out(b, s, 0) = u;
}

const struct hil_block_type hil_type_rate_limit = {
    .name = "rate_limit",
    .doc = "y follows u with at most rise_per_s and fall_per_s and begins at its first input. A sample that is not "
           "finite is "
           "left out: y holds.",
    INPUTS(input),
    OUTPUTS(outputs),
    PARAMS(params),
    STATES(states),
    .feedthrough = 1,
    .output = output,
};
