/* data_quality: may a measurement be used? Passes it on and sets its status, so that estimators, gates and recordings know.
 *
 *   gap          no new sample for longer than gap_s: not finite, or its status is stale or bad
 *   range        outside range_lo .. range_hi
 *   rate         faster than rate_per_s from the last sample
 *   spike        further than spike from the median of the last five samples: one or two samples that stand out (after
 *                F. R. Hampel's identifier: R. K. Pearson, IEEE Trans. Control Systems Technology 10, 2002, 55-63)
 *   stuck        within stuck_band of one value for stuck_s or longer
 *   cross_check  further than cross_check from the reference, while that one can be used
 *
 * Every check is off until its parameter is given. Mean times between false alarms: hil/design/quality.py. */
#include "describe.h"

static const struct hil_port inputs[] = {
    {"u", "the measurement", NAN},
    {"reference", "another source of the same quantity, for cross_check", 0.0},
};
static const struct hil_port outputs[] = {
    {"y", "u; the last usable one while there is a gap; its status says bad or, in a gap not yet too long, stale", 0.0},
    {"bad", "1 while y is bad", 0.0},
    {"reason",
     "why, as a sum: 1 gap, 2 range, 4 rate, 8 spike, 16 stuck, 32 cross_check, 64 not yet good for recover_s", 0.0},
};
enum { RANGE_LO, RANGE_HI, RATE_PER_S, SPIKE, STUCK_S, STUCK_BAND, GAP_S, CROSS_CHECK, RECOVER_S };
static const struct hil_param params[] = {
    {"range_lo", "smallest believable value", -HUGE_VAL, -HUGE_VAL, HUGE_VAL},
    {"range_hi", "largest believable value", HUGE_VAL, -HUGE_VAL, HUGE_VAL},
    {"rate_per_s", "largest believable change in a second", HUGE_VAL, 0.0, HUGE_VAL},
    {"spike", "largest believable distance from the median of the last five samples", HUGE_VAL, 0.0, HUGE_VAL},
    {"stuck_s", "longest believable time without a change in s", HUGE_VAL, 0.0, HUGE_VAL},
    {"stuck_band", "what does not count as a change", 0.0, 0.0, HUGE_VAL},
    {"gap_s", "longest time without a new sample that is bridged by the last one, in s", 0.0, 0.0, HUGE_VAL},
    {"cross_check", "largest believable distance from the reference", HUGE_VAL, 0.0, HUGE_VAL},
    {"recover_s", "how long nothing may be wrong until y is good again, in s", 0.0, 0.0, HUGE_VAL},
};
enum { LAST, SINCE_LAST, HELD, UNCHANGED, GOOD_FOR, REASON, SEEN, RECENT };
static const char *const states[] = {"last",     "samples_since_last",
                                     "held",     "unchanged",
                                     "good_for", "reason",
                                     "seen",     "recent1",
                                     "recent2",  "recent3",
                                     "recent4",  "recent5"};
#define N_RECENT 5

enum { GAP = 1, RANGE = 2, RATE = 4, SPIKE_FOUND = 8, STUCK = 16, CROSS = 32, RECOVERING = 64 };

static const char *check(const struct hil_shape *shape)
{
    const double *p = shape->params;
    return p[RANGE_LO] <= p[RANGE_HI] ? NULL : "range_lo must not be larger than range_hi";
}

static double median5(const double *v)
{
    double sorted[N_RECENT] = {0.0};
    for (int i = 0; i < N_RECENT; i++) {
        int k = i;
        for (; k > 0 && sorted[k - 1] > v[i]; k--)
            sorted[k] = sorted[k - 1];
        sorted[k] = v[i];
    }
    return sorted[N_RECENT / 2];
}

/* Times are counted in samples, half a sample towards the earlier one: 0.3 s are 3 samples of 0.1 s. */
static int as_long_as(const struct hil_block *b, double samples, double time_s)
{
    return samples * b->dt_s >= time_s - 0.5 * b->dt_s;
}

static int is_stuck(const struct hil_block *b, double *m, const double *p, double u)
{
    if (m[SEEN] == 0.0 || fabs(u - m[HELD]) > p[STUCK_BAND]) {
        m[HELD] = u;
        m[UNCHANGED] = 0.0;
        return 0;
    }
    m[UNCHANGED] += 1.0;
    return as_long_as(b, m[UNCHANGED], p[STUCK_S]);
}

static int check_sample(const struct hil_block *b, double *m, const double *p, double u)
{
    int reason = 0;
    if (u < p[RANGE_LO] || u > p[RANGE_HI])
        reason |= RANGE;
    if (m[SEEN] > 0.0 && fabs(u - m[LAST]) > p[RATE_PER_S] * b->dt_s * (m[SINCE_LAST] + 1.0))
        reason |= RATE;
    if (m[SEEN] >= N_RECENT && fabs(u - median5(m + RECENT)) > p[SPIKE])
        reason |= SPIKE_FOUND;
    if (is_stuck(b, m, p, u))
        reason |= STUCK;
    return reason;
}

static void remember(double *m, double u)
{
    for (int i = N_RECENT - 1; i > 0; i--)
        m[RECENT + i] = m[RECENT + i - 1];
    m[RECENT] = m[LAST] = u;
    m[SINCE_LAST] = 0.0;
    m[SEEN] = m[SEEN] < N_RECENT ? m[SEEN] + 1.0 : N_RECENT;
}

static int check_cross(const struct hil_block *b, unsigned char *s, const double *p, double u)
{
    double other = hil_in(b, s, 1);
    return is_sample(b, s, 1) && fabs(u - other) > p[CROSS_CHECK] ? CROSS : 0;
}

/* Good again only when nothing was wrong for a while. */
static int recover(const struct hil_block *b, double *m, const double *p, int reason)
{
    if (reason) {
        m[GOOD_FOR] = 0.0;
        return reason;
    }
    if (m[REASON] == 0.0)
        return 0;
    m[GOOD_FOR] += 1.0;
    return p[RECOVER_S] > 0.0 && !as_long_as(b, m[GOOD_FOR], p[RECOVER_S]) ? RECOVERING : 0;
}

static void publish(const struct hil_block *b, unsigned char *s, double *m, double u, int is_new)
{
    uint8_t given = hil_in_status(b, s, 0) & (uint8_t) ~(HIL_STALE | HIL_BAD); /* those two are judged here */
    uint8_t found = m[REASON] != 0.0 ? HIL_BAD : is_new ? 0 : HIL_STALE;
    *hil_out(b, s, 0) = is_new || m[SEEN] == 0.0 ? u : m[LAST];
    *hil_out(b, s, 1) = from_flag(found == HIL_BAD);
    *hil_out(b, s, 2) = m[REASON];
    hil_set_status(b, s, 0, given | found);
    for (unsigned i = 1; i < b->n_out; i++)
        hil_set_status(b, s, i, given); /* a verdict on bad data is a good one */
}

static void output(const struct hil_block *b, unsigned char *s)
{
    const double *p = hil_params(b, s);
    double *m = hil_mem(b, s), u = hil_in(b, s, 0);
    int is_new = is_sample(b, s, 0), reason = 0;
    if (is_new) {
        reason = check_sample(b, m, p, u) | check_cross(b, s, p, u);
        remember(m, u);
    } else {
        m[SINCE_LAST] += 1.0;
        reason = m[SEEN] == 0.0 || m[SINCE_LAST] * b->dt_s > p[GAP_S] + 0.5 * b->dt_s ? GAP : 0;
    }
    m[REASON] = recover(b, m, p, reason);
    publish(b, s, m, u, is_new);
}

const struct hil_block_type hil_type_data_quality = {
    .name = "data_quality",
    .doc =
        "y = u with a status: bad while a check fails (gap, range, rate, spike, stuck, cross_check), stale while a gap "
        "is bridged by the last usable u. The status of u is carried on, that of the reference is not.",
    INPUTS(inputs),
    OUTPUTS(outputs),
    PARAMS(params),
    STATES(states),
    .feedthrough = 1,
    .passes_time = 1,
    .sets_status = 1,
    .check = check,
    .output = output,
};
