/* Private to ekf.c and ukf.c: what filters of a compiled model share around their steps.
 *
 * Their state, behind the head: u, x, then a triangle of P or of its root, one of Q, and the ring of timeline.h. */
#ifndef HIL_OF_MODEL_H
#define HIL_OF_MODEL_H

#include "estimator.h"
#include "hil/dense.h"
#include "hil/math.h"
#include "hil/model.h"
#include "timeline.h"

enum { Q, R, P0, X0, STALE_INFLATION, SUBSTEPS, MAX_DELAY, OF_MODEL_CONFIGS };
#define OF_MODEL_CONFIG                                                                                                \
    {"Q", "covariance of a sample's process noise, n x n, row after row; n <= 16", NULL, 1, SQUARE_MAX, NAN},          \
        {"R", "variance of each of the model's outputs, at most 8", NULL, 1, ESTIMATOR_MAX_Y, NAN},                    \
        {"P0", "covariance of x at the first sample, n x n", NULL, 1, SQUARE_MAX, NAN},                                \
        {"x0", "x at the first sample; none: the model's own", NULL, 0, ESTIMATOR_MAX_X, NAN},                         \
        {"stale_inflation", "factor on the variance of a stale measurement; 0 leaves it out", NULL, 1, 1, 0.0},        \
        {"substeps", "steps of the model's method in one sample; an ekf takes more than 1 in loops", NULL, 1, 1, 1.0}, \
        TIMELINE_CONFIG
#define SQUARE_MAX (ESTIMATOR_MAX_X * ESTIMATOR_MAX_X)

/* What a step makes: x, P (of a ukf its diagonal alone counts), innovations, their variances, their weighted squares. */
#define OF_MODEL_TO (ESTIMATOR_MAX_X + PACKED(ESTIMATOR_MAX_X) + 3 * ESTIMATOR_MAX_Y)

static const struct hil_port of_model_inputs[] = {{"in", "the model's inputs, then measurements of its outputs", NAN}};
static const struct hil_port of_model_outputs[] = {
    {"out", "estimate x, diagonal of P, innovation, NIS, log-likelihood of the measurements", 0.0}};
static const char *const of_model_states[] = {ESTIMATOR_STATES, "state"};

static const char *of_model_check_numbers(const struct hil_array *cfg, uint32_t n, uint32_t m)
{
    double substeps = cfg[SUBSTEPS].data[0], inflation = cfg[STALE_INFLATION].data[0];
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
    return NULL;
}

static const char *of_model_check(const struct hil_shape *shape)
{
    const struct hil_model *model = shape->model;
    const struct hil_array *cfg = shape->cfg;
    if (!model)
        return "needs a model";
    if (model->abi != HIL_MODEL_ABI)
        return "the model was compiled for another version of the core";
    uint32_t n = model->n_x, m = model->n_y;
    if (n > ESTIMATOR_MAX_X || model->n_u > ESTIMATOR_MAX_U || m > ESTIMATOR_MAX_Y)
        return "the model of an estimator has at most 16 states, 16 inputs and 8 outputs";
    if (cfg[Q].n != n * n || cfg[P0].n != n * n || (cfg[X0].n != 0 && cfg[X0].n != n) || cfg[R].n != m)
        return "Q and P0 need a row and a column, x0 an element for each state of the model, R one for each output";
    if (shape->n_in != model->n_u + m || shape->n_out != 2 * n + m + 2)
        return "needs the model's inputs, then its outputs as measurements; has 2 n + m + 2 outputs";
    const char *why = of_model_check_numbers(cfg, n, m);
    for (uint32_t i = 0; i < model->n_p && !why; i++)
        if (!(shape->params[i] >= model->p[i].min && shape->params[i] <= model->p[i].max))
            why = "a parameter lies outside its range";
    return why ? why : timeline_check(cfg[MAX_DELAY].data[0], shape->dt_s);
}

static uint32_t of_model_n_state(const struct hil_shape *shape)
{
    const struct hil_model *model = shape->model;
    uint32_t n = model->n_x, n_u = model->n_u, n_keep = n + PACKED(n);
    return EST_HEAD + n_u + n_keep + PACKED(n) +
           timeline_size(shape->cfg[MAX_DELAY].data[0], shape->dt_s, n_u, n_keep, model->n_y);
}

static uint32_t of_model_n_late(const struct hil_shape *shape)
{
    return shape->model->feedthrough ? 0 : shape->model->n_u;
}

/* Sets x to where it begins; returns it. */
static double *of_model_reset(const struct hil_block *b, unsigned char *s)
{
    double *x = hil_mem(b, s) + EST_HEAD + b->model->n_u;
    hil_mem(b, s)[EST_DETERMINANT] = 1.0;
    for (uint32_t i = 0; i < b->model->n_x; i++)
        x[i] = b->cfg[X0].n ? b->cfg[X0].data[i] : b->model->x[i].value;
    return x;
}

/* v: the inputs that act now, where the model's outputs depend on them; else those that acted. */
static inline const double *of_model_inputs_now(const struct hil_block *b, unsigned char *s, const double *u, double *v)
{
    if (!b->model->feedthrough)
        return u;
    for (uint32_t i = 0; i < b->model->n_u; i++)
        v[i] = is_usable(hil_in(b, s, i)) ? hil_in(b, s, i) : u[i];
    return v;
}

/* Of the measurements of one step, from what it made. */
static void of_model_made(const struct hil_model *model, const struct estimator_sample *at, const double *to,
                          struct timeline_made *made)
{
    const uint32_t m = model->n_y;
    const double *e = to + model->n_x + PACKED(model->n_x);
    *made = (struct timeline_made){.determinant = 1.0};
    for (uint32_t i = 0; i < m; i++) {
        int taken = at->scale[i] > 0.0;
        made->innovation[i] = taken ? e[i] : 0.0;
        made->nis += e[2 * m + i];
        made->determinant *= taken ? e[m + i] : 1.0;
        made->n += (uint32_t)taken;
    }
}

struct of_model_context {
    const struct hil_block *b;
    unsigned char *s;
};

/* The step of now, and of late measurements (timeline.h), `one` being a step. Gives out all but the diagonal of P. */
static __attribute__((noinline)) int of_model_by_time(const struct hil_block *b, unsigned char *s, const double *v,
                                                      struct estimator_sample *at, timeline_step_fn one)
{
    const struct hil_model *model = b->model;
    const uint32_t n = model->n_x, m = model->n_y, n_keep = n + PACKED(n);
    const struct of_model_context context = {b, s};
    double *x = hil_mem(b, s) + EST_HEAD + model->n_u;
    const struct timeline line = {.n_u = model->n_u,
                                  .n_keep = n_keep,
                                  .m = m,
                                  .window = timeline_window(setting(b, MAX_DELAY), b->dt_s),
                                  .ring = x + n_keep + PACKED(n),
                                  .step = one,
                                  .context = &context};
    struct timeline_made made;
    if (!timeline_run(&line, b, s, v, at, &made))
        return 0;
    for (uint32_t i = 0; i < n; i++)
        *hil_out(b, s, i) = x[i];
    timeline_give(b, s, n, m, &made);
    return 1;
}

static void of_model_update(const struct hil_block *b, unsigned char *s)
{
    estimator_hold_inputs(b, s, b->model->n_u, hil_mem(b, s) + EST_HEAD);
}

#endif
