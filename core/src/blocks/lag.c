/* lag: first-order lag. */
#include "describe.h"
#include "hil/math.h"

static const struct hil_port input[] = {{"u", "input", NAN}};
static const struct hil_port outputs[] = {{"y", "filtered signal", 0.0}};
enum { TIME_CONSTANT_S, START };
static const struct hil_param params[] = {
    {"time_constant_s", "time constant in s; 0: y = u", 1.0, 0.0, HUGE_VAL},
    {"start", "y before the first sample", 0.0, -LARGEST_INPUT, LARGEST_INPUT},
};
enum { Y, WEIGHT, FOR_TIME_CONSTANT_S };
static const char *const states[] = {"y", "weight", "for_time_constant_s"};

static void set_weight(const struct hil_block *b, double *m, double time_constant_s)
{
    m[FOR_TIME_CONSTANT_S] = time_constant_s;
    m[WEIGHT] = time_constant_s > 0.0 ? -hil_expm1(-b->dt_s / time_constant_s) : 1.0;
}

static void reset(const struct hil_block *b, unsigned char *s)
{
    double *m = hil_mem(b, s);
    const double *p = hil_params(b, s);
    m[Y] = p[START];
    set_weight(b, m, p[TIME_CONSTANT_S]);
}

static void output(const struct hil_block *b, unsigned char *s)
{
    double *m = hil_mem(b, s), u = hil_in(b, s, 0), time_constant_s = hil_params(b, s)[TIME_CONSTANT_S];
    if (!is_usable(u))
        return;
    if (m[FOR_TIME_CONSTANT_S] != time_constant_s)
        set_weight(b, m, time_constant_s);
    m[Y] = settle(m[Y] + m[WEIGHT] * (u - m[Y]));
    *hil_out(b, s, 0) = m[Y];
}

const struct hil_block_type hil_type_lag = {
    .name = "lag",
    .doc = "y(k) = y(k-1) + (1 - exp(-dt / time_constant_s)) * (u(k) - y(k-1)): the exact answer of 1 / (T s + 1) at "
           "the end of "
           "a sample to an input held during it. A sample that is not finite is left out: y holds.",
    INPUTS(input),
    OUTPUTS(outputs),
    PARAMS(params),
    STATES(states),
    .feedthrough = 1,
    .reset = reset,
    .output = output,
};
