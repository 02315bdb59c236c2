/* luenberger: the observer with a gain of the designer's. D. G. Luenberger, An Introduction to Observers, IEEE Trans.
 * Automatic Control 16, 1971; in its current form, whose estimate uses the measurement of the same sample. */
#include <string.h>

#include "estimator.h"

enum { A, B, C, L, X0 };
#define MAX_X 16
static const struct hil_port inputs[] = {{"in", "inputs u, then measurements y", NAN}};
static const struct hil_port outputs[] = {{"out", "estimate x, then innovation", 0.0}};
static const struct hil_config config[] = {
    {"A", "n x n, row after row, n <= 16", NULL, 1, MAX_X *MAX_X, NAN},
    {"B", "n rows, one column an input, at most 16; none: no inputs", NULL, 0, MAX_X *ESTIMATOR_MAX_U, NAN},
    {"C", "one row a measurement, at most 8, n columns", NULL, 1, ESTIMATOR_MAX_Y *MAX_X, NAN},
    {"L", "gain: n rows, one column a measurement", NULL, 1, MAX_X *ESTIMATOR_MAX_Y, NAN},
    {"x0", "x at the first sample, before its measurement; n elements", NULL, 1, MAX_X, NAN},
};
static const char *const states[] = {ESTIMATOR_STATES, "state"};

struct sizes {
    uint32_t n, n_u, m;
};

static struct sizes sizes_of(const struct hil_array *cfg)
{
    uint32_t n = cfg[X0].n;
    return (struct sizes){n, cfg[B].n / n, cfg[C].n / n};
}

static const char *check(const struct hil_shape *shape)
{
    const struct hil_array *cfg = shape->cfg;
    struct sizes z = sizes_of(cfg);
    if (cfg[A].n != z.n * z.n)
        return "A must be square, with a row for each element of x0";
    if (cfg[B].n != z.n * z.n_u || z.n_u > ESTIMATOR_MAX_U)
        return "B needs as many rows as A and at most 16 columns";
    if (z.m == 0 || z.m > ESTIMATOR_MAX_Y || cfg[C].n != z.m * z.n || cfg[L].n != z.n * z.m)
        return "C needs as many columns as A and at most 8 rows, L the sizes of C transposed";
    if (shape->n_in != z.n_u + z.m || shape->n_out != z.n + z.m)
        return "needs an input for each column of B and each row of C, an output for each row of A and of C";
    for (int i = A; i <= X0; i++)
        if (!all_finite(&cfg[i]))
            return "A, B, C, L and x0 must be finite";
    return NULL;
}

static uint32_t n_state(const struct hil_shape *shape)
{
    struct sizes z = sizes_of(shape->cfg);
    return EST_HEAD + z.n_u + z.n;
}

static uint32_t n_late(const struct hil_shape *shape) { return sizes_of(shape->cfg).n_u; }

static void reset(const struct hil_block *b, unsigned char *s)
{
    struct sizes z = sizes_of(b->cfg);
    memcpy(hil_mem(b, s) + EST_HEAD + z.n_u, b->cfg[X0].data, z.n * sizeof(double));
}

static double dot(const double *row, const double *v, uint32_t n)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < n; i++)
        sum += row[i] * v[i];
    return sum;
}

/* The estimate of this sample in `x`, what the measurements lie off the prediction in `e`. */
static void observe(const struct hil_block *b, struct sizes z, const double *mem, const struct estimator_sample *at,
                    double *x, double *e)
{
    const double *u = mem + EST_HEAD, *last = u + z.n_u;
    double ahead[MAX_X];
    for (uint32_t i = 0; i < z.n; i++)
        ahead[i] = mem[EST_STARTED] == 0.0
                       ? last[i]
                       : dot(b->cfg[A].data + i * z.n, last, z.n) + dot(b->cfg[B].data + i * z.n_u, u, z.n_u);
    for (uint32_t i = 0; i < z.m; i++)
        e[i] = at->scale[i] > 0.0 ? at->y[i] - dot(b->cfg[C].data + i * z.n, ahead, z.n) : 0.0;
    for (uint32_t i = 0; i < z.n; i++)
        x[i] = settle(ahead[i] + dot(b->cfg[L].data + i * z.m, e, z.m));
}

static void output(const struct hil_block *b, unsigned char *s)
{
    struct sizes z = sizes_of(b->cfg);
    struct estimator_sample at;
    double x[MAX_X], e[ESTIMATOR_MAX_Y], *mem = hil_mem(b, s);
    int fine = 1;
    estimator_read(b, s, z.n_u, z.m, 0.0, &at);
    observe(b, z, mem, &at, x, e);
    for (uint32_t i = 0; i < z.n; i++)
        fine &= is_usable(x[i]);
    if (fine) {
        memcpy(mem + EST_HEAD + z.n_u, x, z.n * sizeof *x);
        mem[EST_STARTED] = 1.0;
        for (uint32_t i = 0; i < z.n; i++)
            *hil_out(b, s, i) = x[i];
        for (uint32_t i = 0; i < z.m; i++)
            *hil_out(b, s, z.n + i) = e[i];
    } else {
        mem[EST_FAILED] += 1.0;
        at.status |= HIL_BAD;
    }
    estimator_give_status(b, s, z.n, z.m, &at);
}

static void update(const struct hil_block *b, unsigned char *s)
{
    estimator_hold_inputs(b, s, sizes_of(b->cfg).n_u, hil_mem(b, s) + EST_HEAD);
}

const struct hil_block_type hil_type_luenberger = {
    .name = "luenberger",
    .doc = "x(k) = A x(k-1) + B u(k-1) + L (y(k) - C (A x(k-1) + B u(k-1))) (Luenberger 1971, current form). A "
           "measurement that is not finite, stale or bad is left out; u that is not finite holds and makes the outputs "
           "bad.",
    INPUTS(inputs),
    OUTPUTS(outputs),
    CONFIG(config),
    STATES(states),
    .variadic = 1,
    .variadic_out = 1,
    .feedthrough = 1,
    .sets_status = 1,
    .check = check,
    .n_state = n_state,
    .n_late = n_late,
    .reset = reset,
    .output = output,
    .update = update,
};
