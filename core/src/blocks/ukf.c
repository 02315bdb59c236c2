/* ukf: the square-root unscented Kalman filter of a compiled model; its step is in ukf_step.h. It asks the model for its step
 * and its outputs at 2 n + 1 points each, never for a Jacobian, and carries the mean and covariance of a nonlinear model to
 * second order. The state holds the lower triangle S with P = S S', so that P is symmetric and never indefinite.
 *
 * After a sample the estimate is held within the clamps of the model's states; P stays as it is, as a projection of the
 * mean says nothing new about its spread (D. Simon, Kalman filtering with state constraints, IET Control Theory Appl. 4,
 * 2010, section 2.4). */
#include "ukf_step.h"

#include "estimator.h"

enum { Q, R, P0, X0, STALE_INFLATION, SUBSTEPS, ALPHA, BETA, KAPPA };
#define TO (UKF_MAX_X + UKF_PACKED(UKF_MAX_X) + 3 * ESTIMATOR_MAX_Y)
static const struct hil_port inputs[] = {{"in", "the model's inputs, then measurements of its outputs", NAN}};
static const struct hil_port outputs[] = {
    {"out", "estimate x, diagonal of P, innovation, NIS, log-likelihood of the measurements", 0.0}};
static const struct hil_config config[] = {
    {"Q", "covariance of a sample's process noise, n x n, row after row; n <= 16", NULL, 1, UKF_MAX_X *UKF_MAX_X, NAN},
    {"R", "variance of each of the model's outputs, at most 8", NULL, 1, ESTIMATOR_MAX_Y, NAN},
    {"P0", "covariance of x at the first sample, n x n", NULL, 1, UKF_MAX_X *UKF_MAX_X, NAN},
    {"x0", "x at the first sample; none: the model's own", NULL, 0, UKF_MAX_X, NAN},
    {"stale_inflation", "factor on the variance of a stale measurement; 0 leaves it out", NULL, 1, 1, 0.0},
    {"substeps", "steps of the model's method in one sample", NULL, 1, 1, 1.0},
    {"alpha", "spread of the points, 1e-4 to 1: they lie alpha sqrt(n + kappa) deviations away", NULL, 1, 1, 1.0},
    {"beta", "2 for a normal distribution; below alpha^2 a sample can fail", NULL, 1, 1, 2.0},
    {"kappa", "second factor of the spread, above -n; 3 - n matches a normal's fourth moments", NULL, 1, 1, 0.0},
};
static const char *const states[] = {ESTIMATOR_STATES, "state"};

static const char *check_model(const struct hil_model *model)
{
    if (!model)
        return "needs a model";
    if (model->abi != HIL_MODEL_ABI)
        return "the model was compiled for another version of the core";
    if (model->n_x > UKF_MAX_X || model->n_u > ESTIMATOR_MAX_U || model->n_y > ESTIMATOR_MAX_Y)
        return "the model of a ukf has at most 16 states, 16 inputs and 8 outputs";
    return NULL;
}

static const char *check_numbers(const struct hil_array *cfg, uint32_t n, uint32_t m)
{
    double substeps = cfg[SUBSTEPS].data[0], inflation = cfg[STALE_INFLATION].data[0], alpha = cfg[ALPHA].data[0];
    for (int i = Q; i <= KAPPA; i++)
        if (!all_finite(&cfg[i]))
            return "Q, R, P0, x0 and all factors must be finite";
    if (!hil_is_psd(cfg[Q].data, n) || !hil_is_psd(cfg[P0].data, n))
        return "Q or P0 is not symmetric and positive semidefinite";
    for (uint32_t i = 0; i < m; i++)
        if (!(cfg[R].data[i] >= 0.0))
            return "R is not positive semidefinite: a variance is negative";
    if ((inflation != 0.0 && !(inflation >= 1.0)) ||
        !(substeps >= 1.0 && substeps <= 1000.0 && substeps == round_down(substeps)))
        return "stale_inflation must be 0 or at least 1, substeps a whole number from 1 to 1000";
    if (!(alpha >= 1e-4 && alpha <= 1.0) || !(cfg[BETA].data[0] >= 0.0) || !(n + cfg[KAPPA].data[0] >= 1e-3))
        return "alpha must be from 1e-4 to 1, beta at least 0, kappa at least 0.001 - n";
    return NULL;
}

static const char *check(const struct hil_shape *shape)
{
    const struct hil_model *model = shape->model;
    const struct hil_array *cfg = shape->cfg;
    const char *why = check_model(model);
    if (why)
        return why;
    uint32_t n = model->n_x, m = model->n_y;
    if (cfg[Q].n != n * n || cfg[P0].n != n * n || (cfg[X0].n != 0 && cfg[X0].n != n) || cfg[R].n != m)
        return "Q and P0 need a row and a column, x0 an element for each state of the model, R one for each output";
    if (shape->n_in != model->n_u + m || shape->n_out != 2 * n + m + 2)
        return "needs the model's inputs, then its outputs as measurements; has 2 n + m + 2 outputs";
    why = check_numbers(cfg, n, m);
    for (uint32_t i = 0; i < model->n_p && !why; i++)
        if (!(shape->params[i] >= model->p[i].min && shape->params[i] <= model->p[i].max))
            why = "a parameter lies outside its range";
    return why;
}

/* Behind the head: u, x, then the triangles of P and Q. */
static uint32_t n_state(const struct hil_shape *shape)
{
    const struct hil_model *model = shape->model;
    return EST_HEAD + model->n_u + model->n_x + 2 * UKF_PACKED(model->n_x);
}

static uint32_t n_late(const struct hil_shape *shape) { return shape->model->feedthrough ? 0 : shape->model->n_u; }

static void triangle_of(const double *covariance, uint32_t n, double *packed)
{
    double a[UKF_MAX_X * UKF_MAX_X];
    memcpy(a, covariance, n * n * sizeof *a);
    hil_cholesky_semidefinite(a, n);
    for (uint32_t i = 0; i < n; i++)
        memcpy(packed + UKF_PACKED(i), a + i * n, (i + 1) * sizeof *a);
}

static void reset(const struct hil_block *b, unsigned char *s)
{
    uint32_t n = b->model->n_x;
    double *x = hil_mem(b, s) + EST_HEAD + b->model->n_u;
    hil_mem(b, s)[EST_DETERMINANT] = 1.0;
    for (uint32_t i = 0; i < n; i++)
        x[i] = b->cfg[X0].n ? b->cfg[X0].data[i] : b->model->x[i].value;
    triangle_of(b->cfg[P0].data, n, x + n);
    triangle_of(b->cfg[Q].data, n, x + n + UKF_PACKED(n));
}

/* to: x, the diagonal of P where hil_model.ekf has P, innovations, variances, squares. r: the triangle of P. */
static int step(const struct hil_block *b, unsigned char *s, const double *v, const struct estimator_sample *at,
                double *to, double *r)
{
    const struct hil_model *model = b->model;
    uint32_t n = model->n_x;
    double root[ESTIMATOR_MAX_Y], alpha = setting(b, ALPHA), *mem = hil_mem(b, s);
    const double *u = mem + EST_HEAD, *x = u + model->n_u;
    struct ukf k = {model,
                    hil_params(b, s),
                    alpha * hil_sqrt(n + setting(b, KAPPA)),
                    setting(b, BETA) - alpha * alpha,
                    b->dt_s,
                    (uint32_t)setting(b, SUBSTEPS)};
    memcpy(to, x, n * sizeof *to);
    ukf_unpack(n, x + n, r);
    for (uint32_t i = 0; i < model->n_y; i++)
        root[i] = at->scale[i] > 0.0 ? hil_sqrt(b->cfg[R].data[i] * at->scale[i]) : -1.0;
    int fine = mem[EST_STARTED] == 0.0 || ukf_predict(&k, u, x + n + UKF_PACKED(n), to, r);
    fine &= ukf_update(&k, v, at->y, root, to, r, to + n + UKF_PACKED(n));
    if (model->clamp)
        model->clamp(to);
    for (uint32_t i = 0; i < n; i++) {
        double sum = 0.0;
        for (uint32_t j = 0; j <= i; j++)
            sum += r[j * n + i] * r[j * n + i];
        to[n + UKF_PACKED(i) + i] = sum;
    }
    return fine;
}

/* Whether what a step made can be kept. */
static int came_out_right(const struct hil_model *model, const double *to, const struct estimator_sample *at)
{
    const double *P = to + model->n_x, *e = P + UKF_PACKED(model->n_x), *variance = e + model->n_y;
    int fine = 1;
    for (uint32_t i = 0; i < model->n_x; i++)
        fine &= is_usable(to[i]) & (P[UKF_PACKED(i) + i] <= LARGEST_INPUT);
    for (uint32_t i = 0; i < model->n_y; i++)
        fine &= at->scale[i] == 0.0 || (variance[i] > 1e-300 && is_usable(e[i]));
    return fine;
}

static void keep(const struct hil_block *b, unsigned char *s, const double *to, const double *r)
{
    uint32_t n = b->model->n_x;
    double *mem = hil_mem(b, s), *x = mem + EST_HEAD + b->model->n_u;
    ukf_pack(n, r, x + n);
    for (uint32_t i = 0; i < n; i++)
        x[i] = settle(to[i]);
    for (uint32_t i = 0; i < UKF_PACKED(n); i++)
        x[n + i] = settle(x[n + i]);
    mem[EST_STARTED] = 1.0;
}

static void output(const struct hil_block *b, unsigned char *s)
{
    const struct hil_model *model = b->model;
    uint32_t n = model->n_x, m = model->n_y;
    double v[ESTIMATOR_MAX_U], to[TO], r[UKF_MAX_X * UKF_MAX_X], *mem = hil_mem(b, s);
    struct estimator_sample at;
    for (uint32_t i = 0; i < model->n_u; i++) {
        double now = hil_in(b, s, i);
        v[i] = model->feedthrough && is_usable(now) ? now : mem[EST_HEAD + i];
    }
    estimator_read(b, s, model->n_u, m, setting(b, STALE_INFLATION), &at);
    int fine = step(b, s, v, &at, to, r);
    if (fine & came_out_right(model, to, &at)) {
        keep(b, s, to, r);
        estimator_give(b, s, n, m, &at, to);
    } else {
        mem[EST_FAILED] += 1.0;
        at.status |= HIL_BAD;
    }
    estimator_give_status(b, s, 2 * n, m, &at);
}

static void update(const struct hil_block *b, unsigned char *s)
{
    estimator_hold_inputs(b, s, b->model->n_u, hil_mem(b, s) + EST_HEAD);
}

const struct hil_block_type hil_type_ukf = {
    .name = "ukf",
    .doc = "The square-root unscented Kalman filter of a compiled model, additive noise (van der Merwe and Wan 2001): "
           "x(k) = one sample of the model from x(k-1) with u(k-1), corrected by y(k) = g(x(k), u(k), p). The estimate "
           "stays within the clamps of the model's states. A measurement that is not finite, bad or stale is left out; "
           "a singular innovation covariance makes the outputs bad and leaves x and P as they were.",
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
