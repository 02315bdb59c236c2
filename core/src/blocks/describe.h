/* Private to blocks/: how a type's tables are counted, and the few number helpers that its step function needs.
 *
 * Conventions of all types:
 *   - A boolean is a double that is true when >= 0.5; NaN is false.
 *   - A block without memory lets NaN and Inf pass. A block with memory leaves out a sample whose input is not finite
 *     (or larger than LARGEST_INPUT): it keeps its state, and its output keeps the value that it had.
 *   - Coefficients that follow from a parameter lie in the state beside the parameter value that they were made for,
 *     and are made anew when an event has changed it: no division and no exponential in an ordinary step. */
#ifndef HIL_BLOCKS_DESCRIBE_H
#define HIL_BLOCKS_DESCRIBE_H

#include <math.h>
#include <stdint.h>

#include "../block_types.h"

#define COUNT(table)   (uint16_t)(sizeof(table) / sizeof((table)[0]))
#define INPUTS(table)  .inputs = (table), .n_inputs = COUNT(table)
#define OUTPUTS(table) .outputs = (table), .n_outputs = COUNT(table)
#define PARAMS(table)  .params = (table), .n_params = COUNT(table)
#define CONFIG(table)  .config = (table), .n_config = COUNT(table)
#define STATES(table)  .states = (table), .n_states = COUNT(table)

#define ANY_COUNT 0xffffffffu

static inline int is_true(double v) { return v >= 0.5; }

/* An input that a block with memory takes up: beyond this a difference or a product with an ordinary coefficient could
 * overflow, and an infinite state never comes back. */
#define LARGEST_INPUT 1e150

static inline int is_usable(double v) { return fabs(v) <= LARGEST_INPUT; }

/* A memory that dies away ends at zero: it would stay at the smallest subnormal number for ever, and arithmetic on
 * subnormal numbers takes a hundred times as long on many processors. */
static inline double settle(double v) { return fabs(v) < 1e-200 ? 0.0 : v; }

static inline double from_flag(int flag) { return flag ? 1.0 : 0.0; }

/* NaN passes; with lo > hi (events set them one after the other) the result is one of the two. */
static inline double clamp(double v, double lo, double hi) { return v < lo ? lo : v > hi ? hi : v; }

/* Largest integer <= v, without a call to libm. From 2^52 on every double is an integer. */
static inline double round_down(double v)
{
    if (!(fabs(v) < 0x1p52))
        return v;
    double whole = (double)(int64_t)v;
    return whole > v ? whole - 1.0 : whole;
}

/* Nearest integer, ties to even: adding 1.5 * 2^52 leaves no bits behind the binary point. */
static inline double round_even(double v) { return fabs(v) < 0x1p51 ? (v + 0x1.8p52) - 0x1.8p52 : v; }

/* A scalar of the configuration, and one that names a choice. */
static inline double setting(const struct hil_block *b, unsigned i) { return b->cfg[i].data[0]; }

static inline int choice(const struct hil_block *b, unsigned i) { return (int)b->cfg[i].data[0]; }

/* Time of this sample since the first one. A product, never a sum of steps: it does not drift. */
static inline double time_s(const struct hil_block *b, unsigned char *s)
{
    return (double)(int64_t)hil_sample(b, s) * b->dt_s;
}

/* An instant that lies less than this part of a sample behind a sample counts as that sample: k * 0.001 is not always
 * the double next to k / 1000, and an edge must not come a sample late for that. */
#define SAME_SAMPLE 0x1p-10

static inline double since_s(const struct hil_block *b, unsigned char *s, double start_s)
{
    double t = time_s(b, s) - start_s;
    return fabs(t) < SAME_SAMPLE * b->dt_s ? 0.0 : t;
}

/* An input that is a sample: usable, and neither stale nor bad. */
static inline int is_sample(const struct hil_block *b, unsigned char *s, unsigned i)
{
    return is_usable(hil_in(b, s, i)) && !(hil_in_status(b, s, i) & (HIL_STALE | HIL_BAD));
}

/* Copies all inputs; 0 when one of them is not usable. */
static inline int gather(const struct hil_block *b, const double *values, double *u)
{
    int usable = 1;
    for (unsigned i = 0, n = b->n_in; i < n; i++) {
        u[i] = values[b->in[i]];
        usable &= is_usable(u[i]);
    }
    return usable;
}

static inline int all_finite(const struct hil_array *a)
{
    for (uint32_t i = 0; i < a->n; i++)
        if (!isfinite(a->data[i]))
            return 0;
    return 1;
}

static inline int strictly_increasing(const struct hil_array *a)
{
    for (uint32_t i = 1; i < a->n; i++)
        if (!(a->data[i] > a->data[i - 1]))
            return 0;
    return all_finite(a);
}

/* The i with x[i] <= v < x[i+1], 0 <= i <= n - 2, for n >= 2 increasing points; `hint` is the last answer: most signals
 * move to a neighbour at most, all others take the bisection. */
static inline uint32_t interval(const double *x, uint32_t n, double v, uint32_t hint)
{
    if (v >= x[hint] && (hint + 2 == n || v < x[hint + 1]))
        return hint;
    uint32_t lo = 0, hi = n - 1;
    while (hi - lo > 1) {
        uint32_t middle = lo + (hi - lo) / 2;
        if (v >= x[middle])
            lo = middle;
        else
            hi = middle;
    }
    return lo;
}

#endif
