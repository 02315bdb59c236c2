/* stimulus: overrides a signal's producer by a description in segments. */
#include "stimulus_table.h"

/* ---- the walk through the table ---- */

/* An operation that waits for an operand. */
struct waiting {
    const double *node;
    int64_t ns;
    double first;
    int has_first;
};

static const double *child_of_sequence(const double *node, int64_t *ns)
{
    const double *entry = node + ST_SEQUENCE_CHILDREN;
    uint32_t lo = 0, hi = (uint32_t)node[ST_SEQUENCE_N];
    while (hi - lo > 1) {
        uint32_t middle = lo + (hi - lo) / 2;
        if (*ns >= stimulus_ns(entry[2 * middle]))
            lo = middle;
        else
            hi = middle;
    }
    *ns -= stimulus_ns(entry[2 * lo]);
    return node + (uint32_t)entry[2 * lo + 1];
}

/* Through sequences and loops to what acts now: a segment or an operation; NULL when nothing does. */
static const double *descend(const double *node, int64_t *ns)
{
    for (;;) {
        if (*ns >= stimulus_ns(node[ST_DURATION]) || node[ST_KIND] == ST_IDLE)
            return NULL;
        if (node[ST_KIND] == ST_SEQUENCE) {
            node = child_of_sequence(node, ns);
        } else if (node[ST_KIND] == ST_LOOP) {
            node += ST_HEAD;
            *ns %= stimulus_ns(node[ST_DURATION]);
        } else {
            return node;
        }
    }
}

/* Hands a value to the operation that waits for it. Returns the operation that needs its second operand, or NULL. */
static const struct waiting *hand(struct waiting *stack, uint32_t *depth, double *v)
{
    for (; *depth > 0; --*depth) {
        struct waiting *op = &stack[*depth - 1u];
        if (!op->has_first) {
            op->first = *v, op->has_first = 1;
            return op;
        }
        *v = op->node[ST_KIND] == ST_ADD ? op->first + *v : op->first * *v;
    }
    return NULL;
}

int stimulus_value(const double *table, int64_t ns, double *value)
{
    struct waiting stack[STIMULUS_NESTED];
    uint32_t depth = 0;
    const double *node = table;
    for (;;) {
        node = descend(node, &ns);
        if (!node)
            return 0; /* above it are operations alone, and each needs both */
        if (node[ST_KIND] >= ST_ADD) {
            stack[depth++] = (struct waiting){.node = node, .ns = ns};
            node += ST_HEAD;
            continue;
        }
        *value = stimulus_leaf(node, ns);
        const struct waiting *next = hand(stack, &depth, value);
        if (!next)
            return 1;
        const double *first = next->node + ST_HEAD;
        node = first + (uint32_t)first[ST_SIZE];
        ns = next->ns;
    }
}

/* ---- the block ---- */

static const struct hil_port inputs[] = {{"u", "what the signal's producer gives", 0.0}};
static const struct hil_port outputs[] = {{"y", "the stimulus, or u where it drives nothing", 0.0}};
enum { START_NS, TABLE };
static const struct hil_config config[] = {
    {"start_ns", "bench time at which the description begins in ns", NULL, 1, 1, 0.0},
    {"table", "the description", NULL, ST_HEAD, ANY_COUNT, NAN},
};

static const char *check(const struct hil_shape *shape)
{
    double start = shape->cfg[START_NS].data[0];
    if (!(start >= 0.0 && start < 0x1p53 && start == round_down(start)))
        return "start_ns must be a whole number from 0 on";
    return stimulus_check(shape->cfg[TABLE].data, shape->cfg[TABLE].n);
}

static void output(const struct hil_block *b, unsigned char *s)
{
    int64_t ns = hil_now(s) - (int64_t)setting(b, START_NS);
    double *y = hil_out(b, s, 0);
    uint8_t status = hil_in_status(b, s, 0);
    if (ns >= 0 && stimulus_value(b->cfg[TABLE].data, ns, y)) {
        hil_set_status(b, s, 0, (uint8_t)((status & ~(HIL_STALE | HIL_BAD)) | HIL_FORCED));
    } else {
        *y = hil_in(b, s, 0);
        hil_set_status(b, s, 0, status);
    }
}

const struct hil_block_type hil_type_stimulus = {
    .name = "stimulus",
    .doc = "y = the description at this tick's bench time, with the status of a forced signal; y = u with u's status "
           "before it, behind it and while it is idle. Written by hil.stimulus, docs/stimulus.md.",
    INPUTS(inputs),
    OUTPUTS(outputs),
    CONFIG(config),
    .feedthrough = 1,
    .sets_status = 1,
    .passes_time = 1,
    .check = check,
    .output = output,
};
