/* integrator and derivative. */
#include "describe.h"

/* ---- integrator ---- */

static const struct hil_port integrator_inputs[] = {
    {"u", "rate of change", NAN},
    {"reset", "while true, y goes to start", 0.0},
};
static const struct hil_port integrator_outputs[] = {{"y", "integral", 0.0}};
enum { GAIN, START, LO, HI };
static const struct hil_param integrator_params[] = {
    {"gain", "factor", 1.0, -LARGEST_INPUT, LARGEST_INPUT},
    {"start", "y at the first sample and after a reset", 0.0, -LARGEST_INPUT, LARGEST_INPUT},
    {"lo", "smallest y", -HUGE_VAL, -HUGE_VAL, HUGE_VAL},
    {"hi", "largest y", HUGE_VAL, -HUGE_VAL, HUGE_VAL},
};
static const char *const integrator_states[] = {"y"};

static const char *integrator_check(const struct hil_shape *shape)
{
    return shape->params[LO] <= shape->params[HI] ? NULL : "lo must not be larger than hi";
}

static void integrator_reset(const struct hil_block *b, unsigned char *s)
{
    const double *p = hil_params(b, s);
    hil_mem(b, s)[0] = clamp(p[START], p[LO], p[HI]);
}

static void integrator_output(const struct hil_block *b, unsigned char *s) { *hil_out(b, s, 0) = hil_mem(b, s)[0]; }

static void integrator_update(const struct hil_block *b, unsigned char *s)
{
    const double *p = hil_params(b, s);
    double *y = hil_mem(b, s), u = hil_in(b, s, 0);
    double next = is_true(hil_in(b, s, 1)) ? p[START] : *y + p[GAIN] * b->dt_s * u;
    if (isfinite(next))
        *y = clamp(next, p[LO], p[HI]);
}

const struct hil_block_type hil_type_integrator = {
    .name = "integrator",
    .doc = "y(k+1) = y(k) + gain * dt * u(k) within lo and hi (forward Euler, no feed-through); start after a sample "
           "with reset. "
           "A sample that is not finite is left out: y holds.",
    INPUTS(integrator_inputs),
    OUTPUTS(integrator_outputs),
    PARAMS(integrator_params),
    STATES(integrator_states),
    .check = integrator_check,
    .reset = integrator_reset,
    .output = integrator_output,
    .update = integrator_update,
};

/* ---- derivative ---- */

static const struct hil_port derivative_inputs[] = {{"u", "input", NAN}};
static const struct hil_port derivative_outputs[] = {{"y", "rate of change in a second", 0.0}};
static const struct hil_param derivative_params[] = {
    {"filter_time_s", "time constant of the filter in s; 0: plain difference", 0.1, 0.0, LARGEST_INPUT},
};
enum { Y, LAST, STARTED, PER_TIME, FOR_FILTER_TIME_S };
static const char *const derivative_states[] = {"y", "last", "started", "per_time", "for_filter_time_s"};

static void set_filter(const struct hil_block *b, double *m, double filter_time_s)
{
    m[FOR_FILTER_TIME_S] = filter_time_s;
    m[PER_TIME] = 1.0 / (filter_time_s + b->dt_s);
}

static void derivative_reset(const struct hil_block *b, unsigned char *s)
{
    set_filter(b, hil_mem(b, s), hil_params(b, s)[0]);
}

static void derivative_output(const struct hil_block *b, unsigned char *s)
{
    double *m = hil_mem(b, s), u = hil_in(b, s, 0), filter_time_s = hil_params(b, s)[0];
    if (!is_usable(u))
        return;
    if (m[FOR_FILTER_TIME_S] != filter_time_s)
        set_filter(b, m, filter_time_s);
    if (is_true(m[STARTED]))
        m[Y] = settle((filter_time_s * m[Y] + (u - m[LAST])) * m[PER_TIME]);
    m[LAST] = u;
    m[STARTED] = 1.0;
    *hil_out(b, s, 0) = m[Y];
}

const struct hil_block_type hil_type_derivative = {
    .name = "derivative",
    .doc = "y = s / (Tf s + 1) u by backward differences: y(k) = (Tf y(k-1) + u(k) - u(k-1)) / (Tf + dt), stable for "
           "any Tf >= 0 "
           "(Astrom, Hagglund: Advanced PID Control, 2006, ch. 13); 0 at the first sample. A sample that is not finite "
           "is left out.",
    INPUTS(derivative_inputs),
    OUTPUTS(derivative_outputs),
    PARAMS(derivative_params),
    STATES(derivative_states),
    .feedthrough = 1,
    .reset = derivative_reset,
    .output = derivative_output,
};
