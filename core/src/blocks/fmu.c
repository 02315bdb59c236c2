/* fmu: a foreign model behind the FMI as a block. Its own tables name inputs, outputs and parameters. */
#include "hil/fmu.h"

#include "describe.h"

static const struct hil_port inputs[] = {{"u", "the FMU's inputs", NAN}};
static const struct hil_port outputs[] = {{"y", "the FMU's outputs", 0.0}};
static const char *const states[] = {"steps", "failed", "y"};
/* Of the state: the outputs are followed by the parameters that the FMU was last given. */
enum { STEPS, FAILED, Y };

static const struct hil_fmu *fmu_of(const struct hil_block *b)
{
    return (const struct hil_fmu *)(const void *)b->model;
}

static const char *check(const struct hil_shape *shape)
{
    const struct hil_fmu *fmu = (const struct hil_fmu *)(const void *)shape->model;
    if (!fmu)
        return "needs an FMU";
    if (fmu->abi != HIL_FMU_ABI)
        return "the FMU was opened by another version of the core";
    if (fmu->model.n_u > HIL_MODEL_MAX_U || fmu->model.n_y > HIL_MODEL_MAX_Y)
        return "at most 64 inputs and 64 outputs of an FMU can be wired";
    if (shape->n_in != fmu->model.n_u || shape->n_out != fmu->model.n_y)
        return "needs as many inputs and outputs as were chosen of its FMU";
    for (uint32_t i = 0; i < fmu->model.n_p; i++)
        if (!(shape->params[i] >= fmu->model.p[i].min && shape->params[i] <= fmu->model.p[i].max))
            return "a parameter lies outside its range";
    return NULL;
}

static uint32_t n_state(const struct hil_shape *shape) { return Y + shape->model->n_y + shape->model->n_p; }

/* From the next tick on: no value, and known to be none, so that gates behind it go safe. */
static void fail(const struct hil_block *b, unsigned char *s, int err)
{
    double *m = hil_mem(b, s);
    m[FAILED] = err;
    for (unsigned i = 0; i < b->n_out; i++) {
        m[Y + i] = NAN;
        s[b->status + b->out[i]] |= HIL_BAD;
    }
    ((struct hil_state *)(void *)s)->alert = 1;
}

/* NULL, or the parameters when an event has changed one. */
static const double *changed(const struct hil_block *b, unsigned char *s)
{
    const double *p = hil_params(b, s);
    double *given = hil_mem(b, s) + Y + b->n_out;
    int same = 1;
    for (uint32_t i = 0, n = b->model->n_p; i < n; i++) {
        same &= given[i] == p[i];
        given[i] = p[i];
    }
    return same ? NULL : p;
}

static void reset(const struct hil_block *b, unsigned char *s)
{
    const struct hil_fmu *fmu = fmu_of(b);
    double *m = hil_mem(b, s);
    int err = fmu->reset(fmu->self, s, hil_params(b, s), m + Y);
    changed(b, s); /* it has them now */
    if (err)
        fail(b, s, err);
}

static void output(const struct hil_block *b, unsigned char *s)
{
    const double *y = hil_mem(b, s) + Y;
    double *values = hil_values(s);
    for (unsigned i = 0, n = b->n_out; i < n; i++)
        values[b->out[i]] = y[i];
}

static void update(const struct hil_block *b, unsigned char *s)
{
    const struct hil_fmu *fmu = fmu_of(b);
    double u[HIL_MODEL_MAX_U], *m = hil_mem(b, s);
    if (m[FAILED] != 0.0 || !gather(b, hil_values(s), u))
        return;
    double t_s = m[STEPS] * b->dt_s; /* of its own steps: a sample that was left out is no time for it */
    int err = fmu->step(fmu->self, s, u, changed(b, s), t_s, b->dt_s, m + Y);
    if (err)
        fail(b, s, err);
    else
        m[STEPS] += 1.0;
}

const struct hil_block_type hil_type_fmu = {
    .name = "fmu",
    .doc = "y(k+1) = what the FMU gives after one step of dt with u(k) held; y(0) is its start. A sample with an input "
           "that is not finite is left out: y holds. When a step fails, y is NaN and bad from then on. Parameters are "
           "the FMU's tunable ones.",
    INPUTS(inputs),
    OUTPUTS(outputs),
    STATES(states),
    .variadic = 1,
    .variadic_out = 1,
    .check = check,
    .n_state = n_state,
    .reset = reset,
    .output = output,
    .update = update,
};
