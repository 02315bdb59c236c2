/* model: a compiled model as a block. Its own tables name inputs, outputs, parameters and states. */
#include "hil/model.h"

#include "describe.h"

static const struct hil_port inputs[] = {{"u", "the model's inputs", NAN}};
static const struct hil_port outputs[] = {{"y", "the model's outputs", 0.0}};
enum { SUBSTEPS, X0 };
static const struct hil_config config[] = {
    {"substeps", "steps of the model's method in one step of the block", NULL, 1, 1, 1.0},
    {"x0", "states before the first sample; none: the model's own", NULL, 0, ANY_COUNT, NAN},
};
static const char *const states[] = {"x"};

static const double no_input[HIL_MODEL_MAX_U]; /* for an output map that ignores its inputs */

static const char *check(const struct hil_shape *shape)
{
    const struct hil_model *model = shape->model;
    const struct hil_array *cfg = shape->cfg;
    double substeps = cfg[SUBSTEPS].data[0];
    if (!model)
        return "needs a model";
    if (model->abi != HIL_MODEL_ABI)
        return "the model was compiled for another version of the core";
    if (model->n_u > HIL_MODEL_MAX_U || model->n_y > HIL_MODEL_MAX_Y)
        return "a model has at most 64 inputs and 64 outputs";
    if (shape->n_in != model->n_u || shape->n_out != model->n_y)
        return "needs as many inputs and outputs as its model has";
    if (!(substeps >= 1.0 && substeps <= 1000.0 && substeps == round_down(substeps)))
        return "substeps must be a whole number from 1 to 1000";
    if ((cfg[X0].n != 0 && cfg[X0].n != model->n_x) || !all_finite(&cfg[X0]))
        return "x0 needs a finite element for each state of the model";
    for (uint32_t i = 0; i < model->n_p; i++)
        if (!(shape->params[i] >= model->p[i].min && shape->params[i] <= model->p[i].max))
            return "a parameter lies outside its range";
    return NULL;
}

static uint32_t n_state(const struct hil_shape *shape) { return shape->model->n_x; }

static void reset(const struct hil_block *b, unsigned char *s)
{
    double *x = hil_mem(b, s);
    for (uint32_t i = 0; i < b->model->n_x; i++)
        x[i] = b->cfg[X0].n ? b->cfg[X0].data[i] : b->model->x[i].value;
}

/* Inputs that are neighbours are used where they lie, others are copied to `u`. *usable: whether all of them are. */
static inline const double *inputs_of(const struct hil_block *b, const double *values, double *u, int *usable)
{
    if (!b->in_row) {
        *usable = gather(b, values, u);
        return u;
    }
    const double *row = values + b->in[0];
    *usable = 1;
    for (unsigned i = 0, n = b->n_in; i < n; i++)
        *usable &= is_usable(row[i]);
    return row;
}

static void give_out(const struct hil_block *b, unsigned char *s, const double *u)
{
    double y[HIL_MODEL_MAX_Y], *values = hil_values(s);
    if (b->out_row) {
        b->model->output(hil_mem(b, s), u, hil_params(b, s), values + b->out[0]);
        return;
    }
    b->model->output(hil_mem(b, s), u, hil_params(b, s), y);
    for (unsigned i = 0, n = b->n_out; i < n; i++)
        values[b->out[i]] = y[i];
}

static void output(const struct hil_block *b, unsigned char *s)
{
    double u[HIL_MODEL_MAX_U];
    int usable; /* the output map of a number that is not finite is not finite either, and no memory of it stays */
    give_out(b, s, b->model->feedthrough ? inputs_of(b, hil_values(s), u, &usable) : no_input);
}

static void update(const struct hil_block *b, unsigned char *s)
{
    double u[HIL_MODEL_MAX_U];
    int usable;
    const double *from = inputs_of(b, hil_values(s), u, &usable);
    if (usable)
        b->model->step(hil_mem(b, s), from, hil_params(b, s), b->dt_s, (uint32_t)setting(b, SUBSTEPS));
}

const struct hil_block_type hil_type_model = {
    .name = "model",
    .doc = "x(k+1) = one step of dt from x(k) with u(k) held, y(k) = g(x(k), u(k), p). A sample with an input that is "
           "not finite is "
           "left out: x holds. Parameters are the model's.",
    INPUTS(inputs),
    OUTPUTS(outputs),
    CONFIG(config),
    STATES(states),
    .variadic = 1,
    .variadic_out = 1,
    .check = check,
    .n_state = n_state,
    .reset = reset,
    .output = output,
    .update = update,
};
