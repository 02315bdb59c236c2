/* ekf: the extended Kalman filter of a compiled model. Its step is the model's own generated one; a model without it, or
 * more than one substep, takes the loops of ekf_loops.h, which give other bits: a program's hash tells which, as the model's
 * hash and the substeps enter it. The parameters are the observer's own, apart from those of any plant. */
#include "ekf_loops.h"

#include "estimator.h"
#include "hil/dense.h"
#include "hil/math.h"
#include "timeline.h"

enum { Q, R, P0, X0, STALE_INFLATION, SUBSTEPS, MAX_DELAY };
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
    TIMELINE_CONFIG,
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
    return timeline_check(cfg[MAX_DELAY].data[0], shape->dt_s);
}

/* Behind the head: u, x, P, Q, both as lower triangles; then the ring of timeline.h. */
static uint32_t n_state(const struct hil_shape *shape)
{
    const struct hil_model *model = shape->model;
    uint32_t n_u = model->n_u, n_keep = model->n_x + EKF_PACKED(model->n_x);
    return EST_HEAD + n_u + n_keep + EKF_PACKED(model->n_x) +
           timeline_size(shape->cfg[MAX_DELAY].data[0], shape->dt_s, n_u, n_keep, model->n_y);
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

static const double *noise_of(const struct hil_block *b, unsigned char *s)
{
    uint32_t n = b->model->n_x;
    return hil_mem(b, s) + EST_HEAD + b->model->n_u + n + EKF_PACKED(n);
}

/* One step from x and P (packed) with the u that acted since and the v that acts now, or the update alone when not `started`.
 * What it makes lies in `to` as hil_model.ekf leaves it. */
static void step(const struct hil_block *b, unsigned char *s, const double *x, const double *P, const double *u,
                 const double *v, int started, const struct estimator_sample *at, double *to)
{
    static const double no_noise[EKF_PACKED(EKF_MAX_X)];
    const struct hil_model *model = b->model;
    const double *variance = b->cfg[R].data, *noise = started ? noise_of(b, s) : no_noise, *p = hil_params(b, s);
    double r[ESTIMATOR_MAX_Y], h = started ? b->dt_s : 0.0, substeps = setting(b, SUBSTEPS);
    for (uint32_t i = 0, m = model->n_y; i < m; i++)
        r[i] = at->scale[i] > 0.0 ? variance[i] * at->scale[i] : HUGE_VAL;
    if (model->ekf && substeps == 1.0)
        model->ekf(x, P, u, v, p, at->y, r, noise, &h, to);
    else
        ekf_loops(model, (uint32_t)substeps, x, P, u, v, p, at->y, r, noise, h, to);
    if (model->clamp)
        model->clamp(to); /* as in ukf.c */
}

/* Whether what a step made can be kept: sums tell, which are NaN or too large if one element is. A measurement that was
 * left out has an infinite variance; an innovation that is not finite shows in x. */
static inline __attribute__((always_inline)) int came_out_right(uint32_t n, uint32_t m, const double *to)
{
    const double *P = to + n, *variance = P + EKF_PACKED(n) + m;
    double size = 0.0, spread = 0.0, least = 0.0, smallest = HUGE_VAL, nis = 0.0;
    for (uint32_t i = 0, d = 0; i < n; i++, d += i + 1) {
        size += fabs(to[i]);
        spread += P[d];
        least = P[d] < least ? P[d] : least;
    }
    for (uint32_t i = 0; i < m; i++) {
        smallest = variance[i] < smallest ? variance[i] : smallest;
        nis += variance[m + i];
    }
    return (size <= LARGEST_INPUT) & (spread <= LARGEST_INPUT) & (least >= 0.0) & (smallest > 1e-300) & (nis == nis);
}

/* Keeps what a step made and gives it out, or returns 0. */
static inline __attribute__((always_inline)) int keep_n(uint32_t n, const struct hil_block *b, unsigned char *s,
                                                        const struct estimator_sample *at, const double *to)
{
    double *mem = hil_mem(b, s), *x = mem + EST_HEAD + b->model->n_u;
    if (__builtin_expect(!came_out_right(n, b->model->n_y, to), 0))
        return 0;
    for (uint32_t i = 0; i < n; i++)
        x[i] = settle(to[i]);
    estimator_copy(x + n, to + n, EKF_PACKED(n));
    mem[EST_STARTED] = 1.0;
    estimator_give(b, s, n, b->model->n_y, at, to);
    return 1;
}

/* A known number of states makes straight code of what surrounds a step: a third of a small filter. */
static int keep(const struct hil_block *b, unsigned char *s, const struct estimator_sample *at, const double *to)
{
    switch (b->model->n_x) {
#if !defined(__ARM_ARCH_PROFILE) || __ARM_ARCH_PROFILE != 'M' /* flash is dearer than time there */
    case 2: return keep_n(2, b, s, at, to);
    case 3: return keep_n(3, b, s, at, to);
    case 4: return keep_n(4, b, s, at, to);
    case 5: return keep_n(5, b, s, at, to);
    case 6: return keep_n(6, b, s, at, to);
#endif
    default: return keep_n(b->model->n_x, b, s, at, to);
    }
}

/* v: the inputs that act now, where the model's outputs depend on them; else those that acted. */
static const double *inputs_now(const struct hil_block *b, unsigned char *s, const double *u, double *v)
{
    if (!b->model->feedthrough)
        return u;
    for (uint32_t i = 0; i < b->model->n_u; i++)
        v[i] = is_usable(hil_in(b, s, i)) ? hil_in(b, s, i) : u[i];
    return v;
}

struct context {
    const struct hil_block *b;
    unsigned char *s;
};

static int step_in_time(const void *context, const double *from, const double *v, const struct estimator_sample *at,
                        double *to, struct timeline_made *made)
{
    const struct context *c = context;
    const struct hil_model *model = c->b->model;
    uint32_t n = model->n_x, m = model->n_y, n_keep = n + EKF_PACKED(n);
    const double *u = from + EST_HEAD, *x = u + model->n_u;
    double r[TO];
    step(c->b, c->s, x, x + n, u, v, from[EST_STARTED] != 0.0, at, r);
    if (!came_out_right(n, m, r))
        return 0;
    memcpy(to, r, n_keep * sizeof *to);
    for (uint32_t i = 0; i < n; i++)
        to[i] = settle(r[i]);
    *made = (struct timeline_made){.determinant = 1.0};
    for (uint32_t i = 0; i < m; i++) {
        int taken = at->scale[i] > 0.0;
        made->innovation[i] = taken ? r[n_keep + i] : 0.0;
        made->nis += r[n_keep + 2 * m + i];
        made->determinant *= taken ? r[n_keep + m + i] : 1.0;
        made->n += (uint32_t)taken;
    }
    return 1;
}

/* The step of now, and of late measurements; see timeline.h. */
static __attribute__((noinline)) int by_time(const struct hil_block *b, unsigned char *s, const double *v,
                                             struct estimator_sample *at)
{
    const struct hil_model *model = b->model;
    const uint32_t n = model->n_x, m = model->n_y, n_keep = n + EKF_PACKED(n);
    const struct context context = {b, s};
    double *x = hil_mem(b, s) + EST_HEAD + model->n_u, *P = x + n;
    const struct timeline line = {.n_u = model->n_u,
                                  .n_keep = n_keep,
                                  .m = m,
                                  .window = timeline_window(setting(b, MAX_DELAY), b->dt_s),
                                  .ring = P + 2 * EKF_PACKED(n),
                                  .step = step_in_time,
                                  .context = &context};
    struct timeline_made made;
    if (!timeline_run(&line, b, s, v, at, &made))
        return 0;
    for (uint32_t i = 0; i < n; i++) {
        *hil_out(b, s, i) = x[i];
        *hil_out(b, s, n + i) = P[EKF_PACKED(i) + i];
    }
    timeline_give(b, s, n, m, &made);
    return 1;
}

static void output(const struct hil_block *b, unsigned char *s)
{
    const struct hil_model *model = b->model;
    uint32_t n = model->n_x, m = model->n_y;
    double now[ESTIMATOR_MAX_U], to[TO], *mem = hil_mem(b, s), *u = mem + EST_HEAD, *x = u + model->n_u;
    const double *v = inputs_now(b, s, u, now);
    struct estimator_sample at;
    estimator_read(b, s, model->n_u, m, setting(b, STALE_INFLATION), &at);
    if (setting(b, MAX_DELAY) > 0.0) {
        at.status |= by_time(b, s, v, &at) ? HIL_GOOD : HIL_BAD;
        estimator_give_status(b, s, 2 * n, m, &at);
        return;
    }
    step(b, s, x, x + n, u, v, mem[EST_STARTED] != 0.0, &at, to);
    if (!keep(b, s, &at, to)) {
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
