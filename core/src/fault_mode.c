/* Activation of faults: in which ticks between start and end a fault acts, and how far. */
#include <string.h>

#include "fault_private.h"

static int holds(const struct hil_fault *f, double v)
{
    switch (f->compare) {
    case HIL_LESS: return v < f->level;
    case HIL_GREATER: return v > f->level;
    case HIL_LESS_EQUAL: return v <= f->level;
    case HIL_GREATER_EQUAL: return v >= f->level;
    case HIL_EQUAL: return v == f->level;
    default: return v != f->level;
    }
}

/* A condition on the fault's own signal sees the value that comes in; the one behind the path is the fault's own doing. */
static int is_due(unsigned char *s, struct hil_fault *f, uint16_t own, double v)
{
    if (!f->compare)
        return 1;
    int now = holds(f, f->signal == own ? v : hil_values(s)[f->signal]);
    if (!(f->flags & HIL_IS_WAITING))
        return now;
    if (!now)
        return 0;
    uint64_t tick = hil_header(s)->tick, length = f->end - f->start;
    f->end = f->end == HIL_NO_END || length > HIL_NO_END - tick ? HIL_NO_END : tick + length;
    f->start = tick;
    f->flags &= (uint8_t)~HIL_IS_WAITING;
    f->compare = 0; /* from now on it acts by its time alone */
    return 1;
}

double hil_fault_share(unsigned char *s, struct hil_fault *f, uint16_t own, double v)
{
    if (!is_due(s, f, own, v))
        return 0;
    uint64_t k = hil_header(s)->tick - f->start;
    if (f->every && k % f->every >= f->on)
        return 0;
    if (f->probability > 0 && hil_uniform(hil_fault_random(s, f, HIL_DRAW_ACTIVATION)) >= f->probability)
        return 0;
    return k + 1 < f->ramp ? (double)(k + 1) / (double)f->ramp : 1;
}

static void take(struct hil_fault *f, const struct hil_event *e)
{
    const double *v = e->v;
    switch (e->kind2) {
    case HIL_MODE_RAMP: f->ramp = (uint32_t)v[0]; break;
    case HIL_MODE_DUTY: f->on = (uint32_t)v[0], f->every = (uint32_t)v[1]; break;
    case HIL_MODE_PROBABILITY: f->probability = v[0]; break;
    default:
        f->signal = (uint16_t)v[0];
        f->compare = (uint8_t)v[1];
        f->level = v[2];
        f->flags |= v[3] != 0 ? HIL_IS_WAITING : 0;
        break;
    }
}

/* Modes wait behind all staged events for the fault with their id. */
void hil_fault_take_modes(const struct hil_program *p, unsigned char *s, struct hil_fault *f)
{
    struct hil_state *h = hil_header(s);
    struct hil_event *staged = hil_events(p, s);
    uint32_t kept = 0, n = h->n_events;
    for (uint32_t i = 0; i < n; i++) {
        const struct hil_event *e = &staged[i];
        if (e->kind == HIL_EV_FAULT_MODE && e->id == f->id && e->target == f->path)
            take(f, e);
        else
            staged[kept++] = *e;
    }
    memset(staged + kept, 0, (n - kept) * sizeof *staged);
    h->n_events = kept;
}
