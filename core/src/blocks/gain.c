/* gain, sum, product: arithmetic without memory. */
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
    const double *v = hil_values(s), *signs = b->cfg[0].n ? b->cfg[0].data : NULL;
    double y = 0.0;
    for (unsigned i = 0; i < b->n_in; i++)
        y += signs ? signs[i] * v[b->in[i]] : v[b->in[i]];
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
