/* abs, min, max. */
#include "describe.h"

static const struct hil_port input[] = {{"u", "input", NAN}};
static const struct hil_port outputs[] = {{"y", "result", 0.0}};

static void abs_output(const struct hil_block *b, unsigned char *s) { *hil_out(b, s, 0) = fabs(hil_in(b, s, 0)); }

const struct hil_block_type hil_type_abs = {
    .name = "abs",
    .doc = "y = |u|.",
    INPUTS(input),
    OUTPUTS(outputs),
    .feedthrough = 1,
    .output = abs_output,
};

static void min_output(const struct hil_block *b, unsigned char *s)
{
    double y = hil_in(b, s, 0);
    for (unsigned i = 1; i < b->n_in; i++) {
        double u = hil_in(b, s, i);
        y = u < y || isnan(y) ? u : y;
    }
    *hil_out(b, s, 0) = y;
}

const struct hil_block_type hil_type_min = {
    .name = "min",
    .doc = "y = smallest u[i]; an input that is NaN is left out unless all are.",
    INPUTS(input),
    OUTPUTS(outputs),
    .variadic = 1,
    .feedthrough = 1,
    .output = min_output,
};

static void max_output(const struct hil_block *b, unsigned char *s)
{
    double y = hil_in(b, s, 0);
    for (unsigned i = 1; i < b->n_in; i++) {
        double u = hil_in(b, s, i);
        y = u > y || isnan(y) ? u : y;
    }
    *hil_out(b, s, 0) = y;
}

const struct hil_block_type hil_type_max = {
    .name = "max",
    .doc = "y = largest u[i]; an input that is NaN is left out unless all are.",
    INPUTS(input),
    OUTPUTS(outputs),
    .variadic = 1,
    .feedthrough = 1,
    .output = max_output,
};
