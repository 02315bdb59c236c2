/* whiteness: is an innovation free of memory?
 *
 * The innovations of an optimal filter are white (R. K. Mehra, J. Peschon: Automatica 7, 1971, 637-640). Over windows of
 * n samples that do not overlap, with the autocorrelations about zero, so that a bias shows as well:
 *
 *   r(l) = sum v(k) v(k-l) / sum v(k)^2                                                        l = 1 .. lags
 *   Q    = n (n + 2) sum r(l)^2 / (n - l)
 *
 * (G. M. Ljung, G. E. P. Box: Biometrika 65, 1978, 297-303). Windows that do not overlap give independent verdicts: the
 * mean time between false alarms is the window over the probability of one of them, see hil/design/detectors.py. */
#include "describe.h"

#define MAX_LAGS 64

static const struct hil_port inputs[] = {{"innovation", "what should be white", NAN}};
static const struct hil_port outputs[] = {
    {"alarm", "1 when the last full window was not white", 0.0},
    {"statistic", "Q of the last full window", 0.0},
    {"correlation", "r(1) of the last full window", 0.0},
};
static const struct hil_param params[] = {{"threshold", "largest Q of white noise", NAN, 0.0, HUGE_VAL}};
enum { WINDOW, LAGS };
static const struct hil_config config[] = {
    {"window", "n: samples of a window", NULL, 1, 1, NAN},
    {"lags", "largest lag", NULL, 1, 1, 5.0},
};
/* Behind POWER: the sums of the lags 1 .., then the last samples, the newest first. */
enum { FILLED, ALARM, STATISTIC, CORRELATION, POWER, SUMS };
static const char *const states[] = {"filled", "alarm", "statistic", "correlation", "power", "sum"};

static uint32_t lags(const struct hil_block *b) { return (uint32_t)setting(b, LAGS); }

static const char *check(const struct hil_shape *shape)
{
    double n = shape->cfg[WINDOW].data[0], most = shape->cfg[LAGS].data[0];
    if (!(most >= 1.0 && most <= MAX_LAGS && most == round_down(most)))
        return "lags must be a whole number from 1 to 64";
    if (!(n >= 4.0 * most && n <= 1e6 && n == round_down(n)))
        return "window must be a whole number from four times lags to 1000000";
    return NULL;
}

static uint32_t n_state(const struct hil_shape *shape) { return SUMS + 2u * (uint32_t)shape->cfg[LAGS].data[0]; }

static void add(double *m, uint32_t n_lags, double v)
{
    double *sums = m + SUMS, *last = sums + n_lags;
    m[FILLED] += 1.0;
    m[POWER] += v * v;
    for (uint32_t i = 0; i < n_lags; i++)
        sums[i] += v * last[i];
    for (uint32_t i = n_lags - 1; i > 0; i--)
        last[i] = last[i - 1];
    last[0] = v;
}

/* Ends the window and begins the next one without samples of this one. A window of zeros has no memory. */
static void judge(double *m, uint32_t n_lags, double n, double threshold)
{
    double *sums = m + SUMS, q = 0.0, power = m[POWER] > 0.0 ? m[POWER] : 1.0;
    for (uint32_t i = 0; i < n_lags; i++) {
        double r = sums[i] / power;
        q += r * r / (n - 1.0 - i);
    }
    m[CORRELATION] = sums[0] / power;
    m[STATISTIC] = n * (n + 2.0) * q;
    m[ALARM] = from_flag(m[STATISTIC] > threshold);
    m[FILLED] = m[POWER] = 0.0;
    for (uint32_t i = 0; i < 2 * n_lags; i++)
        sums[i] = 0.0;
}

static void output(const struct hil_block *b, unsigned char *s)
{
    double *m = hil_mem(b, s), v = hil_in(b, s, 0), n = setting(b, WINDOW);
    /* A square that is as good as zero keeps the sums free of subnormal numbers, which take long. */
    if (is_sample(b, s, 0))
        add(m, lags(b), fabs(v) < 1e-150 ? 0.0 : v);
    if (m[FILLED] >= n)
        judge(m, lags(b), n, hil_params(b, s)[0]);
    *hil_out(b, s, 0) = m[ALARM];
    *hil_out(b, s, 1) = m[STATISTIC];
    *hil_out(b, s, 2) = m[CORRELATION];
}

const struct hil_block_type hil_type_whiteness = {
    .name = "whiteness",
    .doc =
        "Q = n (n + 2) sum of r(l)^2 / (n - l) over the autocorrelations r(1) .. r(lags) of each window of n samples; "
        "alarm at Q > threshold (Ljung, Box: Biometrika 65, 1978). A sample that is not finite, stale or bad is left "
        "out, as if "
        "those beside it were neighbours.",
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
