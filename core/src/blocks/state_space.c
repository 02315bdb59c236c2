/* state_space and state_space_strict: discrete linear systems. Two types, as the dataflow order must know whether the
 * output depends on the input of the same sample. */
#include "describe.h"

#define MAX_X 32 /* bounds the scratch on the stack and the time of a step */
#define MAX_U 32
#define MAX_Y 32

static const struct hil_port inputs[] = {{"u", "input vector", NAN}};
static const struct hil_port outputs[] = {{"y", "output vector", 0.0}};
enum { A, B, C, X0, D };
static const struct hil_config config[] = {
    {"A", "n x n, row after row", NULL, 1, MAX_X *MAX_X, NAN},
    {"B", "n rows, one column an input", NULL, 1, MAX_X *MAX_U, NAN},
    {"C", "one row an output, n columns", NULL, 1, MAX_Y *MAX_X, NAN},
    {"x0", "x before the first sample; none: zeros", NULL, 0, MAX_X, NAN},
    {"D", "one row an output, one column an input", NULL, 1, MAX_Y *MAX_U, NAN},
};
static const char *const states[] = {"x"};

static uint32_t order(const struct hil_array *cfg)
{
    for (uint32_t n = 1; n <= MAX_X; n++)
        if (cfg[A].n == n * n)
            return n;
    return 0;
}

/* The same for a checked block, without the search. */
static uint32_t rows(const struct hil_block *b) { return b->cfg[B].n / b->n_in; }

static uint32_t n_state(const struct hil_shape *shape) { return order(shape->cfg); }

static const char *check_strict(const struct hil_shape *shape)
{
    const struct hil_array *cfg = shape->cfg;
    uint32_t n = order(cfg);
    if (n == 0)
        return "A must be square, with at most 32 rows";
    if (shape->n_in > MAX_U || cfg[B].n != n * shape->n_in)
        return "B needs as many rows as A and a column for each input, at most 32";
    if (shape->n_out > MAX_Y || cfg[C].n != n * shape->n_out)
        return "C needs a row for each output, at most 32, and as many columns as A";
    if (cfg[X0].n != 0 && cfg[X0].n != n)
        return "x0 needs as many elements as A has rows";
    for (int i = A; i <= X0; i++)
        if (!all_finite(&cfg[i]))
            return "A, B, C and x0 must be finite";
    return NULL;
}

static const char *check(const struct hil_shape *shape)
{
    const char *why = check_strict(shape);
    if (why)
        return why;
    if (shape->cfg[D].n != shape->n_out * shape->n_in || !all_finite(&shape->cfg[D]))
        return "D needs a row for each output and a column for each input, all finite";
    return NULL;
}

static void reset(const struct hil_block *b, unsigned char *s)
{
    double *x = hil_mem(b, s);
    for (uint32_t i = 0; i < b->cfg[X0].n; i++)
        x[i] = b->cfg[X0].data[i];
}

static double dot(const double *row, const double *v, uint32_t n)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < n; i++)
        sum += row[i] * v[i];
    return sum;
}

static void strict_output(const struct hil_block *b, unsigned char *s)
{
    uint32_t n = rows(b);
    for (uint32_t i = 0; i < b->n_out; i++)
        *hil_out(b, s, i) = dot(b->cfg[C].data + i * n, hil_mem(b, s), n);
}

static void output(const struct hil_block *b, unsigned char *s)
{
    double u[MAX_U];
    uint32_t n = rows(b);
    if (!gather(b, hil_values(s), u))
        return;
    for (uint32_t i = 0; i < b->n_out; i++)
        *hil_out(b, s, i) =
            dot(b->cfg[C].data + i * n, hil_mem(b, s), n) + dot(b->cfg[D].data + i * b->n_in, u, b->n_in);
}

static void update(const struct hil_block *b, unsigned char *s)
{
    double u[MAX_U], next[MAX_X], *x = hil_mem(b, s);
    uint32_t n = rows(b);
    if (!gather(b, hil_values(s), u))
        return;
    for (uint32_t i = 0; i < n; i++)
        next[i] = dot(b->cfg[A].data + i * n, x, n) + dot(b->cfg[B].data + i * b->n_in, u, b->n_in);
    for (uint32_t i = 0; i < n; i++)
        x[i] = settle(next[i]);
}

const struct hil_block_type hil_type_state_space = {
    .name = "state_space",
    .doc = "x(k+1) = A x(k) + B u(k), y(k) = C x(k) + D u(k). A sample with an input that is not finite is left out: x "
           "and y hold.",
    INPUTS(inputs),
    OUTPUTS(outputs),
    CONFIG(config),
    STATES(states),
    .variadic = 1,
    .variadic_out = 1,
    .feedthrough = 1,
    .check = check,
    .n_state = n_state,
    .reset = reset,
    .output = output,
    .update = update,
};

const struct hil_block_type hil_type_state_space_strict = {
    .name = "state_space_strict",
    .doc = "x(k+1) = A x(k) + B u(k), y(k) = C x(k): without feed-through, so it may close a loop. A sample with an "
           "input that is "
           "not finite is left out: x holds.",
    INPUTS(inputs),
    OUTPUTS(outputs),
    .config = config,
    .n_config = D, /* all but D */
    STATES(states),
    .variadic = 1,
    .variadic_out = 1,
    .check = check_strict,
    .n_state = n_state,
    .reset = reset,
    .output = strict_output,
    .update = update,
};
