/* The schedule of a program: one list of steps in dataflow order, cut into segments of one task. */
#include "program_private.h"

static struct hil_segment *segment_for(struct hil_program *p, uint16_t task, uint32_t first_own)
{
    struct hil_segment *last = p->n_segments > first_own ? &p->segments[p->n_segments - 1] : NULL;
    if (last && last->task == task && !last->closed)
        return last;
    last = &p->segments[p->n_segments++];
    *last = (struct hil_segment){&p->entries[p->n_entries], &p->entries[p->n_entries], task, 0, 0};
    return last;
}

/* Segments from `first_own` on belong to the owner whose schedule is being written. */
static void append(struct hil_program *p, struct hil_block entry, int is_path, uint32_t first_own)
{
    struct hil_segment *segment = segment_for(p, entry.task, first_own);
    if (is_path)
        segment->has_path = 1;
    else
        segment->end++;
    segment->closed = is_path || entry.sets_status;
    p->entries[p->n_entries++] = entry;
}

static struct hil_block path_entry(const struct hil_program *p, uint32_t i)
{
    const struct hil_path *path = &p->paths[i];
    return (struct hil_block){.step = hil_path_step,
                              .cfg = (const struct hil_array *)(const void *)p,
                              .path = path,
                              .in = &path->spec.raw,
                              .out = &path->spec.signal,
                              .n_in = 1,
                              .n_out = 1,
                              .id = (uint16_t)(p->n_blocks + i)};
}

static int schedule_owner(struct hil_program *p, struct hil_graph *g, uint16_t role, struct hil_build_error *e)
{
    uint32_t first = p->n_segments;
    int err = hil_order(g, role, e);
    if (err)
        return err;
    for (uint32_t i = 0; i < g->n_order; i++) {
        uint32_t node = g->order[i];
        if (node >= p->n_blocks)
            append(p, path_entry(p, node - p->n_blocks), 1, first);
        else if (p->blocks[node].step)
            append(p, p->blocks[node], 0, first);
    }
    for (uint32_t i = 0; i < g->n_order; i++) {
        uint32_t node = g->order[i];
        if (node >= p->n_blocks || !p->types[node]->update)
            continue;
        struct hil_block update = p->blocks[node];
        update.step = p->types[node]->update;
        update.passes_status = update.sets_status = 0;
        append(p, update, 0, first);
    }
    return HIL_OK;
}

int hil_schedule(struct hil_program *p, struct hil_graph *g, struct hil_build_error *e)
{
    int err = schedule_owner(p, g, 0, e);
    p->bench_segments = p->n_segments;
    for (uint16_t r = 1; r < p->n_roles && !err; r++) {
        p->roles[r].first_segment = p->n_segments;
        err = schedule_owner(p, g, r, e);
        p->roles[r].n_segments = p->n_segments - p->roles[r].first_segment;
    }
    return err;
}
