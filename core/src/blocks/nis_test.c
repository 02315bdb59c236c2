/* nis_test: is a filter's innovation as large as the filter believes?
 *
 * The normalised innovation squared q = v' S^-1 v of a consistent filter with m measurements has the chi-square
 * distribution with m degrees of freedom and is independent from sample to sample, so n of them sum to one with n m
 * (Y. Bar-Shalom, X. R. Li, T. Kirubarajan: Estimation with Applications to Tracking and Navigation, 2001, 5.4). Their
 * mean over the last n samples is held against two bounds: above, something is wrong with plant, sensor or model; below,
 * the filter's covariances are too large. Bounds for a wanted mean time between false alarms, overlap of the windows
 * included, are made by hil/design/detectors.py. */
#include "describe.h"

static const struct hil_port inputs[] = {
    {"nis", "normalised innovation squared", 0.0},
    {"innovation", "instead: innovation of one measurement", 0.0},
    {"variance", "its variance as the filter believes it; not wired: 1", 0.0},
};
static const struct hil_port outputs[] = {
    {"alarm", "1 while the mean of a full window lies outside its bounds", 0.0},
    {"mean", "mean of the window", 0.0},
};
enum { LOW, HIGH };
static const struct hil_param params[] = {
    {"low", "smallest mean of a full window", 0.0, 0.0, HUGE_VAL},
    {"high", "largest mean of a full window", NAN, 0.0, HUGE_VAL},
};
enum { WINDOW, AFTER_ALARM };
static const struct hil_config config[] = {
    {"window", "n: samples of the window", NULL, 1, 1, NAN},
    {"after_alarm",
     "hold: the alarm lasts while the mean is outside; restart: the alarm lasts one sample, then the window is empty",
     "hold|restart", 1, 1, 0.0},
};
/* As in moving_average: `fresh` takes over as the sum once a window, so that no rounding error stays. */
enum { CURSOR, FILLED, SUM, FRESH, ALARM, KEPT };
static const char *const states[] = {"cursor", "filled", "sum", "fresh", "alarm", "kept"};

static const char *check(const struct hil_shape *shape)
{
    double n = shape->cfg[WINDOW].data[0];
    return n >= 1.0 && n <= 1e6 && n == round_down(n) ? NULL : "window must be a whole number from 1 to 1000000";
}

static uint32_t n_state(const struct hil_shape *shape) { return KEPT + (uint32_t)shape->cfg[WINDOW].data[0]; }

static void slide(double *m, double n, double q)
{
    double *oldest = &m[KEPT + (uint32_t)m[CURSOR]];
    m[SUM] += q - (m[FILLED] < n ? 0.0 : *oldest); /* after a restart, what lies there is of the last window */
    m[FRESH] += q;
    *oldest = q;
    m[FILLED] = m[FILLED] < n ? m[FILLED] + 1.0 : n;
    m[CURSOR] += 1.0;
    if (m[CURSOR] >= n) {
        m[CURSOR] = 0.0;
        m[SUM] = m[FRESH];
        m[FRESH] = 0.0;
    }
}

static void restart(double *m) { m[CURSOR] = m[FILLED] = m[SUM] = m[FRESH] = 0.0; }

static double nis(const struct hil_block *b, unsigned char *s)
{
    double v = hil_in(b, s, 1), variance = b->in[2] ? hil_in(b, s, 2) : 1.0;
    return hil_in(b, s, 0) + v * v / variance;
}

static void output(const struct hil_block *b, unsigned char *s)
{
    const double *p = hil_params(b, s);
    double *m = hil_mem(b, s), q = nis(b, s), n = setting(b, WINDOW);
    if (!(q >= 0.0 && is_usable(q) && is_sample(b, s, 0) && is_sample(b, s, 1)))
        return;
    if (choice(b, AFTER_ALARM) == 1 && is_true(m[ALARM]))
        restart(m);
    slide(m, n, q);
    double mean = m[SUM] / m[FILLED];
    m[ALARM] = from_flag(m[FILLED] >= n && (mean > p[HIGH] || mean < p[LOW]));
    *hil_out(b, s, 0) = m[ALARM];
    *hil_out(b, s, 1) = mean;
}

const struct hil_block_type hil_type_nis_test = {
    .name = "nis_test",
    .doc = "mean of q over the last `window` samples, q = nis + innovation^2 / variance (wire the one or the other); "
           "alarm "
           "outside low .. high (Bar-Shalom, Li, Kirubarajan: Estimation, 2001, 5.4). A sample with q < 0, not finite, "
           "stale or bad "
           "is left out: the outputs hold.",
    INPUTS(inputs),
    OUTPUTS(outputs),
    PARAMS(params),
    CONFIG(config),
    STATES(states),
    .feedthrough = 1,
    .check = check,
    .n_state = n_state,
    .output = output,
};
