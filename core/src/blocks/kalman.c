/* kalman: a linear Kalman filter. kalman_step.h has the equations; here is what is done with inputs, statuses and trouble. */
#include "hil/dense.h"
#include "kalman_step.h"

#define LOG_TWO_PI 1.8378770664093453 /* log(2 pi) */

static const struct hil_port inputs[] = {{"u", "known inputs, as many as B has columns, then measurements", NAN}};
static const struct hil_port outputs[] = {
    {"x", "estimate (n), its variances (n), innovations (m), nis, log_likelihood", 0.0}};
enum { A, C, Q, R, P0, X0, B, D, UPDATE };
#define SQUARE (KALMAN_MAX_N * KALMAN_MAX_N)
static const struct hil_config config[] = {
    {"A", "n x n, row after row", NULL, 1, SQUARE, NAN},
    {"C", "m x n, one row a measurement", NULL, 1, SQUARE, NAN},
    {"Q", "n x n, covariance of the process noise of one sample", NULL, 1, SQUARE, NAN},
    {"R", "m variances of the measurements' noises, which are independent", NULL, 1, KALMAN_MAX_N, NAN},
    {"P0", "n x n, covariance of x0", NULL, 1, SQUARE, NAN},
    {"x0", "estimate one sample before the first; none: zeros", NULL, 0, KALMAN_MAX_N, NAN},
    {"B", "n rows, one column a known input; none: no input", NULL, 0, SQUARE, NAN},
    {"D", "m rows, one column a known input; none: zeros", NULL, 0, SQUARE, NAN},
    {"update", "how P takes up a measurement", "standard|joseph", 1, 1, 0.0},
};
/* Behind them, in rows of an even length, P and room for two more such matrices, which a small stack has not; then the known
 * inputs that were used last. */
static const char *const states[] = {"singular", "x"};
enum { SINGULAR, X };

static uint32_t root_of(uint32_t square)
{
    uint32_t n = 1;
    while (n < KALMAN_MAX_N && n * n < square)
        n++;
    return n * n == square ? n : 0;
}

static uint32_t order(const struct hil_array *cfg) { return root_of(cfg[A].n); }

static uint32_t inputs_of(const struct hil_array *cfg, uint32_t n) { return cfg[B].n / n; }

static uint32_t n_state(const struct hil_shape *shape)
{
    uint32_t n = order(shape->cfg);
    return X + n + 3 * n * kalman_row(n) + inputs_of(shape->cfg, n);
}

static const char *check_noise(const struct hil_array *cfg, uint32_t n)
{
    for (uint32_t i = 0; i < cfg[R].n; i++)
        if (!(cfg[R].data[i] > 0.0))
            return "R: every variance of a measurement must be above zero";
    if (!hil_is_psd(cfg[Q].data, n))
        return "Q must be symmetric and positive semidefinite";
    if (!hil_is_psd(cfg[P0].data, n))
        return "P0 must be symmetric and positive semidefinite";
    return NULL;
}

static const char *check(const struct hil_shape *shape)
{
    const struct hil_array *cfg = shape->cfg;
    uint32_t n = order(cfg), m = cfg[R].n;
    if (n == 0)
        return "A must be square, with at most 32 rows";
    if (cfg[C].n != m * n)
        return "C needs a row for each variance in R, and as many columns as A";
    if (cfg[Q].n != n * n || cfg[P0].n != n * n)
        return "Q and P0 need as many rows and columns as A";
    if (cfg[X0].n != 0 && cfg[X0].n != n)
        return "x0 needs as many elements as A has rows";
    uint32_t n_u = inputs_of(cfg, n);
    if (cfg[B].n != n * n_u || (cfg[D].n != 0 && cfg[D].n != m * n_u))
        return "B needs as many rows as A, and D as many as C, with a column for each known input";
    if (shape->n_in != n_u + m)
        return "u needs the known inputs (columns of B) and behind them the measurements (rows of C)";
    if (shape->n_out != 2 * n + m + 2)
        return "x needs n estimates, n variances, m innovations, nis and log_likelihood";
    for (int i = A; i <= D; i++)
        if (!all_finite(&cfg[i]))
            return "all matrices must be finite";
    return check_noise(cfg, n);
}

/* ---- a step ---- */

struct place {
    double *singular, *x, *P, *work, *u; /* in the state */
    struct kalman_model model;
};

static struct place place_of(const struct hil_block *b, unsigned char *s, uint32_t n)
{
    double *m = hil_mem(b, s);
    const struct hil_array *cfg = b->cfg;
    return (struct place){.x = m + X,
                          .P = m + X + n,
                          .work = m + X + n + n * kalman_row(n),
                          .u = m + X + n + 3 * n * kalman_row(n),
                          .singular = m + SINGULAR,
                          .model = {.A = cfg[A].data,
                                    .B = cfg[B].data,
                                    .C = cfg[C].data,
                                    .D = cfg[D].n ? cfg[D].data : NULL,
                                    .Q = cfg[Q].data,
                                    .R = cfg[R].data,
                                    .m = cfg[R].n,
                                    .n_u = cfg[B].n / n,
                                    .joseph = choice(b, UPDATE)}};
}

static void begin_covariance(uint32_t n, const struct hil_block *b, double *P)
{
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++)
            P[i * kalman_row(n) + j] = b->cfg[P0].data[i * n + j];
}

static void begin_anew(uint32_t n, const struct hil_block *b, const struct place *at)
{
    for (uint32_t i = 0; i < n; i++)
        at->x[i] = b->cfg[X0].n ? b->cfg[X0].data[i] : 0.0;
    begin_covariance(n, b, at->P);
}

static void reset(const struct hil_block *b, unsigned char *s)
{
    uint32_t n = order(b->cfg);
    struct place at = place_of(b, s, n);
    begin_anew(n, b, &at);
}

/* What came of the measurements of one step. */
struct taken {
    double innovation[KALMAN_MAX_N], nis, log_determinant;
    uint32_t n, singular, missing;
    uint8_t bits, left_out[KALMAN_MAX_N];
};

/* Without a measurement for very long, the covariance of an unstable model outgrows the doubles: then it begins anew. Returns
 * 1 when it did. */
KALMAN_ALWAYS int predict(uint32_t n, const struct hil_block *b, unsigned char *s, struct place *at)
{
    int lost = 0;
    double next[KALMAN_MAX_N];
    for (uint32_t j = 0; j < at->model.n_u; j++) {
        double u = hil_in(b, s, j);
        at->u[j] = is_usable(u) ? u : at->u[j]; /* no value: what acted before still does */
    }
    kalman_predict_state(n, &at->model, at->u, at->x, next);
    memcpy(at->x, next, n * sizeof *next);
    kalman_predict_covariance(n, &at->model, at->P, at->work, at->work + n * kalman_row(n));
    for (uint32_t i = 0; i < n; i++)
        lost |= !is_usable(at->P[i * kalman_row(n) + i]) | !is_usable(at->x[i]);
    if (__builtin_expect(lost, 0))
        begin_anew(n, b, at);
    return lost;
}

/* One logarithm for a product of variances, as long as that stays far from the ends of the doubles. */
KALMAN_ALWAYS double gather_log(double product, double variance, double *log_determinant)
{
    double next = product * variance;
    if (next > 1e-100 && next < 1e100)
        return next;
    *log_determinant += hil_log(product) + hil_log(variance);
    return 1.0;
}

/* A measurement that is missing, stale or bad is left out. One whose variance is no number above zero must not reach the
 * state: the filter has broken down there, and says so. */
KALMAN_ALWAYS void take(uint32_t n, const struct hil_block *b, unsigned char *s, struct place *at, struct taken *t)
{
    _Alignas(16) double h[KALMAN_MAX_N];
    double product = 1.0;
    t->nis = t->log_determinant = 0.0;
    t->n = t->singular = t->missing = t->bits = 0;
    for (uint32_t i = 0; i < at->model.m; i++) {
        uint8_t bits = hil_in_status(b, s, at->model.n_u + i);
        double y = hil_in(b, s, at->model.n_u + i);
        t->innovation[i] = 0.0;
        t->left_out[i] = (uint8_t)(bits & (HIL_STALE | HIL_BAD)) | (is_usable(y) ? 0 : HIL_BAD);
        if (t->left_out[i]) {
            t->missing = 1;
            continue;
        }
        double e = kalman_off(n, &at->model, i, y, at->u, at->x);
        double variance = kalman_variance(n, &at->model, i, at->P, h);
        if (!(variance > 0.0 && is_usable(variance) && is_usable(e * e / variance))) {
            t->singular = 1;
            continue;
        }
        kalman_take(n, &at->model, i, e, h, variance, at->x, at->P);
        t->innovation[i] = e;
        t->nis += e * e / variance;
        product = gather_log(product, variance, &t->log_determinant);
        t->bits |= bits;
        t->n++;
    }
    t->log_determinant += hil_log(product);
    *at->singular += t->singular;
}

KALMAN_ALWAYS void publish(uint32_t n, const struct hil_block *b, unsigned char *s, const struct place *at,
                           const struct taken *t)
{
    double *values = hil_values(s);
    const uint16_t *out = b->out;
    for (uint32_t i = 0; i < n; i++) {
        values[out[i]] = at->x[i];
        values[out[n + i]] = at->P[i * kalman_row(n) + i];
    }
    for (uint32_t i = 0; i < at->model.m; i++)
        values[out[2 * n + i]] = t->innovation[i];
    values[out[2 * n + at->model.m]] = t->nis;
    values[out[2 * n + at->model.m + 1]] = -0.5 * (t->nis + t->log_determinant + t->n * LOG_TWO_PI);
}

static void set_statuses(uint32_t n, const struct hil_block *b, unsigned char *s, const struct taken *t)
{
    uint8_t all = (uint8_t)(t->bits | (t->singular ? HIL_BAD : 0));
    if (!all && !t->missing && !((const struct hil_state *)(const void *)s)->alert)
        return; /* every signal is good, these too */
    for (uint32_t i = 0, m = b->cfg[R].n; i < b->n_out; i++)
        hil_set_status(b, s, i, (uint8_t)(all | (i >= 2 * n && i < 2 * n + m ? t->left_out[i - 2 * n] : 0)));
}

KALMAN_ALWAYS void step(uint32_t n, const struct hil_block *b, unsigned char *s)
{
    if (n == 0)
        __builtin_unreachable(); /* it passed the check */
    struct place at = place_of(b, s, n);
    struct taken t;
    int lost = predict(n, b, s, &at);
    take(n, b, s, &at, &t);
    if (lost)
        *at.singular += 1.0, t.singular = 1;
    publish(n, b, s, &at, &t);
    set_statuses(n, b, s, &t);
}

/* The usual sizes as straight code; the bits are those of any size. */
static void output(const struct hil_block *b, unsigned char *s)
{
    switch (b->cfg[A].n) {
    case 4: step(2, b, s); break;
    case 16: step(4, b, s); break;
    case 36: step(6, b, s); break;
    case 144: step(12, b, s); break;
    default: step(order(b->cfg), b, s);
    }
}

const struct hil_block_type hil_type_kalman = {
    .name = "kalman",
    .doc =
        "Linear Kalman filter: predicts x = A x + B u, P = A P A' + Q, with the u that acted since the last sample, "
        "and "
        "takes up the measurements y = C x + D u + noise one by one (R. E. Kalman 1960; G. J. Bierman 1977). Missing, "
        "stale or bad ones are left out; a step whose variance of an innovation is no number above zero leaves the "
        "measurement out and makes all outputs bad.",
    INPUTS(inputs),
    OUTPUTS(outputs),
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
