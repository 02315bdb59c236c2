/* Runs one block alone: lays its signals, parameters and state out in a buffer of exactly the size it may touch, so
 * that the address sanitizer sees every step outside. Inputs are signals 1 .. n_in, outputs follow. */
#ifndef BLOCK_HARNESS_H
#define BLOCK_HARNESS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hil/block.h"
#include "hil/model.h"

#define HARNESS_PORTS 66

struct harness {
    const struct hil_block_type *type;
    const struct hil_model *model;
    struct hil_block block;
    struct hil_array cfg[16];
    double scalars[16], params[32];
    uint16_t in[HARNESS_PORTS], out[HARNESS_PORTS];
    uint32_t n_params, n_state;
    unsigned char *state;
    size_t size;
};

static int failures;

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            failures++;                                                                                                \
            printf("%s:%d: %s: not true: %s\n", __FILE__, __LINE__, __func__, #condition);                             \
        }                                                                                                              \
    } while (0)

#define CHECK_NEAR(got, wanted, within)                                                                                \
    do {                                                                                                               \
        double got_ = (got), wanted_ = (wanted);                                                                       \
        if (!(fabs(got_ - wanted_) <= (within))) {                                                                     \
            failures++;                                                                                                \
            printf("%s:%d: %s: %s = %.17g, not %.17g\n", __FILE__, __LINE__, __func__, #got, got_, wanted_);           \
        }                                                                                                              \
    } while (0)

#define CHECK_SAME(got, wanted) CHECK_NEAR(got, wanted, 0.0)

/* Presets everywhere, the type's own counts of inputs and outputs; set block.n_in, block.n_out before harness_start. */
static inline void harness_open(struct harness *h, const char *name, double dt_s)
{
    memset(h, 0, sizeof *h);
    h->type = hil_block_type_find(name);
    if (!h->type) {
        printf("no block type %s\n", name);
        exit(1);
    }
    h->block = (struct hil_block){.dt_s = dt_s, .stream = 77, .n_in = h->type->n_inputs, .n_out = h->type->n_outputs};
    h->n_params = h->type->n_params;
    for (uint32_t i = 0; i < h->type->n_params; i++)
        h->params[i] = h->type->params[i].preset;
    for (uint32_t i = 0; i < h->type->n_config; i++) {
        h->scalars[i] = h->type->config[i].preset;
        h->cfg[i] = (struct hil_array){&h->scalars[i], h->type->config[i].min_n == 1 && h->type->config[i].max_n == 1};
    }
}

static inline int harness_field(const struct harness *h, const char *name)
{
    for (int i = 0; i < h->type->n_config; i++)
        if (strcmp(h->type->config[i].name, name) == 0)
            return i;
    return -1;
}

/* Where a parameter is: before the start in the description, afterwards in the buffer. */
static inline double *harness_param(struct harness *h, const char *name)
{
    for (int i = 0; i < h->type->n_params; i++)
        if (strcmp(h->type->params[i].name, name) == 0)
            return h->state ? &hil_params(&h->block, h->state)[i] : &h->params[i];
    printf("%s has no parameter %s\n", h->type->name, name);
    exit(1);
}

/* A parameter or a scalar of the configuration. */
static inline void harness_set(struct harness *h, const char *name, double value)
{
    int field = harness_field(h, name);
    if (field < 0)
        *harness_param(h, name) = value;
    else
        h->scalars[field] = value;
}

static inline void harness_array(struct harness *h, const char *name, const double *data, uint32_t n)
{
    h->cfg[harness_field(h, name)] = (struct hil_array){data, n};
}

/* NULL, or why the block is refused. */
static inline const char *harness_refused(struct harness *h)
{
    struct hil_shape shape = {h->cfg, h->params, h->model, h->block.n_in, h->block.n_out, h->block.dt_s};
    return hil_block_check(h->type, &shape);
}

static inline void harness_start(struct harness *h)
{
    struct hil_shape shape = {h->cfg, h->params, h->model, h->block.n_in, h->block.n_out, h->block.dt_s};
    const char *why = hil_block_check(h->type, &shape);
    if (why) {
        printf("%s: %s\n", h->type->name, why);
        exit(1);
    }
    h->n_state = hil_block_state_count(h->type, &shape);
    size_t n_values = 1u + h->block.n_in + h->block.n_out;
    h->block.param = (uint32_t)(HIL_STATE_HEADER + n_values * sizeof(double));
    h->block.state = h->block.param + (uint32_t)(h->n_params * sizeof(double));
    h->block.status = h->block.state + h->n_state * (uint32_t)sizeof(double);
    h->size = h->block.status + n_values;
    h->state = calloc(1, h->size);
    for (uint16_t i = 0; i < h->block.n_in; i++)
        h->in[i] = (uint16_t)(1 + i);
    for (uint16_t i = 0; i < h->block.n_out; i++)
        h->out[i] = (uint16_t)(1 + h->block.n_in + i);
    h->block.cfg = h->cfg;
    h->block.model = h->model;
    h->block.in = h->in;
    h->block.out = h->out;
    if (h->n_params)
        memcpy(h->state + h->block.param, h->params, h->n_params * sizeof(double));
    if (h->type->reset)
        h->type->reset(&h->block, h->state);
}

static inline void harness_close(struct harness *h)
{
    free(h->state);
    h->state = NULL;
}

static inline double *harness_in(struct harness *h, unsigned i) { return &hil_values(h->state)[h->in[i]]; }
static inline double harness_out(struct harness *h, unsigned i) { return hil_values(h->state)[h->out[i]]; }

static inline double *harness_state(struct harness *h, const char *name)
{
    for (int i = 0; i < h->type->n_states; i++)
        if (strcmp(h->type->states[i], name) == 0)
            return &hil_mem(&h->block, h->state)[i];
    printf("%s has no state %s\n", h->type->name, name);
    exit(1);
}

/* One sample, as the engine runs it. */
static inline void harness_tick(struct harness *h)
{
    h->type->output(&h->block, h->state);
    if (h->type->update)
        h->type->update(&h->block, h->state);
    ((struct hil_state *)(void *)h->state)->tasks[h->block.task].sample++;
}

/* One sample with this first input; its first output. */
static inline double harness_pass(struct harness *h, double u)
{
    *harness_in(h, 0) = u;
    harness_tick(h);
    return harness_out(h, 0);
}

static inline double harness_source(struct harness *h)
{
    harness_tick(h);
    return harness_out(h, 0);
}

static inline double harness_pass2(struct harness *h, double u0, double u1)
{
    *harness_in(h, 1) = u1;
    return harness_pass(h, u0);
}

#endif
