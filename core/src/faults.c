/* Faults on signal paths: start, end, and all faults of a path in a tick. */
#include <math.h>
#include <string.h>

#include "fault_private.h"

/* ---- start ---- */

/* First fit in the fault memory; only a few faults are ever active. */
static int take_pool(const struct hil_program *p, struct hil_fault *faults, struct hil_fault *f, uint32_t n)
{
    uint32_t at = 0;
    for (int moved = 1; moved;) {
        moved = 0;
        for (uint32_t i = 1; i <= p->max_faults; i++) {
            const struct hil_fault *o = &faults[i];
            if (o == f || !o->kind || !o->pool_n || at + n <= o->pool || at >= o->pool + o->pool_n)
                continue;
            at = o->pool + o->pool_n;
            moved = 1;
        }
    }
    if (at + n > p->fault_memory)
        return HIL_E_FULL;
    f->pool = at;
    f->pool_n = n;
    return HIL_OK;
}

static void link_last(struct hil_fault *faults, struct hil_path_state *ps, uint16_t slot)
{
    uint16_t *at = &ps->first_fault;
    while (*at)
        at = &faults[*at].next;
    *at = slot;
}

int hil_fault_start(const struct hil_program *p, unsigned char *s, const struct hil_event *e)
{
    struct hil_fault *faults = hil_faults(p, s);
    const struct hil_path *path = &p->paths[e->target];
    struct hil_path_state *ps = hil_path_mem(path, s);
    uint16_t slot = 1;
    while (slot <= p->max_faults && faults[slot].kind)
        slot++;
    if (slot > p->max_faults)
        return HIL_E_FULL;
    struct hil_fault *f = &faults[slot];
    uint64_t now = hil_header(s)->tick;
    *f = (struct hil_fault){.start = now,
                            .end = e->ticks > HIL_NO_END - now ? HIL_NO_END : now + e->ticks,
                            .mem = {ps->seen, 0},
                            .kind = e->kind2,
                            .id = e->id,
                            .path = path->index};
    memcpy(f->v, e->v, sizeof f->v);
    hil_fault_take_modes(p, s, f);
    uint32_t memory = hil_fault_memory(f->kind, f->v);
    if (memory && take_pool(p, faults, f, memory)) {
        memset(f, 0, sizeof *f);
        return HIL_E_FULL;
    }
    for (uint32_t i = 0; i < f->pool_n; i++)
        hil_fault_pool(p, s)[f->pool + i] = ps->seen;
    hil_header(s)->n_faults++;
    link_last(faults, ps, slot);
    return HIL_OK;
}

/* ---- end ---- */

static void note_end(const struct hil_program *p, unsigned char *s, const struct hil_path *path,
                     const struct hil_fault *f)
{
    double last = hil_values(s)[path->spec.signal];
    hil_note_add(
        p, s,
        (struct hil_note){.kind = HIL_NOTE_FAULT_OFF, .target = path->spec.signal, .id = f->id, .a = last, .b = NAN});
}

static void unlink_slot(const struct hil_program *p, unsigned char *s, uint16_t *at)
{
    struct hil_fault *faults = hil_faults(p, s), *f = &faults[*at];
    const struct hil_path *path = &p->paths[f->path];
    if (f->flags & HIL_HAS_ACTED)
        note_end(p, s, path, f);
    if (f->pool_n)
        memset(hil_fault_pool(p, s) + f->pool, 0, f->pool_n * sizeof(double));
    *at = f->next;
    memset(f, 0, sizeof *f);
    hil_header(s)->n_faults--;
    hil_header(s)->alert = 1; /* the path takes one more full step */
}

static void clear_path(const struct hil_program *p, unsigned char *s, const struct hil_path *path, uint32_t id)
{
    uint16_t *at = &hil_path_mem(path, s)->first_fault;
    while (*at) {
        struct hil_fault *f = &hil_faults(p, s)[*at];
        if (id == 0 || f->id == id)
            unlink_slot(p, s, at);
        else
            at = &f->next;
    }
}

int hil_fault_clear(const struct hil_program *p, unsigned char *s, uint32_t path, uint32_t id)
{
    for (uint32_t i = 0; i < p->n_paths; i++)
        if (path == 0xffffffffu || path == i)
            clear_path(p, s, &p->paths[i], id);
    return HIL_OK;
}

/* ---- a tick ---- */

static double act(const struct hil_program *p, const struct hil_path *path, unsigned char *s, struct hil_fault *f,
                  double v, uint8_t *status)
{
    double share = hil_fault_share(s, f, path->spec.signal, v);
    if (hil_header(s)->faults_off || share == 0) {
        hil_fault_keep_up(p, s, f, v);
        return v;
    }
    double out = hil_fault_effect(p, s, f, v, status);
    if (share < 1)
        out = v + share * (out - v);
    *status |= HIL_FAULTED;
    if (!(f->flags & HIL_HAS_ACTED))
        hil_note_add(
            p, s,
            (struct hil_note){.kind = HIL_NOTE_FAULT_ON, .target = path->spec.signal, .id = f->id, .a = v, .b = out});
    f->flags |= HIL_HAS_ACTED;
    return out;
}

double hil_faults_apply(const struct hil_program *p, const struct hil_path *path, unsigned char *s, double v,
                        uint8_t *status)
{
    struct hil_path_state *ps = hil_path_mem(path, s);
    uint16_t *at = &ps->first_fault;
    while (*at) {
        struct hil_fault *f = &hil_faults(p, s)[*at];
        if (hil_header(s)->tick >= f->end && !(f->flags & HIL_IS_WAITING)) {
            unlink_slot(p, s, at);
            continue;
        }
        v = act(p, path, s, f, v, status);
        at = &f->next;
    }
    if (*status & HIL_FAULTED)
        hil_header(s)->alert = 1;
    ps->seen = v; /* what a fault that starts next would have seen last */
    return v;
}
