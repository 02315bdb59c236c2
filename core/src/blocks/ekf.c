/* ekf: the extended Kalman filter of a compiled model. Its step is the model's own generated one; a model without it, or
 * more than one substep, takes the loops of ekf_loops.h, which give other bits: a program's hash tells which, as the model's
 * hash and the substeps enter it. The parameters are the observer's own, apart from those of any plant. */
#include "ekf_loops.h"
#include "of_model.h"

static const struct hil_config config[] = {OF_MODEL_CONFIG};

static void reset(const struct hil_block *b, unsigned char *s)
{
    uint32_t n = b->model->n_x;
    double *P = of_model_reset(b, s) + n, *noise = P + PACKED(n);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j <= i; j++) {
            P[PACKED(i) + j] = b->cfg[P0].data[i * n + j];
            noise[PACKED(i) + j] = b->cfg[Q].data[i * n + j];
        }
}

static const double *noise_of(const struct hil_block *b, unsigned char *s)
{
    uint32_t n = b->model->n_x;
    return hil_mem(b, s) + EST_HEAD + b->model->n_u + n + PACKED(n);
}

/* One step from x and P (packed) with the u that acted since and the v that acts now, or the update alone when not `started`.
 * What it makes lies in `to` as hil_model.ekf leaves it. */
static void step(const struct hil_block *b, unsigned char *s, const double *x, const double *P, const double *u,
                 const double *v, int started, const struct estimator_sample *at, double *to)
{
    static const double no_noise[PACKED(ESTIMATOR_MAX_X)];
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
    const double *P = to + n, *variance = P + PACKED(n) + m;
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
    estimator_copy(x + n, to + n, PACKED(n));
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

static int step_in_time(const void *context, const double *from, const double *v, const struct estimator_sample *at,
                        double *to, struct timeline_made *made)
{
    const struct of_model_context *c = context;
    const struct hil_model *model = c->b->model;
    uint32_t n = model->n_x;
    const double *u = from + EST_HEAD, *x = u + model->n_u;
    double r[OF_MODEL_TO];
    step(c->b, c->s, x, x + n, u, v, from[EST_STARTED] != 0.0, at, r);
    if (!came_out_right(n, model->n_y, r))
        return 0;
    memcpy(to, r, (n + PACKED(n)) * sizeof *to);
    for (uint32_t i = 0; i < n; i++)
        to[i] = settle(r[i]);
    of_model_made(model, at, r, made);
    return 1;
}

static int by_time(const struct hil_block *b, unsigned char *s, const double *v, struct estimator_sample *at)
{
    const uint32_t n = b->model->n_x;
    const double *P = hil_mem(b, s) + EST_HEAD + b->model->n_u + n;
    if (!of_model_by_time(b, s, v, at, step_in_time))
        return 0;
    for (uint32_t i = 0; i < n; i++)
        *hil_out(b, s, n + i) = P[PACKED(i) + i];
    return 1;
}

static void output(const struct hil_block *b, unsigned char *s)
{
    const struct hil_model *model = b->model;
    uint32_t n = model->n_x, m = model->n_y;
    double now[ESTIMATOR_MAX_U], to[OF_MODEL_TO], *mem = hil_mem(b, s), *u = mem + EST_HEAD, *x = u + model->n_u;
    const double *v = of_model_inputs_now(b, s, u, now);
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

const struct hil_block_type hil_type_ekf = {
    .name = "ekf",
    .doc =
        "The extended Kalman filter of a compiled model: x(k) = one step of dt from x(k-1) with u(k-1), corrected by "
        "y(k) = g(x(k), u(k), p) (Jazwinski 1970). Parameters are the model's, the observer's own. A measurement that "
        "is not finite, bad or stale is left out; a singular innovation covariance makes the outputs bad and leaves "
        "x and P as they were.",
    INPUTS(of_model_inputs),
    OUTPUTS(of_model_outputs),
    CONFIG(config),
    STATES(of_model_states),
    .variadic = 1,
    .variadic_out = 1,
    .feedthrough = 1,
    .sets_status = 1,
    .check = of_model_check,
    .n_state = of_model_n_state,
    .n_late = of_model_n_late,
    .reset = reset,
    .output = output,
    .update = of_model_update,
};
