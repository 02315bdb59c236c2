/* cusum and page_hinkley: sums that find a lasting change of a mean.
 *
 * E. S. Page: Continuous inspection schemes, Biometrika 41, 1954, 100-115; D. V. Hinkley, Biometrika 58, 1971, 509-523.
 * With z = (u - mean) / scale:
 *
 *   high(k) = max(0, high(k-1) + z - slack)       low(k) = max(0, low(k-1) - z - slack)       alarm: a sum >= threshold
 *
 * cusum knows the mean (`target`); page_hinkley learns it: the plain mean of the first n samples, which are not tested,
 * then an exponential one that forgets over n samples. Thresholds for a wanted mean time between false alarms are made
 * by hil/design/detectors.py. */
#include "describe.h"

static const struct hil_port inputs[] = {
    {"u", "what is watched", NAN},
    {"reset", "boolean: true keeps the sums at 0", 0.0},
};
static const struct hil_port cusum_outputs[] = {
    {"alarm", "1 while a sum is at the threshold or above it", 0.0},
    {"high", "sum of a rise, in scales", 0.0},
    {"low", "sum of a fall, in scales", 0.0},
};
static const struct hil_port page_hinkley_outputs[] = {
    {"alarm", "1 while a sum is at the threshold or above it", 0.0},
    {"high", "sum of a rise, in scales", 0.0},
    {"low", "sum of a fall, in scales", 0.0},
    {"mean", "the mean that it has learned", 0.0},
};

enum { THRESHOLD, SLACK, SCALE, TARGET };
#define COMMON_PARAMS                                                                                                  \
    {"threshold", "sum that raises the alarm, in scales", NAN, 0.0, LARGEST_INPUT},                                    \
        {"slack", "what a sample may lie off without being summed, in scales: half of the change to find", 0.5, 0.0,   \
         LARGEST_INPUT},                                                                                               \
    {                                                                                                                  \
        "scale", "standard deviation of u while all is well", 1.0, 1.0 / LARGEST_INPUT, LARGEST_INPUT                  \
    }
static const struct hil_param cusum_params[] = {
    COMMON_PARAMS,
    {"target", "mean of u while all is well", 0.0, -LARGEST_INPUT, LARGEST_INPUT},
};
static const struct hil_param page_hinkley_params[] = {COMMON_PARAMS};

enum { SIDES, AFTER_ALARM, MEAN_SAMPLES };
#define COMMON_CONFIG                                                                                                  \
    {"sides", "changes that are looked for", "both|high|low", 1, 1, 0.0},                                              \
    {                                                                                                                  \
        "after_alarm",                                                                                                 \
            "hold: the alarm lasts until the sum has come back below the threshold, from twice the threshold at most;" \
            " restart: the alarm lasts one sample, then the sums are 0",                                               \
            "hold|restart", 1, 1, 0.0                                                                                  \
    }
static const struct hil_config cusum_config[] = {COMMON_CONFIG};
static const struct hil_config page_hinkley_config[] = {
    COMMON_CONFIG,
    {"mean_samples", "n: samples over which the mean is learned and forgotten", NULL, 1, 1, 1000.0},
};

enum { HIGH, LOW, ALARM, MEAN, SEEN };
static const char *const states[] = {"high", "low", "alarm", "mean", "seen"};
#define N_CUSUM_STATES MEAN /* the mean is not learned */

static const char *check_page_hinkley(const struct hil_shape *shape)
{
    double n = shape->cfg[MEAN_SAMPLES].data[0];
    return n >= 2.0 && n <= 1e9 && n == round_down(n) ? NULL : "mean_samples must be a whole number from 2 to 1e9";
}

/* A sum of one side; a limit on it bounds how long an alarm outlasts its cause. */
static double sum(const struct hil_block *b, const double *p, double before, double z, int side)
{
    if (choice(b, SIDES) != 0 && choice(b, SIDES) != side)
        return 0.0;
    return clamp(before + z - p[SLACK], 0.0, 2.0 * p[THRESHOLD]);
}

static void watch(const struct hil_block *b, double *m, const double *p, double z)
{
    int restart = choice(b, AFTER_ALARM) == 1 && is_true(m[ALARM]);
    m[HIGH] = sum(b, p, restart ? 0.0 : m[HIGH], z, 1);
    m[LOW] = sum(b, p, restart ? 0.0 : m[LOW], -z, 2);
    m[ALARM] = from_flag(m[HIGH] >= p[THRESHOLD] || m[LOW] >= p[THRESHOLD]);
}

static void publish(const struct hil_block *b, unsigned char *s, double *m)
{
    if (is_true(hil_in(b, s, 1)))
        m[HIGH] = m[LOW] = m[ALARM] = 0.0;
    *hil_out(b, s, 0) = m[ALARM];
    *hil_out(b, s, 1) = m[HIGH];
    *hil_out(b, s, 2) = m[LOW];
}

static void output_cusum(const struct hil_block *b, unsigned char *s)
{
    const double *p = hil_params(b, s);
    double *m = hil_mem(b, s), u = hil_in(b, s, 0);
    if (is_sample(b, s, 0))
        watch(b, m, p, (u - p[TARGET]) / p[SCALE]);
    publish(b, s, m);
}

/* The sample is judged by the mean of those before it. */
static void output_page_hinkley(const struct hil_block *b, unsigned char *s)
{
    const double *p = hil_params(b, s);
    double *m = hil_mem(b, s), u = hil_in(b, s, 0), n = setting(b, MEAN_SAMPLES);
    if (is_sample(b, s, 0)) {
        if (m[SEEN] >= n)
            watch(b, m, p, (u - m[MEAN]) / p[SCALE]);
        else
            m[SEEN] += 1.0;
        m[MEAN] = settle(m[MEAN] + (u - m[MEAN]) / m[SEEN]);
    }
    publish(b, s, m);
    *hil_out(b, s, 3) = m[MEAN];
}

const struct hil_block_type hil_type_cusum = {
    .name = "cusum",
    .doc =
        "high = max(0, high + z - slack), low = max(0, low - z - slack), z = (u - target) / scale; alarm at threshold "
        "(Page, Biometrika 41, 1954). A sample that is not finite, stale or bad is left out: the sums hold.",
    INPUTS(inputs),
    OUTPUTS(cusum_outputs),
    PARAMS(cusum_params),
    CONFIG(cusum_config),
    .states = states,
    .n_states = N_CUSUM_STATES,
    .feedthrough = 1,
    .output = output_cusum,
};

const struct hil_block_type hil_type_page_hinkley = {
    .name = "page_hinkley",
    .doc =
        "As cusum, but around a mean that it learns: of the first mean_samples samples, which are not tested, then "
        "forgetting over as many (Page, 1954; Hinkley, 1971). A sample that is not finite, stale or bad is left out.",
    INPUTS(inputs),
    OUTPUTS(page_hinkley_outputs),
    PARAMS(page_hinkley_params),
    CONFIG(page_hinkley_config),
    STATES(states),
    .feedthrough = 1,
    .check = check_page_hinkley,
    .output = output_page_hinkley,
};
