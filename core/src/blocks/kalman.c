/* kalman: the linear Kalman filter, x(k) = A x(k-1) + B u(k-1) + w, y(k) = C x(k) + D u(k) + v, w ~ (0, Q), v ~ (0, R).
 *
 * R. E. Kalman, A New Approach to Linear Filtering and Prediction Problems, J. Basic Eng. 82, 1960; the step itself is in
 * kalman_step.h. x0 and P0 hold at the first sample, before its measurement. Everything is computed beside the state and
 * taken over when it came out right: a sample whose innovation has no positive variance changes nothing but a counter,
 * and the outputs keep their values with the status bad, which sends gated outputs to their safe value. */
#include "kalman_step.h"

#include "hil/dense.h"
#include "timeline.h"

enum { A, B, C, D, Q, R, P0, X0, STALE_INFLATION, UPDATE, MAX_DELAY };
#define SQUARE (KALMAN_MAX_N * KALMAN_MAX_N)
static const struct hil_port inputs[] = {{"in", "inputs u, then measurements y", NAN}};
static const struct hil_port outputs[] = {
    {"out", "estimate x, diagonal of P, innovation, NIS, log-likelihood of the measurements", 0.0}};
static const struct hil_config config[] = {
    {"A", "n x n, row after row, n <= 16", NULL, 1, SQUARE, NAN},
    {"B", "n rows, one column an input, at most 16; none: no inputs", NULL, 0, KALMAN_MAX_N *ESTIMATOR_MAX_U, NAN},
    {"C", "one row a measurement, at most 8, n columns", NULL, 1, ESTIMATOR_MAX_Y *KALMAN_MAX_N, NAN},
    {"D", "one row a measurement, one column an input; none: zeros", NULL, 0, ESTIMATOR_MAX_Y *ESTIMATOR_MAX_U, NAN},
    {"Q", "covariance of a step's process noise, n x n", NULL, 1, SQUARE, NAN},
    {"R", "variance of each measurement", NULL, 1, ESTIMATOR_MAX_Y, NAN},
    {"P0", "covariance of x at the first sample, n x n", NULL, 1, SQUARE, NAN},
    {"x0", "x at the first sample, n elements", NULL, 1, KALMAN_MAX_N, NAN},
    {"stale_inflation", "factor on the variance of a stale measurement; 0 leaves it out", NULL, 1, 1, 0.0},
    {"update", "symmetric: P - h h' / s; joseph: three times as long, for nearly exact measurements",
     "symmetric|joseph", 1, 1, 0.0},
    TIMELINE_CONFIG,
};
static const char *const states[] = {ESTIMATOR_STATES, "state"};

struct sizes {
    uint32_t n, n_u, m;
};

static struct sizes sizes_of(const struct hil_array *cfg)
{
    return (struct sizes){cfg[X0].n, cfg[B].n / cfg[X0].n, cfg[R].n};
}

/* The same of a block that has been checked, without a division. */
static struct sizes sizes_in(const struct hil_block *b)
{
    return (struct sizes){b->cfg[X0].n, b->n_in - b->cfg[R].n, b->cfg[R].n};
}

static const char *check_sizes(const struct hil_shape *shape, struct sizes z)
{
    const struct hil_array *cfg = shape->cfg;
    if (cfg[A].n != z.n * z.n)
        return "A must be square, with a row for each element of x0";
    if (cfg[B].n != z.n * z.n_u || z.n_u > ESTIMATOR_MAX_U)
        return "B needs as many rows as A and at most 16 columns";
    if (cfg[C].n != z.m * z.n)
        return "C needs a row for each element of R and as many columns as A";
    if (cfg[D].n != 0 && cfg[D].n != z.m * z.n_u)
        return "D needs a row for each measurement and a column for each input";
    if (cfg[Q].n != z.n * z.n || cfg[P0].n != z.n * z.n)
        return "Q and P0 need as many rows and columns as A";
    if (shape->n_in != z.n_u + z.m)
        return "needs a signal for each column of B, then one for each row of C";
    if (shape->n_out != 2 * z.n + z.m + 2)
        return "has 2 n + m + 2 outputs: x, diagonal of P, innovation, NIS, log-likelihood";
    return NULL;
}

static const char *check(const struct hil_shape *shape)
{
    const struct hil_array *cfg = shape->cfg;
    struct sizes z = sizes_of(cfg);
    const char *why = check_sizes(shape, z);
    if (why)
        return why;
    for (int i = A; i <= STALE_INFLATION; i++)
        if (!all_finite(&cfg[i]))
            return "A, B, C, D, Q, R, P0, x0 and stale_inflation must be finite";
    if (!hil_is_psd(cfg[Q].data, z.n))
        return "Q is not symmetric and positive semidefinite";
    if (!hil_is_psd(cfg[P0].data, z.n))
        return "P0 is not symmetric and positive semidefinite";
    for (uint32_t i = 0; i < z.m; i++)
        if (!(cfg[R].data[i] >= 0.0))
            return "R is not positive semidefinite: a variance is negative";
    if (cfg[STALE_INFLATION].data[0] != 0.0 && !(cfg[STALE_INFLATION].data[0] >= 1.0))
        return "stale_inflation must be 0 or at least 1";
    return timeline_check(cfg[MAX_DELAY].data[0], shape->dt_s);
}

static uint32_t n_state(const struct hil_shape *shape)
{
    struct sizes z = sizes_of(shape->cfg);
    uint32_t n_keep = z.n + z.n * kalman_row(z.n);
    return EST_HEAD + z.n_u + n_keep + timeline_size(shape->cfg[MAX_DELAY].data[0], shape->dt_s, z.n_u, n_keep, z.m);
}

static uint32_t n_late(const struct hil_shape *shape)
{
    return shape->cfg[D].n ? 0 : sizes_of(shape->cfg).n_u; /* with D the measurement needs this sample's u */
}

static void reset(const struct hil_block *b, unsigned char *s)
{
    struct sizes z = sizes_of(b->cfg);
    double *x = hil_mem(b, s) + EST_HEAD + z.n_u, *P = x + z.n;
    hil_mem(b, s)[EST_DETERMINANT] = 1.0;
    for (uint32_t i = 0; i < z.n; i++) {
        x[i] = b->cfg[X0].data[i];
        for (uint32_t j = 0; j < z.n; j++)
            P[i * kalman_row(z.n) + j] = b->cfg[P0].data[i * z.n + j];
    }
}

#define FIXED(n)                                                                                                       \
    static __attribute__((noinline)) void step_##n(const struct kalman_model *k, const struct kalman_from *from,       \
                                                   const double *u, const struct estimator_sample *at,                 \
                                                   struct kalman_result *to)                                           \
    {                                                                                                                  \
        kalman_step(n, n <= KALMAN_FEW, k, from, u, at, to);                                                           \
    }
#if defined(KALMAN_FIXED_SIZES)
// clang-format off
#define SIZES(X) X(1) X(2) X(3) X(4) X(5) X(6) X(8) X(10) X(12) X(16)
// clang-format on
#else
#define SIZES(X)
#endif
SIZES(FIXED)

static __attribute__((noinline)) void step_variable(uint32_t n, const struct kalman_model *k,
                                                    const struct kalman_from *from, const double *u,
                                                    const struct estimator_sample *at, struct kalman_result *to)
{
#if !defined(KALMAN_FIXED_SIZES)
    if (n <= KALMAN_FEW) {
        kalman_step(n, 1, k, from, u, at, to);
        return;
    }
#endif
    kalman_step(n, 0, k, from, u, at, to);
}

static void step_any(uint32_t n, const struct kalman_model *k, const struct kalman_from *from, const double *u,
                     const struct estimator_sample *at, struct kalman_result *to)
{
#define CASE(n)                                                                                                        \
    case n: step_##n(k, from, u, at, to); return;
    switch (n) {
        SIZES(CASE)
    default: step_variable(n, k, from, u, at, to);
    }
}

static void give_out(const struct hil_block *b, unsigned char *s, struct sizes z, const struct kalman_result *to)
{
    double *values = hil_values(s);
    const uint16_t *out = b->out;
    for (uint32_t i = 0; i < z.n; i++)
        values[*out++] = to->x[i];
    for (uint32_t i = 0; i < z.n; i++)
        values[*out++] = to->P[i * kalman_row(z.n) + i];
    for (uint32_t i = 0; i < z.m; i++)
        values[*out++] = to->innovation[i];
    values[out[0]] = to->nis;
    values[out[1]] = estimator_log_likelihood(hil_mem(b, s), to->n, to->determinant, to->nis);
}

struct context {
    uint32_t n;
    const struct kalman_model *model;
};

static int step_in_time(const void *context, const double *from, const double *v, const struct estimator_sample *at,
                        double *to, struct timeline_made *made)
{
    const struct context *c = context;
    const double *u = from + EST_HEAD, *x = u + c->model->n_u;
    const struct kalman_from before = {x, x + c->n, u, from[EST_STARTED] != 0.0};
    struct kalman_result r = {.x = to, .P = to + c->n};
    step_any(c->n, c->model, &before, v, at, &r);
    if (!r.fine)
        return 0;
    memcpy(made->innovation, r.innovation, c->model->m * sizeof *made->innovation);
    made->nis = r.nis, made->determinant = r.determinant, made->n = r.n;
    return 1;
}

/* The step of now, and of late measurements; see timeline.h. */
static __attribute__((noinline)) int by_time(const struct hil_block *b, unsigned char *s, struct sizes z,
                                             const struct kalman_model *k, const double *v, struct estimator_sample *at)
{
    const struct context context = {z.n, k};
    const uint32_t n_keep = z.n + z.n * kalman_row(z.n);
    double *x = hil_mem(b, s) + EST_HEAD + z.n_u, *P = x + z.n;
    const struct timeline line = {z.n_u,      n_keep,       z.m,     timeline_window(setting(b, MAX_DELAY), b->dt_s),
                                  x + n_keep, step_in_time, &context};
    struct timeline_made made;
    if (!timeline_run(&line, b, s, v, at, &made))
        return 0;
    for (uint32_t i = 0; i < z.n; i++) {
        *hil_out(b, s, i) = x[i];
        *hil_out(b, s, z.n + i) = P[i * kalman_row(z.n) + i];
    }
    timeline_give(b, s, z.n, z.m, &made);
    return 1;
}

static void output(const struct hil_block *b, unsigned char *s)
{
    const struct hil_array *cfg = b->cfg;
    struct sizes z = sizes_in(b);
    struct kalman_model k = {cfg[A].data,      cfg[B].data, cfg[C].data, cfg[D].n ? cfg[D].data : NULL,
                             cfg[Q].data,      cfg[R].data, z.m,         z.n_u,
                             choice(b, UPDATE)};
    double u[ESTIMATOR_MAX_U], *mem = hil_mem(b, s);
    struct estimator_sample at;
    for (uint32_t i = 0; k.D && i < z.n_u; i++)
        u[i] = is_usable(hil_in(b, s, i)) ? hil_in(b, s, i) : mem[EST_HEAD + i];
    estimator_read(b, s, z.n_u, z.m, setting(b, STALE_INFLATION), &at);
    if (setting(b, MAX_DELAY) > 0.0) {
        at.status |= by_time(b, s, z, &k, u, &at) ? HIL_GOOD : HIL_BAD;
        estimator_give_status(b, s, 2 * z.n, z.m, &at);
        return;
    }
    double *x = mem + EST_HEAD + z.n_u;
    struct kalman_result to = {.x = x, .P = x + z.n};
    struct kalman_from from = {x, x + z.n, mem + EST_HEAD, mem[EST_STARTED] != 0.0};
    step_any(z.n, &k, &from, u, &at, &to);
    if (to.fine) {
        mem[EST_STARTED] = 1.0;
        give_out(b, s, z, &to);
    } else {
        mem[EST_FAILED] += 1.0;
        at.status |= HIL_BAD;
    }
    estimator_give_status(b, s, 2 * z.n, z.m, &at);
}

static void update(const struct hil_block *b, unsigned char *s)
{
    estimator_hold_inputs(b, s, sizes_in(b).n_u, hil_mem(b, s) + EST_HEAD);
}

const struct hil_block_type hil_type_kalman = {
    .name = "kalman",
    .doc =
        "x(k) = A x(k-1) + B u(k-1), corrected by y(k) = C x(k) + D u(k) with the gain of the Kalman filter (Kalman "
        "1960). A measurement that is not finite, bad or stale is left out; u that is not finite holds and makes the "
        "outputs bad; a singular innovation covariance makes them bad and leaves x and P as they were.",
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
    .n_late = n_late,
    .reset = reset,
    .output = output,
    .update = update,
};
