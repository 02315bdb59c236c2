/* Events: staged in the state in order of their tick, fired together at its top. */
#include <string.h>

#include "authority_private.h"
#include "fault_private.h"
#include "hil/tick.h"

static int check_param(const struct hil_program *p, const struct hil_event *e)
{
    uint32_t end = p->off_params + 8 * p->n_params;
    if (e->target < p->off_params || e->target >= end || e->target % 8)
        return HIL_E_ARG;
    uint32_t k = (e->target - p->off_params) / 8;
    return e->v[0] >= p->param_lo[k] && e->v[0] <= p->param_hi[k] ? HIL_OK : HIL_E_ARG; /* NaN is neither */
}

static int check_force(const struct hil_program *p, const struct hil_event *e)
{
    if (e->target >= p->n_paths)
        return HIL_E_ARG;
    return e->kind == HIL_EV_RELEASE || e->v[0] == e->v[0] ? HIL_OK : HIL_E_ARG;
}

static int check_bind(const struct hil_program *p, const struct hil_event *e)
{
    if (e->target == 0 || e->target >= p->n_roles || !(e->v[0] >= 0 && e->v[0] <= HIL_IN_LIBRARY))
        return HIL_E_ARG;
    return e->v[0] == HIL_IN_LIBRARY && !p->roles[e->target].library ? HIL_E_UNSUPPORTED : HIL_OK;
}

/* A word of the parameters or block states, which are neighbours, or of a library's context. Not of an authority: no
 * event but its own changes what it may do. */
static int check_upset(const struct hil_program *p, const struct hil_event *e)
{
    if (!(e->v[0] >= 0 && e->v[0] < 64 && e->v[0] == (double)(uint32_t)e->v[0]) || e->target % 8)
        return HIL_E_ARG;
    if (e->target >= p->off_params && e->target < p->off_paths)
        return hil_authority_owns(p, e->target) ? HIL_E_UNSUPPORTED : HIL_OK;
    for (uint32_t r = 1; r < p->n_roles; r++)
        if (p->roles[r].library && e->target - p->roles[r].context < p->roles[r].library->size)
            return HIL_OK;
    return HIL_E_ARG;
}

static int check(const struct hil_program *p, const struct hil_event *e)
{
    switch (e->kind) {
    case HIL_EV_PARAM: return check_param(p, e);
    case HIL_EV_FORCE:
    case HIL_EV_RELEASE: return check_force(p, e);
    case HIL_EV_FAULT: return hil_fault_check(p, e);
    case HIL_EV_FAULT_MODE: return hil_fault_check_mode(p, e);
    case HIL_EV_BIND: return check_bind(p, e);
    case HIL_EV_UPSET: return check_upset(p, e);
    case HIL_EV_AUTHORITY: return hil_authority_check(p, e);
    case HIL_EV_FAULT_CLEAR:
    case HIL_EV_SAFE:
    case HIL_EV_FAULTS_ENABLE: return e->v[0] >= 0 && e->v[0] <= UINT32_MAX ? HIL_OK : HIL_E_ARG;
    case HIL_EV_MARK: return HIL_OK;
    default: return HIL_E_UNSUPPORTED;
    }
}

/* Modes of a fault that is refused go with it. */
static int refuse(const struct hil_program *p, unsigned char *s, const struct hil_event *e, int err)
{
    struct hil_fault none = {.id = e->id, .path = (uint16_t)e->target};
    if (err && e->kind == HIL_EV_FAULT && e->target < p->n_paths)
        hil_fault_take_modes(p, s, &none);
    return err;
}

/* A full table cannot keep a bench from becoming safe, nor a twin from being stopped; see layout.c. */
static uint32_t kept_for(const struct hil_event *e)
{
    if (e->kind == HIL_EV_SAFE)
        return 2;
    return e->kind == HIL_EV_AUTHORITY && e->kind2 == HIL_AUTHORITY_REVOKE;
}

static int stage(const struct hil_program *p, unsigned char *s, const struct hil_event *event)
{
    struct hil_state *h = hil_header(s);
    struct hil_event e = *event, *staged = hil_events(p, s);
    if (e.due == HIL_NEXT_TICK)
        e.due = h->tick;
    if (e.due < h->tick)
        return HIL_E_LATE;
    int err = check(p, &e);
    if (err)
        return err;
    uint32_t kept = e.due == h->tick ? kept_for(&e) : 0;
    if (h->n_events >= p->max_events + kept)
        return HIL_E_FULL;
    if (e.kind == HIL_EV_FAULT_MODE)
        e.due = UINT64_MAX; /* fires never: its fault takes it */
    uint32_t at = h->n_events++;
    for (; at > 0 && staged[at - 1].due > e.due; at--)
        staged[at] = staged[at - 1];
    staged[at] = e;
    h->due = staged[0].due;
    return HIL_OK;
}

int hil_event_push(const struct hil_program *p, unsigned char *s, const struct hil_event *event)
{
    return refuse(p, s, event, stage(p, s, event));
}

static void note(const struct hil_program *p, unsigned char *s, const struct hil_event *e, uint16_t kind,
                 uint16_t target, double a, double b)
{
    hil_note_add(p, s, (struct hil_note){.kind = kind, .target = target, .id = e->id, .a = a, .b = b});
}

static void set_param(const struct hil_program *p, unsigned char *s, const struct hil_event *e)
{
    double *param = (double *)(void *)(s + e->target);
    note(p, s, e, HIL_NOTE_EVENT, HIL_EV_PARAM, *param, e->v[0]);
    *param = e->v[0];
    hil_role_set_param(p, s, (e->target - p->off_params) / 8, e->v[0]);
}

static void upset(const struct hil_program *p, unsigned char *s, const struct hil_event *e)
{
    uint64_t was, is;
    double before, after;
    memcpy(&was, s + e->target, sizeof was);
    is = hil_header(s)->faults_off ? was : was ^ (uint64_t)1 << (uint32_t)e->v[0];
    memcpy(s + e->target, &is, sizeof is);
    memcpy(&before, &was, sizeof was);
    memcpy(&after, &is, sizeof is);
    note(p, s, e, HIL_NOTE_EVENT, HIL_EV_UPSET, before, after);
}

static void force(const struct hil_program *p, unsigned char *s, const struct hil_event *e)
{
    const struct hil_path *path = &p->paths[e->target];
    struct hil_path_state *ps = hil_path_mem(path, s);
    ps->force_on = e->kind == HIL_EV_FORCE;
    ps->forced = ps->force_on ? e->v[0] : 0;
    uint16_t kind = ps->force_on ? HIL_NOTE_FORCED : HIL_NOTE_RELEASED;
    note(p, s, e, kind, path->spec.signal, hil_values(s)[path->spec.signal], e->v[0]);
}

/* True for the mode of a fault that is still to fire in this tick. */
static int is_needed(const struct hil_program *p, unsigned char *s, const struct hil_event *mode)
{
    const struct hil_event *e = hil_events(p, s), *end = e + hil_header(s)->n_events;
    for (; e < end && e->due <= hil_header(s)->tick; e++)
        if (e->kind == HIL_EV_FAULT && e->id == mode->id)
            return 1;
    return 0;
}

static int is_ahead(const struct hil_program *p, unsigned char *s, const struct hil_event *e)
{
    if (e->kind == HIL_EV_FAULT_MODE)
        return !is_needed(p, s, e);
    return e->kind == HIL_EV_FAULT && e->due > hil_header(s)->tick;
}

/* Faults that are armed but not yet active are taken back with those that are, and so is what a twin was to get or do
 * later. Events of this tick are still staged; they stay. */
static int is_taken_back(const struct hil_program *p, unsigned char *s, const struct hil_event *by,
                         const struct hil_event *e)
{
    if (by->target != 0xffffffffu && by->target != e->target)
        return 0;
    if (by->kind == HIL_EV_AUTHORITY)
        return e->kind == HIL_EV_AUTHORITY && e->due > hil_header(s)->tick;
    return (by->v[0] == 0 || e->id == (uint32_t)by->v[0]) && is_ahead(p, s, e);
}

static void take_back(const struct hil_program *p, unsigned char *s, const struct hil_event *by)
{
    struct hil_state *h = hil_header(s);
    struct hil_event *staged = hil_events(p, s);
    uint32_t kept = 0, n = h->n_events;
    for (uint32_t i = 0; i < n; i++) {
        const struct hil_event *e = &staged[i];
        if (!is_taken_back(p, s, by, e))
            staged[kept++] = *e;
    }
    memset(staged + kept, 0, (n - kept) * sizeof *staged);
    h->n_events = kept;
}

static int act_on_authority(const struct hil_program *p, unsigned char *s, const struct hil_event *e)
{
    int err = hil_authority_fire(p, s, e);
    if (err)
        return err;
    if (e->kind2 == HIL_AUTHORITY_REVOKE)
        take_back(p, s, e);
    note(p, s, e, HIL_NOTE_EVENT, HIL_EV_AUTHORITY, e->kind2, e->v[0]);
    return HIL_OK;
}

static int fire(const struct hil_program *p, unsigned char *s, const struct hil_event *e)
{
    struct hil_state *h = hil_header(s);
    switch (e->kind) {
    case HIL_EV_PARAM: set_param(p, s, e); return HIL_OK;
    case HIL_EV_FORCE:
    case HIL_EV_RELEASE: force(p, s, e); return HIL_OK;
    case HIL_EV_FAULT: return hil_fault_start(p, s, e);
    case HIL_EV_AUTHORITY: return act_on_authority(p, s, e);
    case HIL_EV_UPSET: upset(p, s, e); return HIL_OK;
    case HIL_EV_FAULT_CLEAR:
        hil_fault_clear(p, s, e->target, (uint32_t)e->v[0]);
        take_back(p, s, e);
        break;
    case HIL_EV_SAFE: h->safe = (uint32_t)e->v[0]; break;
    case HIL_EV_FAULTS_ENABLE: h->faults_off = e->v[0] < 0.5; break;
    case HIL_EV_BIND: hil_role_mem(&p->roles[e->target], s)->binding = (uint32_t)e->v[0]; break;
    default: break;
    }
    note(p, s, e, HIL_NOTE_EVENT, (uint16_t)e->kind, e->v[0], 0);
    return HIL_OK;
}

void hil_events_fire(const struct hil_program *p, unsigned char *s)
{
    struct hil_state *h = hil_header(s);
    struct hil_event *staged = hil_events(p, s);
    uint32_t n = 0;
    for (; n < h->n_events && staged[n].due <= h->tick; n++) {
        const struct hil_event e = staged[n];
        int late = e.due < h->tick; /* its tick was left out by the overrun policy */
        int err = refuse(p, s, &e, late ? HIL_E_LATE : fire(p, s, &e));
        if (err)
            note(p, s, &e, HIL_NOTE_REFUSED, (uint16_t)e.kind, err, 0);
    }
    h->alert = 1; /* whatever fired may make a signal other than good; falls back after a good tick */
    h->n_events -= n;
    memmove(staged, staged + n, h->n_events * sizeof *staged);
    memset(staged + h->n_events, 0, n * sizeof *staged); /* stale bytes would spoil the hash */
    h->due = h->n_events ? staged[0].due : UINT64_MAX;
}
