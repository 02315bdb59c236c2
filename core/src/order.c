/* Dataflow order: a block whose output reads its inputs runs after their producers (Kahn's algorithm, stable: ties keep
 * the order of the description, so that one description has one order). */
#include <string.h>

#include "block_types.h"
#include "program_private.h"

static uint32_t n_nodes(const struct hil_spec *spec) { return (uint32_t)spec->n_blocks + spec->n_paths; }

static int owned(const struct hil_spec *spec, uint32_t node, uint16_t role)
{
    return node < spec->n_blocks ? spec->blocks[node].role == role : role == 0;
}

/* The signals a node must have before it runs. */
static const uint16_t *needs(const struct hil_spec *spec, uint32_t node, uint32_t *n)
{
    if (node >= spec->n_blocks) {
        *n = 1;
        return &spec->paths[node - spec->n_blocks].raw;
    }
    const struct hil_block_spec *b = &spec->blocks[node];
    struct hil_shape shape = {b->cfg, b->params, b->model, b->n_in, b->n_out, 0.0};
    uint32_t late = b->type->n_late ? b->type->n_late(&shape) : 0;
    *n = hil_block_feedthrough(b->type, b->model) ? b->n_in - late : 0;
    return b->in + late;
}

static int claim(struct hil_graph *g, uint16_t signal, uint32_t node)
{
    if (signal == 0)
        return HIL_E_ARG; /* what unwired inputs read */
    if (signal >= g->spec->n_signals || g->producer[signal])
        return HIL_E_ARG;
    g->producer[signal] = node + 1;
    return HIL_OK;
}

static int find_producers(struct hil_graph *g, uint16_t role, struct hil_build_error *error)
{
    const struct hil_spec *spec = g->spec;
    memset(g->producer, 0, spec->n_signals * sizeof *g->producer);
    for (uint32_t node = 0; node < n_nodes(spec); node++) {
        if (!owned(spec, node, role))
            continue;
        int is_path = node >= spec->n_blocks;
        const uint16_t *out = is_path ? &spec->paths[node - spec->n_blocks].signal : spec->blocks[node].out;
        uint32_t n = is_path ? 1 : spec->blocks[node].n_out;
        for (uint32_t i = 0; i < n; i++) {
            if (claim(g, out[i], node) == HIL_OK)
                continue;
            error->block = is_path ? spec->n_blocks : node;
            error->why = "two producers write the same signal, or its number is 0 or out of range";
            return error->err = HIL_E_ARG;
        }
    }
    return HIL_OK;
}

/* The first input that is produced by a node not placed yet; 0 when the node can run. */
static uint16_t waits_for(const struct hil_graph *g, uint32_t node)
{
    uint32_t n;
    const uint16_t *in = needs(g->spec, node, &n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t from = in[i] < g->spec->n_signals ? g->producer[in[i]] : 0;
        if (from && !g->placed[from - 1])
            return in[i];
    }
    return 0;
}

/* Walks backwards from a blocked node until a signal repeats; that part of the walk is the loop. */
static int name_loop(const struct hil_graph *g, uint32_t node, struct hil_build_error *error)
{
    uint16_t walk[64];
    uint32_t n = 0, first = 0;
    for (;;) {
        uint16_t signal = waits_for(g, node);
        for (first = 0; first < n && walk[first] != signal; first++) {
        }
        if (first < n || n == 64)
            break;
        walk[n++] = signal;
        node = g->producer[signal] - 1;
    }
    if (first == n)
        first = 0; /* longer than the list: give what there is */
    error->n_cycle = 0;
    for (uint32_t i = n; i > first; i--)
        error->cycle[error->n_cycle++] = walk[i - 1]; /* in the direction of the data */
    error->block = node;
    return error->err = HIL_E_ORDER;
}

int hil_order(struct hil_graph *g, uint16_t role, struct hil_build_error *error)
{
    uint32_t n = n_nodes(g->spec), left = 0, blocked = 0;
    int err = find_producers(g, role, error);
    if (err)
        return err;
    for (uint32_t node = 0; node < n; node++) {
        g->placed[node] = !owned(g->spec, node, role);
        left += !g->placed[node];
    }
    g->n_order = 0;
    while (left) {
        uint32_t before = left;
        for (uint32_t node = 0; node < n; node++) {
            if (g->placed[node])
                continue;
            blocked = node;
            if (waits_for(g, node))
                continue;
            g->placed[node] = 1;
            g->order[g->n_order++] = node;
            left--;
        }
        if (left == before)
            return name_loop(g, blocked, error);
    }
    return HIL_OK;
}
