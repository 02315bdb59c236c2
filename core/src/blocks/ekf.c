/* ekf: the extended Kalman filter of a compiled model. Its step is the model's own generated one; a model without it, or
 * more than one substep, takes the loops of ekf_loops.h, which give other bits: a program's hash tells which, as the model's
 * hash and the substeps enter it. The parameters are the observer's own, apart from those of any plant. */
#include "ekf_loops.h"

#include "estimator.h"
#include "hil/dense.h"
#include "hil/math.h"

enum { Q, R, P0, X0, STALE_INFLATION, SUBSTEPS };
#define TO (EKF_MAX_X + EKF_PACKED(EKF_MAX_X) + 3 * ESTIMATOR_MAX_Y)
static const struct hil_port inputs[] = {{"in", "the model's inputs, then measurements of its outputs", NAN}};
static const struct hil_port outputs[] = {
    {"out", "estimate x, diagonal of P, innovation, NIS, log-likelihood of the measurements", 0.0}};
static const struct hil_config config[] = {
    {"Q", "covariance of a step's process noise, n x n, row after row; n <= 16", NULL, 1, EKF_MAX_X *EKF_MAX_X, NAN},
    {"R", "variance of each of the model's outputs, at most 8", NULL, 1, ESTIMATOR_MAX_Y, NAN},
    {"P0", "covariance of x at the first sample, n x n", NULL, 1, EKF_MAX_X *EKF_MAX_X, NAN},
    {"x0", "x at the first sample; none: the model's own", NULL, 0, EKF_MAX_X, NAN},
    {"stale_inflation", "factor on the variance of a stale measurement; 0 leaves it out", NULL, 1, 1, 0.0},
    {"substeps", "steps of the model's method in one sample; more than 1 takes loops", NULL, 1, 1, 1.0},
};
static const char *const states[] = {ESTIMATOR_STATES, "state"};

static const char *check_model(const struct hil_model *model)
{
    if (!model)
        return "needs a model";
    if (model->abi != HIL_MODEL_ABI)
        return "the model was compiled for another version of the core";
    if (model->n_x > EKF_MAX_X || model->n_u > ESTIMATOR_MAX_U || model->n_y > ESTIMATOR_MAX_Y)
        return "the model of an ekf has at most 16 states, 16 inputs and 8 outputs";
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
    double substeps = cfg[SUBSTEPS].data[0], inflation = cfg[STALE_INFLATION].data[0];
    if (cfg[Q].n != n * n || cfg[P0].n != n * n || (cfg[X0].n != 0 && cfg[X0].n != n) || cfg[R].n != m)
        return "Q and P0 need a row and a column, x0 an element for each state of the model, R one for each output";
    if (shape->n_in != model->n_u + m || shape->n_out != 2 * n + m + 2)
        return "needs the model's inputs, then its outputs as measurements; has 2 n + m + 2 outputs";
    for (int i = Q; i <= STALE_INFLATION; i++)
        if (!all_finite(&cfg[i]))
            return "Q, R, P0, x0 and stale_inflation must be finite";
    if (!hil_is_psd(cfg[Q].data, n) || !hil_is_psd(cfg[P0].data, n))
        return "Q or P0 is not symmetric and positive semidefinite";
    for (uint32_t i = 0; i < m; i++)
        if (!(cfg[R].data[i] >= 0.0))
            return "R is not positive semidefinite: a variance is negative";
    if ((inflation != 0.0 && !(inflation >= 1.0)) ||
        !(substeps >= 1.0 && substeps <= 1000.0 && substeps == round_down(substeps)))
        return "stale_inflation must be 0 or at least 1, substeps a whole number from 1 to 1000";
    for (uint32_t i = 0; i < model->n_p; i++)
        if (!(shape->params[i] >= model->p[i].min && shape->params[i] <= model->p[i].max))
            return "a parameter lies outside its range";
    return NULL;
}

/* Behind the head: u, x, P, Q; both as lower triangles. */
static uint32_t n_state(const struct hil_shape *shape)
{
    const struct hil_model *model = shape->model;
    return EST_HEAD + model->n_u + model->n_x + 2 * EKF_PACKED(model->n_x);
}

static uint32_t n_late(const struct hil_shape *shape) { return shape->model->feedthrough ? 0 : shape->model->n_u; }

static void reset(const struct hil_block *b, unsigned char *s)
{
    uint32_t n = b->model->n_x;
    double *x = hil_mem(b, s) + EST_HEAD + b->model->n_u, *P = x + n, *noise = P + EKF_PACKED(n);
    hil_mem(b, s)[EST_DETERMINANT] = 1.0;
    for (uint32_t i = 0; i < n; i++) {
        x[i] = b->cfg[X0].n ? b->cfg[X0].data[i] : b->model->x[i].value;
        for (uint32_t j = 0; j <= i; j++) {
            P[EKF_PACKED(i) + j] = b->cfg[P0].data[i * n + j];
            noise[EKF_PACKED(i) + j] = b->cfg[Q].data[i * n + j];
        }
    }
}

static void step(const struct hil_block *b, unsigned char *s, const double *v, const struct estimator_sample *at,
                 double *to)
{
    static const double no_noise[EKF_PACKED(EKF_MAX_X)];
    const struct hil_model *model = b->model;
    uint32_t n = model->n_x, substeps = (uint32_t)setting(b, SUBSTEPS);
    double r[ESTIMATOR_MAX_Y], *mem = hil_mem(b, s);
    const double *u = mem + EST_HEAD, *x = u + model->n_u, *P = x + n, *noise = P + EKF_PACKED(n);
    double h = b->dt_s;
    for (uint32_t i = 0; i < model->n_y; i++)
        r[i] = at->scale[i] > 0.0 ? b->cfg[R].data[i] * at->scale[i] : HUGE_VAL;
    if (mem[EST_STARTED] == 0.0)
        h = 0.0, noise = no_noise;
    if (model->ekf && substeps == 1)
        model->ekf(x, P, u, v, hil_params(b, s), at->y, r, noise, &h, to);
    else
        ekf_loops(model, substeps, x, P, u, v, hil_params(b, s), at->y, r, noise, h, to);
}

/* Whether what a step made can be kept. */
static int came_out_right(const struct hil_model *model, const double *to, const struct estimator_sample *at)
{
    const double *P = to + model->n_x, *e = P + EKF_PACKED(model->n_x), *var = e + model->n_y;
    int fine = 1;
    for (uint32_t i = 0; i < model->n_x; i++) {
        double p = P[EKF_PACKED(i) + i];
        fine &= is_usable(to[i]) & (p >= 0.0) & (p <= LARGEST_INPUT);
    }
    for (uint32_t i = 0; i < model->n_y; i++)
        fine &= at->scale[i] == 0.0 || (var[i] > 1e-300 && is_usable(e[i]));
    return fine;
}

static void output(const struct hil_block *b, unsigned char *s)
{
    const struct hil_model *model = b->model;
    uint32_t n = model->n_x, m = model->n_y;
    double v[ESTIMATOR_MAX_U], to[TO], *mem = hil_mem(b, s);
    struct estimator_sample at;
    for (uint32_t i = 0; i < model->n_u; i++) {
        double now = hil_in(b, s, i);
        v[i] = model->feedthrough && is_usable(now) ? now : mem[EST_HEAD + i];
    }
    estimator_read(b, s, model->n_u, m, setting(b, STALE_INFLATION), &at);
    step(b, s, v, &at, to);
    if (model->clamp)
        model->clamp(to); /* as in ukf.c */
    if (came_out_right(model, to, &at)) {
        memcpy(mem + EST_HEAD + model->n_u, to, (n + EKF_PACKED(n)) * sizeof *to);
        for (uint32_t i = 0; i < n; i++)
            mem[EST_HEAD + model->n_u + i] = settle(to[i]);
        mem[EST_STARTED] = 1.0;
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

const struct hil_block_type hil_type_ekf = {
    .name = "ekf",
    .doc =
        "The extended Kalman filter of a compiled model: x(k) = one step of dt from x(k-1) with u(k-1), corrected by "
        "y(k) = g(x(k), u(k), p) (Jazwinski 1970). Parameters are the model's, the observer's own. A measurement that "
        "is not finite, bad or stale is left out; a singular innovation covariance makes the outputs bad and leaves "
        "x and P as they were.",
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
