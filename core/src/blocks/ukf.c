/* ukf: the square-root unscented Kalman filter of a compiled model; its step is in ukf_step.h. It asks the model for its step
 * and its outputs at 2 n + 1 points each, never for a Jacobian, and carries the mean and covariance of a nonlinear model to
 * second order. The state holds the lower triangle S with P = S S', so that P is symmetric and never indefinite.
 *
 * After a sample the estimate is held within the clamps of the model's states; P stays as it is, as a projection of the
 * mean says nothing new about its spread (D. Simon, Kalman filtering with state constraints, IET Control Theory Appl. 4,
 * 2010, section 2.4). */
#include "of_model.h"
#include "ukf_step.h"

enum { ALPHA = OF_MODEL_CONFIGS, BETA, KAPPA };
static const struct hil_config config[] = {
    OF_MODEL_CONFIG,
    {"alpha", "spread of the points, 1e-4 to 1: they lie alpha sqrt(n + kappa) deviations away", NULL, 1, 1, 1.0},
    {"beta", "2 for a normal distribution; below alpha^2 a sample can fail", NULL, 1, 1, 2.0},
    {"kappa", "second factor of the spread, above -n; 3 - n matches a normal's fourth moments", NULL, 1, 1, 0.0},
};

static const char *check(const struct hil_shape *shape)
{
    const struct hil_array *cfg = shape->cfg;
    const char *why = of_model_check(shape);
    if (why)
        return why;
    double alpha = cfg[ALPHA].data[0], beta = cfg[BETA].data[0], kappa = cfg[KAPPA].data[0];
    if (!(alpha >= 1e-4 && alpha <= 1.0) || !(beta >= 0.0 && isfinite(beta)) ||
        !(shape->model->n_x + kappa >= 1e-3 && isfinite(kappa)))
        return "alpha must be from 1e-4 to 1, beta at least 0, kappa at least 0.001 - n";
    return NULL;
}

static void triangle_of(const double *covariance, uint32_t n, double *packed)
{
    double a[ESTIMATOR_MAX_X * ESTIMATOR_MAX_X];
    memcpy(a, covariance, n * n * sizeof *a);
    hil_cholesky_semidefinite(a, n);
    for (uint32_t i = 0; i < n; i++)
        memcpy(packed + PACKED(i), a + i * n, (i + 1) * sizeof *a);
}

static void reset(const struct hil_block *b, unsigned char *s)
{
    uint32_t n = b->model->n_x;
    double *root = of_model_reset(b, s) + n;
    triangle_of(b->cfg[P0].data, n, root);
    triangle_of(b->cfg[Q].data, n, root + PACKED(n));
}

static const double *noise_of(const struct hil_block *b, unsigned char *s)
{
    uint32_t n = b->model->n_x;
    return hil_mem(b, s) + EST_HEAD + b->model->n_u + n + PACKED(n);
}

/* One step from x and the root of P (a triangle) with the u that acted since and the v that acts now, or the update alone
 * when not `started`. Makes `to` and the new root r. */
static int step(const struct hil_block *b, unsigned char *s, const double *x, const double *root, const double *u,
                const double *v, int started, const struct estimator_sample *at, double *to, double *r)
{
    const struct hil_model *model = b->model;
    uint32_t n = model->n_x;
    double deviation[ESTIMATOR_MAX_Y], alpha = setting(b, ALPHA);
    struct ukf k = {model,
                    hil_params(b, s),
                    alpha * hil_sqrt(n + setting(b, KAPPA)),
                    setting(b, BETA) - alpha * alpha,
                    b->dt_s,
                    (uint32_t)setting(b, SUBSTEPS)};
    memcpy(to, x, n * sizeof *to);
    ukf_unpack(n, root, r);
    for (uint32_t i = 0; i < model->n_y; i++)
        deviation[i] = at->scale[i] > 0.0 ? hil_sqrt(b->cfg[R].data[i] * at->scale[i]) : -1.0;
    int fine = !started || ukf_predict(&k, u, noise_of(b, s), to, r);
    fine &= ukf_update(&k, v, at->y, deviation, to, r, to + n + PACKED(n));
    if (model->clamp)
        model->clamp(to);
    for (uint32_t i = 0; i < n; i++) {
        double sum = 0.0;
        for (uint32_t j = 0; j <= i; j++)
            sum += r[j * n + i] * r[j * n + i];
        to[n + PACKED(i) + i] = sum;
    }
    return fine;
}

/* Whether what a step made can be kept. */
static int came_out_right(const struct hil_model *model, const double *to, const struct estimator_sample *at)
{
    const double *P = to + model->n_x, *e = P + PACKED(model->n_x), *variance = e + model->n_y;
    int fine = 1;
    for (uint32_t i = 0; i < model->n_x; i++)
        fine &= is_usable(to[i]) & (P[PACKED(i) + i] <= LARGEST_INPUT);
    for (uint32_t i = 0; i < model->n_y; i++)
        fine &= at->scale[i] == 0.0 || (variance[i] > 1e-300 && is_usable(e[i]));
    return fine;
}

/* x and the root of P behind each other, as the state has them. */
static void keep(uint32_t n, const double *to, const double *r, double *x)
{
    ukf_pack(n, r, x + n);
    for (uint32_t i = 0; i < n; i++)
        x[i] = settle(to[i]);
    for (uint32_t i = 0; i < PACKED(n); i++)
        x[n + i] = settle(x[n + i]);
}

static int step_in_time(const void *context, const double *from, const double *v, const struct estimator_sample *at,
                        double *to, struct timeline_made *made)
{
    const struct of_model_context *c = context;
    const struct hil_model *model = c->b->model;
    const double *u = from + EST_HEAD, *x = u + model->n_u;
    double made_to[OF_MODEL_TO], r[SQUARE_MAX];
    int fine = step(c->b, c->s, x, x + model->n_x, u, v, from[EST_STARTED] != 0.0, at, made_to, r);
    if (!(fine & came_out_right(model, made_to, at)))
        return 0;
    keep(model->n_x, made_to, r, to);
    of_model_made(model, at, made_to, made);
    return 1;
}

static int by_time(const struct hil_block *b, unsigned char *s, const double *v, struct estimator_sample *at)
{
    const uint32_t n = b->model->n_x;
    const double *root = hil_mem(b, s) + EST_HEAD + b->model->n_u + n;
    if (!of_model_by_time(b, s, v, at, step_in_time))
        return 0;
    for (uint32_t i = 0; i < n; i++) {
        double sum = 0.0;
        for (uint32_t j = 0; j <= i; j++)
            sum += root[PACKED(i) + j] * root[PACKED(i) + j];
        *hil_out(b, s, n + i) = sum;
    }
    return 1;
}

static int in_order(const struct hil_block *b, unsigned char *s, const double *v, const struct estimator_sample *at)
{
    const struct hil_model *model = b->model;
    double to[OF_MODEL_TO], r[SQUARE_MAX], *mem = hil_mem(b, s), *u = mem + EST_HEAD, *x = u + model->n_u;
    int fine = step(b, s, x, x + model->n_x, u, v, mem[EST_STARTED] != 0.0, at, to, r);
    if (!(fine & came_out_right(model, to, at)))
        return 0;
    keep(model->n_x, to, r, x);
    mem[EST_STARTED] = 1.0;
    estimator_give(b, s, model->n_x, model->n_y, at, to);
    return 1;
}

static void output(const struct hil_block *b, unsigned char *s)
{
    const struct hil_model *model = b->model;
    double now[ESTIMATOR_MAX_U], *mem = hil_mem(b, s);
    const double *v = of_model_inputs_now(b, s, mem + EST_HEAD, now);
    const int timed = setting(b, MAX_DELAY) > 0.0;
    struct estimator_sample at;
    estimator_read(b, s, model->n_u, model->n_y, setting(b, STALE_INFLATION), &at);
    if (!(timed ? by_time(b, s, v, &at) : in_order(b, s, v, &at))) {
        mem[EST_FAILED] += timed ? 0.0 : 1.0; /* timeline_run counts for itself */
        at.status |= HIL_BAD;
    }
    estimator_give_status(b, s, 2 * model->n_x, model->n_y, &at);
}

const struct hil_block_type hil_type_ukf = {
    .name = "ukf",
    .doc = "The square-root unscented Kalman filter of a compiled model, additive noise (van der Merwe and Wan 2001): "
           "x(k) = one sample of the model from x(k-1) with u(k-1), corrected by y(k) = g(x(k), u(k), p). The estimate "
           "stays within the clamps of the model's states. A measurement that is not finite, bad or stale is left out; "
           "a singular innovation covariance makes the outputs bad and leaves x and P as they were.",
    INPUTS(of_model_inputs),
    OUTPUTS(of_model_outputs),
    CONFIG(config),
    STATES(of_model_states),
    .variadic = 1,
    .variadic_out = 1,
    .feedthrough = 1,
    .sets_status = 1,
    .check = check,
    .n_state = of_model_n_state,
    .n_late = of_model_n_late,
    .reset = reset,
    .output = output,
    .update = of_model_update,
};
