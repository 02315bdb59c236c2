/* second_order and transfer_function: discrete filters in transposed direct form II, which has the least memory and
 * applies the zeros before the poles, so that intermediate values stay small (Oppenheim, Schafer: Discrete-Time Signal
 * Processing, 6.3). */
#include "describe.h"

static const struct hil_port input[] = {{"u", "input", NAN}};
static const struct hil_port outputs[] = {{"y", "filtered signal", 0.0}};

#define MAX_TERMS 33 /* order 32: beyond it, rounding of the coefficients alone spoils a single polynomial */

static const char *check_coefficients(const struct hil_array *b, const struct hil_array *a)
{
    if (!all_finite(b) || !all_finite(a))
        return "coefficients must be finite";
    if (a->data[0] == 0.0)
        return "the first denominator coefficient must not be zero";
    return NULL;
}

static const char *check(const struct hil_shape *shape) { return check_coefficients(&shape->cfg[0], &shape->cfg[1]); }

static void reset(const struct hil_block *b, unsigned char *s) { hil_mem(b, s)[0] = 1.0 / b->cfg[1].data[0]; }

/* ---- second-order section ---- */

static const struct hil_config section_config[] = {
    {"b", "numerator b0 b1 b2, in powers of 1/z", NULL, 3, 3, NAN},
    {"a", "denominator a0 a1 a2, in powers of 1/z", NULL, 3, 3, NAN},
};
enum { PER_A0, S1, S2 };
static const char *const section_states[] = {"per_a0", "s1", "s2"};

static void section_output(const struct hil_block *block, unsigned char *s)
{
    const double *b = block->cfg[0].data, *a = block->cfg[1].data;
    double *m = hil_mem(block, s), u = hil_in(block, s, 0);
    if (!is_usable(u))
        return;
    double y = (b[0] * u + m[S1]) * m[PER_A0];
    m[S1] = settle(b[1] * u - a[1] * y + m[S2]);
    m[S2] = settle(b[2] * u - a[2] * y);
    *hil_out(block, s, 0) = y;
}

const struct hil_block_type hil_type_second_order = {
    .name = "second_order",
    .doc = "a0 y(k) = b0 u(k) + b1 u(k-1) + b2 u(k-2) - a1 y(k-1) - a2 y(k-2), transposed direct form II. A sample "
           "that is not "
           "finite is left out: y holds.",
    INPUTS(input),
    OUTPUTS(outputs),
    CONFIG(section_config),
    STATES(section_states),
    .feedthrough = 1,
    .check = check,
    .reset = reset,
    .output = section_output,
};

/* ---- transfer function of any order ---- */

static const struct hil_config function_config[] = {
    {"num", "numerator, in powers of 1/z: num[0] + num[1]/z + ...", NULL, 1, MAX_TERMS, NAN},
    {"den", "denominator, in powers of 1/z: den[0] + den[1]/z + ...", NULL, 1, MAX_TERMS, NAN},
};
static const char *const function_states[] = {"per_den0", "s"};

static uint32_t order(const struct hil_array *cfg) { return (cfg[0].n > cfg[1].n ? cfg[0].n : cfg[1].n) - 1; }

static uint32_t n_state(const struct hil_shape *shape) { return 1 + order(shape->cfg); }

static double term(const struct hil_array *a, uint32_t i) { return i < a->n ? a->data[i] : 0.0; }

static void function_output(const struct hil_block *b, unsigned char *s)
{
    const struct hil_array *num = &b->cfg[0], *den = &b->cfg[1];
    double *m = hil_mem(b, s), *memory = m + 1, u = hil_in(b, s, 0);
    uint32_t n = order(b->cfg);
    if (!is_usable(u))
        return;
    double y = (num->data[0] * u + (n ? memory[0] : 0.0)) * m[PER_A0];
    for (uint32_t i = 1; i <= n; i++)
        memory[i - 1] = settle(term(num, i) * u - term(den, i) * y + (i < n ? memory[i] : 0.0));
    *hil_out(b, s, 0) = y;
}

const struct hil_block_type hil_type_transfer_function = {
    .name = "transfer_function",
    .doc = "Y/U = (num[0] + num[1]/z + ...) / (den[0] + den[1]/z + ...), transposed direct form II. A sample that is "
           "not finite is "
           "left out: y holds.",
    INPUTS(input),
    OUTPUTS(outputs),
    CONFIG(function_config),
    STATES(function_states),
    .feedthrough = 1,
    .check = check,
    .n_state = n_state,
    .reset = reset,
    .output = function_output,
};
