/* counter, latch, edge: the sequential elements of IEC 61131-3. */
#include "describe.h"

/* ---- counter ---- */

static const struct hil_port counter_inputs[] = {
    {"up", "boolean: each rising edge counts", NAN},
    {"reset", "boolean: while true the count is 0", 0.0},
};
enum { COUNT_OUT, DONE };
static const struct hil_port counter_outputs[] = {
    {"count", "number of edges", 0.0},
    {"done", "1 when count >= preset", 0.0},
};
static const struct hil_param counter_params[] = {{"preset", "count at which done becomes true", 1.0, 0.0, 0x1p53}};
enum { N, LAST };
static const char *const counter_states[] = {"count", "last"};

static void counter_output(const struct hil_block *b, unsigned char *s)
{
    double *m = hil_mem(b, s), up = from_flag(is_true(hil_in(b, s, 0)));
    if (is_true(hil_in(b, s, 1)))
        m[N] = 0.0;
    else if (up > m[LAST])
        m[N] = clamp(m[N] + 1.0, 0.0, 0x1p53);
    m[LAST] = up;
    *hil_out(b, s, COUNT_OUT) = m[N];
    *hil_out(b, s, DONE) = from_flag(m[N] >= hil_params(b, s)[0]);
}

const struct hil_block_type hil_type_counter = {
    .name = "counter",
    .doc = "Counts rising edges of up; reset dominates (CTU of IEC 61131-3, but the count goes on past preset). True "
           "at the "
           "first sample is an edge. NaN counts as false.",
    INPUTS(counter_inputs),
    OUTPUTS(counter_outputs),
    PARAMS(counter_params),
    STATES(counter_states),
    .feedthrough = 1,
    .output = counter_output,
};

/* ---- latch ---- */

static const struct hil_port latch_inputs[] = {
    {"set", "boolean: q becomes true", NAN},
    {"reset", "boolean: q becomes false", NAN},
};
static const struct hil_port q_output[] = {{"q", "what is kept", 0.0}};
static const struct hil_config latch_config[] = {
    {"dominant", "which input wins when both are true", "set|reset", 1, 1, 0.0}};
static const char *const latch_states[] = {"q"};

static void latch_output(const struct hil_block *b, unsigned char *s)
{
    int set = is_true(hil_in(b, s, 0)), reset = is_true(hil_in(b, s, 1));
    double *q = hil_mem(b, s);
    if (set && reset)
        *q = from_flag(choice(b, 0) == 0);
    else if (set || reset)
        *q = from_flag(set);
    *hil_out(b, s, 0) = *q;
}

const struct hil_block_type hil_type_latch = {
    .name = "latch",
    .doc = "q is true from set to reset; dominant says who wins (SR and RS of IEC 61131-3). NaN counts as false.",
    INPUTS(latch_inputs),
    OUTPUTS(q_output),
    CONFIG(latch_config),
    STATES(latch_states),
    .feedthrough = 1,
    .output = latch_output,
};

/* ---- edge ---- */

static const struct hil_port edge_input[] = {{"u", "boolean", NAN}};
static const struct hil_port edge_output[] = {{"y", "1 for one sample", 0.0}};
enum { RISING, FALLING, BOTH };
static const struct hil_config edge_config[] = {{"kind", "which edges", "rising|falling|both", 1, 1, 0.0}};
static const char *const edge_states[] = {"last"};

static void edge_step(const struct hil_block *b, unsigned char *s)
{
    double *last = hil_mem(b, s), now = from_flag(is_true(hil_in(b, s, 0))), change = now - *last;
    int kind = choice(b, 0);
    *hil_out(b, s, 0) = from_flag((change > 0.0 && kind != FALLING) || (change < 0.0 && kind != RISING));
    *last = now;
}

const struct hil_block_type hil_type_edge = {
    .name = "edge",
    .doc = "y = 1 at the sample of an edge (R_TRIG, F_TRIG of IEC 61131-3). Before the first sample u is false. NaN is "
           "false.",
    INPUTS(edge_input),
    OUTPUTS(edge_output),
    CONFIG(edge_config),
    STATES(edge_states),
    .feedthrough = 1,
    .output = edge_step,
};
