/* pid: the controller of the process industry.
 *
 * From K. J. Astrom, T. Hagglund: PID Controllers: Theory, Design, and Tuning, 2nd ed., ISA 1995, chapter 3, and
 * Advanced PID Control, ISA 2006, chapters 3 (set-point weight, windup, tracking) and 13 (discretisation). With r the
 * set-point, y the measurement, sign = 1 for reverse action and -1 for direct action, h the sample time:
 *
 *   P(k)   = sign * kp * (b r - y)
 *   D(k)   = -sign * kd * rate(k),   rate(k) = (Tf rate(k-1) + y(k) - y(k-1)) / (Tf + h)     backward difference
 *   v(k)   = P(k) + I(k) + D(k) + feed_forward
 *   u(k)   = v(k) within lo and hi
 *   I(k+1) = I(k) + sign * ki * h * (r - y) + h / Tt * (u(k) - v(k))                        back-calculation
 *
 * Manual: u goes to manual_value, no faster than manual_rate_per_s. Back to automatic: I takes the value with which v
 * equals the u of the last manual sample, so nothing jumps. Without integral part (ki = 0), I keeps its value: a bias.
 */
#include <string.h>

#include "describe.h"

enum { SETPOINT, MEASUREMENT, FEED_FORWARD, MANUAL, MANUAL_VALUE };
static const struct hil_port inputs[] = {
    {"setpoint", "set-point r", NAN},
    {"measurement", "measured value y", NAN},
    {"feed_forward", "added before the limits", 0.0},
    {"manual", "boolean: true is manual", 0.0},
    {"manual_value", "output in manual", 0.0},
};
static const struct hil_port outputs[] = {{"u", "controller output", 0.0}};

enum { KP, KI_PER_S, KD_S, FILTER_TIME_S, SETPOINT_WEIGHT, LO, HI, TRACKING_TIME_S, MANUAL_RATE_PER_S, START };
static const struct hil_param params[] = {
    {"kp", "proportional gain", 1.0, -LARGEST_INPUT, LARGEST_INPUT},
    {"ki_per_s", "integral gain in 1/s, kp / Ti", 0.0, -LARGEST_INPUT, LARGEST_INPUT},
    {"kd_s", "derivative gain in s, kp * Td", 0.0, -LARGEST_INPUT, LARGEST_INPUT},
    {"filter_time_s", "time constant Tf of the derivative's filter in s, often Td / 10", 0.1, 0.0, LARGEST_INPUT},
    {"setpoint_weight", "b: part of the set-point that the proportional part sees", 1.0, 0.0, 1.0},
    {"lo", "smallest output", -HUGE_VAL, -HUGE_VAL, HUGE_VAL},
    {"hi", "largest output", HUGE_VAL, -HUGE_VAL, HUGE_VAL},
    {"tracking_time_s", "time constant Tt of the anti-windup in s; 0: Ti = kp / ki", 0.0, 0.0, HUGE_VAL},
    {"manual_rate_per_s", "largest change of the output in manual in a second", HUGE_VAL, 0.0, HUGE_VAL},
    {"start", "integral part at the first sample", 0.0, -LARGEST_INPUT, LARGEST_INPUT},
};
static const struct hil_config config[] = {
    {"action",
     "reverse: a rising measurement lowers the output (heating, filling); direct: it raises it (cooling, draining)",
     "reverse|direct", 1, 1, 0.0},
};

/* The last six follow from parameters: coefficients and what they were made for. */
enum {
    PROPORTIONAL,
    INTEGRAL,
    RATE,
    LAST,
    STARTED,
    AUTOMATIC,
    U,
    PER_TIME,
    TRACKING,
    FOR_FILTER,
    FOR_KP,
    FOR_KI,
    FOR_TRACKING
};
static const char *const states[] = {
    "proportional",
    "integral",
    "rate",
    "measurement_last",
    "started",
    "automatic",
    "u",
    "per_time",
    "tracking_per_step",
    "for_filter_time_s",
    "for_kp",
    "for_ki_per_s",
    "for_tracking_time_s",
};

static const char *check(const struct hil_shape *shape)
{
    return shape->params[LO] <= shape->params[HI] ? NULL : "lo must not be larger than hi";
}

/* h / Tt. More than 1 would overshoot: with a Tt below the sample time the integral is corrected at once. */
static double tracking_per_step(const struct hil_block *b, const double *p)
{
    double time_s = p[TRACKING_TIME_S];
    if (time_s == 0.0 && p[KI_PER_S] != 0.0)
        time_s = p[KP] / p[KI_PER_S];
    return time_s > b->dt_s ? b->dt_s / time_s : 1.0;
}

static void set_coefficients(const struct hil_block *b, double *m, const double *p)
{
    m[FOR_FILTER] = p[FILTER_TIME_S];
    m[FOR_KP] = p[KP];
    m[FOR_KI] = p[KI_PER_S];
    m[FOR_TRACKING] = p[TRACKING_TIME_S];
    m[PER_TIME] = 1.0 / (p[FILTER_TIME_S] + b->dt_s);
    m[TRACKING] = tracking_per_step(b, p);
}

static void refresh_coefficients(const struct hil_block *b, double *m, const double *p)
{
    if (m[FOR_FILTER] != p[FILTER_TIME_S] || m[FOR_KP] != p[KP] || m[FOR_KI] != p[KI_PER_S] ||
        m[FOR_TRACKING] != p[TRACKING_TIME_S])
        set_coefficients(b, m, p);
}

static void reset(const struct hil_block *b, unsigned char *s)
{
    double *m = hil_mem(b, s);
    const double *p = hil_params(b, s);
    m[INTEGRAL] = p[START];
    m[U] = clamp(p[START], p[LO], p[HI]);
    m[AUTOMATIC] = 1.0;
    set_coefficients(b, m, p);
}

static void follow_measurement(double *m, const double *p, double y)
{
    if (is_true(m[STARTED]))
        m[RATE] = settle((p[FILTER_TIME_S] * m[RATE] + (y - m[LAST])) * m[PER_TIME]);
    m[LAST] = y;
    m[STARTED] = 1.0;
}

static void run_manual(const struct hil_block *b, double *m, const double *p, double wanted)
{
    double most = p[MANUAL_RATE_PER_S] * b->dt_s;
    m[AUTOMATIC] = 0.0;
    if (is_usable(wanted))
        m[U] = clamp(clamp(wanted, m[U] - most, m[U] + most), p[LO], p[HI]);
}

static void run_automatic(const struct hil_block *b, double *m, const double *p, double r, double y,
                          double feed_forward)
{
    double sign = choice(b, 0) == 0 ? 1.0 : -1.0;
    m[PROPORTIONAL] = sign * p[KP] * (p[SETPOINT_WEIGHT] * r - y);
    double rest = m[PROPORTIONAL] - sign * p[KD_S] * m[RATE] + feed_forward;
    int integrates = p[KI_PER_S] != 0.0;
    if (!is_true(m[AUTOMATIC]) && integrates)
        m[INTEGRAL] = m[U] - rest;
    m[AUTOMATIC] = 1.0;
    double v = m[INTEGRAL] + rest;
    m[U] = clamp(v, p[LO], p[HI]);
    if (integrates)
        m[INTEGRAL] += sign * p[KI_PER_S] * b->dt_s * (r - y) + m[TRACKING] * (m[U] - v);
}

static __attribute__((noinline)) void run_any(const struct hil_block *b, unsigned char *s)
{
    double *m = hil_mem(b, s);
    const double *p = hil_params(b, s);
    double r = hil_in(b, s, SETPOINT), y = hil_in(b, s, MEASUREMENT), feed_forward = hil_in(b, s, FEED_FORWARD);
    refresh_coefficients(b, m, p);
    if (is_usable(y))
        follow_measurement(m, p, y);
    if (is_true(hil_in(b, s, MANUAL)))
        run_manual(b, m, p, hil_in(b, s, MANUAL_VALUE));
    else if (is_usable(r) && is_usable(y) && is_usable(feed_forward))
        run_automatic(b, m, p, r, y, feed_forward);
    *hil_out(b, s, 0) = m[U];
}

/* 0 when both have the same bits. */
static inline uint64_t difference(double a, double b)
{
    uint64_t x, y;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    return x ^ y;
}

/* The plain case: in automatic as in the sample before, inputs usable, coefficients up to date. */
static inline int is_plain(const double *m, const double *p, double r, double y, double feed_forward, double manual)
{
    uint64_t changed = difference(m[FOR_FILTER], p[FILTER_TIME_S]) | difference(m[FOR_KP], p[KP]) |
                       difference(m[FOR_KI], p[KI_PER_S]) | difference(m[FOR_TRACKING], p[TRACKING_TIME_S]) |
                       difference(m[AUTOMATIC], 1.0) | difference(m[STARTED], 1.0);
    return changed == 0 && fabs(r) + fabs(y) + fabs(feed_forward) <= LARGEST_INPUT && !is_true(manual);
}

/* Its step, with the bits of the others. All in locals: for all that the compiler knows a store to the state could change
 * a parameter. */
static inline double run_plain(const struct hil_block *b, double *m, const double *p, double r, double y,
                               double feed_forward)
{
    const double kp = p[KP], ki = p[KI_PER_S], kd = p[KD_S], lo = p[LO], hi = p[HI], dt_s = b->dt_s;
    const double sign = b->cfg[0].data[0] == 0.0 ? 1.0 : -1.0, integral = m[INTEGRAL], tracking = m[TRACKING];
    double rate = settle((p[FILTER_TIME_S] * m[RATE] + (y - m[LAST])) * m[PER_TIME]);
    double proportional = sign * kp * (p[SETPOINT_WEIGHT] * r - y);
    double v = integral + (proportional - sign * kd * rate + feed_forward), u = clamp(v, lo, hi);
    m[RATE] = rate;
    m[LAST] = y;
    m[PROPORTIONAL] = proportional;
    m[U] = u;
    if (__builtin_expect(ki != 0.0, 1))
        m[INTEGRAL] = integral + (sign * ki * dt_s * (r - y) + tracking * (u - v));
    return u;
}

static void output(const struct hil_block *b, unsigned char *s)
{
    double *m = hil_mem(b, s), *values = hil_values(s);
    const double *p = hil_params(b, s);
    const uint16_t *in = b->in;
    double r = values[in[SETPOINT]], y = values[in[MEASUREMENT]], feed_forward = values[in[FEED_FORWARD]];
    if (__builtin_expect(is_plain(m, p, r, y, feed_forward, values[in[MANUAL]]), 1))
        values[b->out[0]] = run_plain(b, m, p, r, y, feed_forward);
    else
        run_any(b, s);
}

const struct hil_block_type hil_type_pid = {
    .name = "pid",
    .doc = "u = kp (b r - y) + integral of ki (r - y) - kd dy/dt (filtered) + feed_forward, within lo and hi; "
           "anti-windup by "
           "back-calculation, bumpless from manual to automatic (Astrom, Hagglund: Advanced PID Control, 2006). A "
           "sample with an "
           "input that is not finite is left out: u holds, manual still works.",
    INPUTS(inputs),
    OUTPUTS(outputs),
    PARAMS(params),
    CONFIG(config),
    STATES(states),
    .feedthrough = 1,
    .check = check,
    .reset = reset,
    .output = output,
};
