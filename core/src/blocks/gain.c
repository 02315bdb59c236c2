/* gain, sum, weighted_sum, product: arithmetic without memory. */
#include "describe.h"

static const struct hil_port input[] = {{"u", "input", NAN}};
static const struct hil_port outputs[] = {{"y", "result", 0.0}};

/* ---- gain ---- */

enum { GAIN, OFFSET };
static const struct hil_param gain_params[] = {
    {"gain", "factor", 1.0, -HUGE_VAL, HUGE_VAL},
    {"offset", "added after the factor", 0.0, -HUGE_VAL, HUGE_VAL},
};

static void gain_output(const struct hil_block *b, unsigned char *s)
{
    const double *p = hil_params(b, s);
    *hil_out(b, s, 0) = p[GAIN] * hil_in(b, s, 0) + p[OFFSET];
}

const struct hil_block_type hil_type_gain = {
    .name = "gain",
    .doc = "y = gain * u + offset.",
    INPUTS(input),
    OUTPUTS(outputs),
    PARAMS(gain_params),
    .feedthrough = 1,
    .passes_time = 1,
    .output = gain_output,
};

/* ---- sum ---- */

static const struct hil_config sum_config[] = {
    {"signs", "1 or -1 for each input; none: all 1", NULL, 0, ANY_COUNT, NAN}};

static const char *sum_check(const struct hil_shape *shape)
{
    const struct hil_array *signs = &shape->cfg[0];
    if (signs->n != 0 && signs->n != shape->n_in)
        return "signs needs one element for each input";
    for (uint32_t i = 0; i < signs->n; i++)
        if (fabs(signs->data[i]) != 1.0)
            return "an element of signs must be 1 or -1";
    return NULL;
}

static void sum_output(const struct hil_block *b, unsigned char *s)
{
    const double *v = hil_values(s), *signs = b->cfg[0].data;
    const uint16_t *in = b->in, n = b->n_in;
    double y = 0.0;
    if (b->cfg[0].n)
        for (unsigned i = 0; i < n; i++)
            y += signs[i] * v[in[i]];
    else
        for (unsigned i = 0; i < n; i++)
            y += v[in[i]];
    *hil_out(b, s, 0) = y;
}

const struct hil_block_type hil_type_sum = {
    .name = "sum",
    .doc = "y = sum of signs[i] * u[i].",
    INPUTS(input),
    OUTPUTS(outputs),
    CONFIG(sum_config),
    .variadic = 1,
    .feedthrough = 1,
    .check = sum_check,
    .output = sum_output,
};

/* ---- weighted_sum ---- */

static const struct hil_config weighted_config[] = {{"weights", "factor of each input", NULL, 1, ANY_COUNT, NAN}};

static const char *weighted_check(const struct hil_shape *shape)
{
    if (shape->cfg[0].n != shape->n_in)
        return "weights needs one element for each input";
    return all_finite(&shape->cfg[0]) ? NULL : "an element of weights must be finite";
}

static void weighted_output(const struct hil_block *b, unsigned char *s)
{
    const double *v = hil_values(s), *weights = b->cfg[0].data;
    const uint16_t *in = b->in, n = b->n_in;
    double y = weights[0] * v[in[0]];
    for (unsigned i = 1; i < n; i++)
        y += weights[i] * v[in[i]];
    *hil_out(b, s, 0) = y;
}

const struct hil_block_type hil_type_weighted_sum = {
    .name = "weighted_sum",
    .doc = "y = sum of weights[i] * u[i], from the first to the last; state feedback u = -K x with weights -K.",
    INPUTS(input),
    OUTPUTS(outputs),
    CONFIG(weighted_config),
    .variadic = 1,
    .feedthrough = 1,
    .check = weighted_check,
    .output = weighted_output,
};

/* ---- product ---- */

static void product_output(const struct hil_block *b, unsigned char *s)
{
    double y = 1.0;
    for (unsigned i = 0; i < b->n_in; i++)
        y *= hil_in(b, s, i);
    *hil_out(b, s, 0) = y;
}

const struct hil_block_type hil_type_product = {
    .name = "product",
    .doc = "y = product of all u[i].",
    INPUTS(input),
    OUTPUTS(outputs),
    .variadic = 1,
    .feedthrough = 1,
    .output = product_output,
};
