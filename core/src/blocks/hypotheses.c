/* hypotheses: which of N estimators, one for each hypothesis, explains the measurements?
 *
 * Bayes' rule over a bank: the probabilities move by a Markov transition T(i, j) from i to j, then each is multiplied by
 * the likelihood of its estimator's innovation (D. T. Magill, Optimal Adaptive Estimation of Sampled Stochastic
 * Processes, IEEE Trans. Automatic Control 10, 1965; the transition as in H. A. P. Blom, Y. Bar-Shalom, The Interacting
 * Multiple Model Algorithm, IEEE Trans. Automatic Control 33, 1988, equation 5):
 *
 *     ahead(j) = sum over i of p(i) T(i, j),   p(j) = ahead(j) exp(logL(j) - max logL) / (sum of the same)
 *
 * This is multiple-model adaptive estimation: the estimators run apart and nothing is mixed into them, as the
 * interacting multiple model would. `prior` holds at the first sample, before its likelihoods. No probability falls
 * below `floor` before a last normalisation: a hypothesis that was refuted for hours must be able to come back (P. S.
 * Maybeck, Stochastic Models, Estimation and Control 2, 1982, section 10.8).
 *
 * A likelihood that is not finite, stale or bad says nothing of its hypothesis: that one keeps its probability, the
 * others share theirs anew. When it has been missing more than `give_up_samples` times in a row while another was there
 * - a filter that fails for good - its hypothesis goes to the floor, or it would stay the most probable one for ever. */
#include <string.h>

#include "describe.h"
#include "hil/math.h"

#define MAX_HYPOTHESES 16
#define LEAST_FLOOR    1e-15 /* so that no sum of products with likelihoods is zero */
static const struct hil_port inputs[] = {{"log_likelihood", "of each hypothesis, 2 to 16, from its estimator", NAN}};
enum { MOST_PROBABLE, DECIDED, PROBABILITY };
static const struct hil_port outputs[] = {
    {"most_probable", "index of the most probable hypothesis, from 0", 0.0},
    {"decided", "index of the one that has been above `threshold` for `hold_s`; -1: none", 0.0},
    {"probability", "of each hypothesis", 0.0},
};
enum { THRESHOLD, HOLD_S };
static const struct hil_param params[] = {
    {"threshold", "probability that decides", 0.95, 0.5, 1.0},
    {"hold_s", "how long it has to lie above", 0.0, 0.0, 1e9},
};
enum { PRIOR, CHANGES_S, TRANSITION, FLOOR, GIVE_UP };
static const struct hil_config config[] = {
    {"prior", "probability of each hypothesis at the start; none: all alike", NULL, 0, MAX_HYPOTHESES, NAN},
    {"mean_time_between_changes_s", "how long a hypothesis holds, on average; then each other is alike; 0: for ever",
     NULL, 1, 1, 0.0},
    {"transition", "instead: N x N, row i: probabilities of going from i to each within a sample", NULL, 0,
     MAX_HYPOTHESES *MAX_HYPOTHESES, NAN},
    {"floor", "least probability, 1e-15 to 0.01", NULL, 1, 1, 1e-6},
    {"give_up_samples", "missing likelihoods in a row that refute a hypothesis; 0: they never do", NULL, 1, 1, 10.0},
};
/* The rest: N probabilities, then for each how many likelihoods have been missing. */
enum { STARTED, CANDIDATE, HELD, LEAVE, KEPT };
static const char *const states[] = {"started", "candidate", "held", "leave", "probability"};

static int is_distribution(const double *p, uint32_t n)
{
    double sum = 0.0;
    int sound = 1;
    for (uint32_t i = 0; i < n; i++) {
        sound &= p[i] >= 0.0;
        sum += p[i];
    }
    return sound && fabs(sum - 1.0) <= 1e-9;
}

static const char *check_transition(const struct hil_shape *shape)
{
    const struct hil_array *T = &shape->cfg[TRANSITION];
    double changes_s = shape->cfg[CHANGES_S].data[0];
    if (!(changes_s >= 0.0 && is_usable(changes_s)))
        return "mean_time_between_changes_s must be 0 or a time in s";
    if (T->n == 0)
        return NULL;
    if (changes_s > 0.0)
        return "takes transition or mean_time_between_changes_s, not both";
    if (T->n != shape->n_in * shape->n_in)
        return "transition needs a row and a column for each hypothesis";
    for (uint32_t i = 0; i < shape->n_in; i++)
        if (!is_distribution(T->data + i * shape->n_in, shape->n_in))
            return "each row of transition must be probabilities with the sum 1";
    return NULL;
}

static const char *check(const struct hil_shape *shape)
{
    uint32_t n = shape->n_in;
    const struct hil_array *prior = &shape->cfg[PRIOR];
    double floor = shape->cfg[FLOOR].data[0], give_up = shape->cfg[GIVE_UP].data[0];
    if (n < 2 || n > MAX_HYPOTHESES)
        return "needs the log-likelihoods of 2 to 16 hypotheses";
    if (shape->n_out != PROBABILITY + n)
        return "has a probability for each log-likelihood: give `probability` a list of as many signals";
    if (prior->n != 0 && (prior->n != n || !is_distribution(prior->data, n)))
        return "prior needs a probability for each hypothesis, with the sum 1";
    if (!(floor >= LEAST_FLOOR && floor <= 0.01))
        return "floor must lie within 1e-15 and 0.01";
    if (!(give_up >= 0.0 && give_up <= 1e9 && give_up == round_down(give_up)))
        return "give_up_samples must be a whole number from 0 to 1000000000";
    if (shape->params[THRESHOLD] < 1.0 && shape->params[THRESHOLD] >= 1.0 / (1.0 + (n - 1) * floor))
        return "threshold is never reached: floor leaves less to one hypothesis";
    return check_transition(shape);
}

static uint32_t n_state(const struct hil_shape *shape) { return KEPT + 2 * shape->n_in; }

static void divide_by_sum(double *p, uint32_t n)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < n; i++)
        sum += p[i];
    for (uint32_t i = 0; i < n; i++)
        p[i] /= sum;
}

static void normalise(double *p, uint32_t n, double floor)
{
    divide_by_sum(p, n);
    for (uint32_t i = 0; i < n; i++)
        p[i] = p[i] > floor ? p[i] : floor;
    divide_by_sum(p, n);
}

static void reset(const struct hil_block *b, unsigned char *s)
{
    double *m = hil_mem(b, s), *p = m + KEPT, changes_s = setting(b, CHANGES_S);
    uint32_t n = b->n_in;
    m[CANDIDATE] = -1.0;
    m[LEAVE] = changes_s > 0.0 ? -hil_expm1(-b->dt_s / changes_s) / (n - 1) : 0.0;
    for (uint32_t i = 0; i < n; i++)
        p[i] = b->cfg[PRIOR].n ? b->cfg[PRIOR].data[i] : 1.0 / n;
    normalise(p, n, setting(b, FLOOR));
}

/* `leave` is the probability of each other one: (1 - (n - 1) leave) p + leave (1 - p). */
static void predict(const struct hil_block *b, const double *m, double *ahead)
{
    const double *p = m + KEPT, *T = b->cfg[TRANSITION].data;
    uint32_t n = b->n_in;
    if (m[STARTED] == 0.0 || b->cfg[TRANSITION].n == 0) {
        double leave = m[STARTED] == 0.0 ? 0.0 : m[LEAVE];
        for (uint32_t j = 0; j < n; j++)
            ahead[j] = p[j] + leave * (1.0 - n * p[j]);
        return;
    }
    for (uint32_t j = 0; j < n; j++) {
        ahead[j] = 0.0;
        for (uint32_t i = 0; i < n; i++)
            ahead[j] += p[i] * T[i * n + j];
    }
}

/* Which likelihoods are there, and the largest of them. Returns how many. */
static uint32_t read_inputs(const struct hil_block *b, unsigned char *s, uint8_t *there, double *largest)
{
    uint32_t count = 0;
    *largest = -HUGE_VAL;
    for (uint32_t i = 0; i < b->n_in; i++) {
        there[i] = (uint8_t)is_sample(b, s, i);
        if (there[i] && hil_in(b, s, i) > *largest)
            *largest = hil_in(b, s, i);
        count += there[i];
    }
    return count;
}

/* A hypothesis whose likelihood is missing keeps what it has, or goes. Only beside another's: where all are missing,
 * none is worse than the others. */
static void keep_missing(const struct hil_block *b, double *m, const uint8_t *there, double *p)
{
    double *missing = m + KEPT + b->n_in, give_up = setting(b, GIVE_UP);
    for (uint32_t i = 0; i < b->n_in; i++) {
        if (there[i])
            missing[i] = 0.0;
        else if (missing[i] <= give_up)
            missing[i] += 1.0;
        if (give_up > 0.0 && missing[i] > give_up)
            p[i] = 0.0;
    }
}

/* Those whose likelihoods are there share anew what they have together. */
static void weigh(const struct hil_block *b, unsigned char *s, const uint8_t *there, double largest, double *p)
{
    double before = 0.0, after = 0.0;
    for (uint32_t i = 0; i < b->n_in; i++) {
        if (!there[i])
            continue;
        before += p[i];
        p[i] *= hil_exp(hil_in(b, s, i) - largest);
        after += p[i];
    }
    for (uint32_t i = 0; i < b->n_in; i++)
        p[i] = there[i] ? p[i] * (before / after) : p[i];
}

static uint32_t largest_of(const double *p, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        best = p[i] > p[best] ? i : best;
    return best;
}

/* Only samples with a likelihood of its own count towards the time that a hypothesis has to hold. */
static double decide(const struct hil_block *b, unsigned char *s, uint32_t best, int there)
{
    const double *param = hil_params(b, s);
    double *m = hil_mem(b, s), index = m[KEPT + best] > param[THRESHOLD] ? best : -1.0;
    if (index != m[CANDIDATE])
        m[HELD] = 0.0;
    m[CANDIDATE] = index;
    m[HELD] += from_flag(index >= 0.0 && there);
    return (m[HELD] - 1.0 + SAME_SAMPLE) * b->dt_s >= param[HOLD_S] ? index : -1.0;
}

/* A probability carries its likelihood's status; the indices that of the most probable one, and whatever else marks a
 * likelihood that was used. */
static void give_status(const struct hil_block *b, unsigned char *s, const uint8_t *there, uint32_t best)
{
    uint8_t of_index = 0;
    for (uint32_t i = 0; i < b->n_in; i++) {
        uint8_t bits = (uint8_t)(hil_in_status(b, s, i) | (is_usable(hil_in(b, s, i)) ? 0 : HIL_BAD));
        hil_set_status(b, s, PROBABILITY + i, bits);
        of_index |= there[i] || i == best ? bits : 0;
    }
    hil_set_status(b, s, MOST_PROBABLE, of_index);
    hil_set_status(b, s, DECIDED, of_index);
}

static void output(const struct hil_block *b, unsigned char *s)
{
    double p[MAX_HYPOTHESES], largest, *m = hil_mem(b, s), floor = setting(b, FLOOR);
    uint8_t there[MAX_HYPOTHESES];
    uint32_t n = b->n_in;
    predict(b, m, p);
    normalise(p, n, floor);
    if (read_inputs(b, s, there, &largest)) {
        keep_missing(b, m, there, p);
        weigh(b, s, there, largest, p);
        normalise(p, n, floor);
    }
    memcpy(m + KEPT, p, n * sizeof *p);
    m[STARTED] = 1.0;
    uint32_t best = largest_of(p, n);
    *hil_out(b, s, MOST_PROBABLE) = best;
    *hil_out(b, s, DECIDED) = decide(b, s, best, there[best]);
    for (uint32_t i = 0; i < n; i++)
        *hil_out(b, s, PROBABILITY + i) = p[i];
    give_status(b, s, there, best);
}

const struct hil_block_type hil_type_hypotheses = {
    .name = "hypotheses",
    .doc = "p(j) = sum_i p(i) T(i, j) exp(logL(j)), normalised: the probability of each estimator of a bank (Magill "
           "1965, the transition T as in Blom and Bar-Shalom 1988; estimates are not mixed). A likelihood that is not "
           "finite, stale or bad leaves its hypothesis's probability as it was; after give_up_samples it goes.",
    INPUTS(inputs),
    OUTPUTS(outputs),
    PARAMS(params),
    CONFIG(config),
    STATES(states),
    .variadic = 1,
    .variadic_out = 1,
    .feedthrough = 1,
    .sets_status = 1,
    .check = check,
    .n_state = n_state,
    .reset = reset,
    .output = output,
};
