/* A part of a program: its schedule without the entries that rest. */
#include "hil/part.h"

#include <string.h>

#include "program_private.h"

#define LINE 64

static size_t lines(size_t bytes) { return (bytes + LINE - 1) / LINE * LINE; }

size_t hil_part_size(const struct hil_program *p)
{
    return lines(sizeof *p) + lines(p->n_entries * sizeof *p->entries) + lines(p->n_segments * sizeof *p->segments) +
           lines(p->n_roles * sizeof *p->roles);
}

/* Appends what is left of a segment; none when nothing is. */
static void append(struct hil_program *part, const struct hil_segment *from, const uint8_t *rests)
{
    struct hil_block *begin = &part->entries[part->n_entries], *end = begin;
    for (const struct hil_block *b = from->begin; b < from->end; b++)
        if (!rests[b->id])
            *end++ = *b;
    const int path = from->has_path && !rests[from->end->id];
    if (end == begin && !path)
        return;
    if (path)
        *end = *from->end;
    part->segments[part->n_segments++] = (struct hil_segment){begin, end, from->task, (uint8_t)path, from->closed};
    part->n_entries += (uint32_t)(end - begin) + (uint32_t)path;
}

/* Returns how many segments are left of n. */
static uint32_t append_all(struct hil_program *part, const struct hil_segment *first, uint32_t n, const uint8_t *rests)
{
    const uint32_t before = part->n_segments;
    for (uint32_t i = 0; i < n; i++)
        append(part, &first[i], rests);
    return part->n_segments - before;
}

const struct hil_program *hil_part(const struct hil_program *p, const uint8_t *rests, void *mem)
{
    unsigned char *at = mem;
    struct hil_program *part = mem;
    *part = *p;
    part->entries = (void *)(at += lines(sizeof *p));
    part->segments = (void *)(at += lines(p->n_entries * sizeof *p->entries));
    part->roles = (void *)(at += lines(p->n_segments * sizeof *p->segments));
    memcpy(part->roles, p->roles, p->n_roles * sizeof *p->roles);
    part->n_entries = part->n_segments = 0;
    part->bench_segments = append_all(part, p->segments, p->bench_segments, rests);
    for (uint32_t r = 1; r < p->n_roles; r++) {
        struct hil_role *role = &part->roles[r];
        const struct hil_segment *first = p->segments + role->first_segment;
        role->first_segment = part->n_segments;
        role->n_segments = append_all(part, first, role->n_segments, rests);
    }
    return part;
}

int hil_part_serves(const struct hil_program *p, unsigned char *s)
{
    const struct hil_state *h = hil_header(s);
    const struct hil_event *staged = hil_events(p, s);
    for (uint32_t i = 0; i < h->n_events; i++)
        if (staged[i].kind == HIL_EV_FAULT || staged[i].kind == HIL_EV_FAULT_MODE || staged[i].kind == HIL_EV_AUTHORITY)
            return 0;
    return h->n_faults == 0;
}
