/* Faults on signal paths: activation, effect, end. */
#include "hil/fault.h"

#include <math.h>
#include <string.h>

#include "hil/event.h"
#include "hil/random.h"
#include "program_private.h"

static double *pool(const struct hil_program *p, unsigned char *s) { return (double *)(void *)(s + p->off_pool); }

/* ---- checks when armed ---- */

/* Largest value by which a fault can move a signal up or down from its range; infinite when the range is open. */
static void reach(const struct hil_path_spec *g, const struct hil_event *e, double period_s, double *lo, double *hi)
{
    double a = e->v[0], spread = 0;
    *lo = g->range_lo, *hi = g->range_hi;
    switch (e->kind2) {
    case HIL_FAULT_BIAS: *lo += a, *hi += a; return;
    case HIL_FAULT_GAIN: {
        double x = *lo * a, y = *hi * a;
        *lo = x < y ? x : y, *hi = x < y ? y : x;
        return;
    }
    case HIL_FAULT_STUCK:
        if (a == a)
            *lo = *hi = a;
        return;
    case HIL_FAULT_NOISE:
        spread = 3.4642 * fabs(a);
        *lo -= spread, *hi += spread;
        return;
    case HIL_FAULT_DRIFT:
        spread = e->v[1] > 0 ? e->v[1] : e->ticks == HIL_NO_END ? 0 : fabs(a) * period_s * (double)e->ticks;
        if (a < 0)
            *lo -= spread;
        else
            *hi += spread;
        return;
    default: return;
    }
}

/* A fault that the gate would clip proves nothing: it is refused. Open ranges cannot be judged and pass. */
static int check_gate(const struct hil_program *p, const struct hil_event *e)
{
    const struct hil_path_spec *g = &p->paths[e->target].spec;
    if (!g->gated)
        return HIL_OK;
    double lo, hi, ahead = e->v[0] < 0 ? g->lo : g->hi;
    int endless = e->kind2 == HIL_FAULT_DRIFT && e->ticks == HIL_NO_END && !(e->v[1] > 0) && e->v[0] != 0;
    if (endless && isfinite(ahead))
        return HIL_E_RANGE;
    reach(g, e, p->period_s, &lo, &hi);
    if (isfinite(lo) && (lo < g->lo || lo > g->hi))
        return HIL_E_RANGE;
    if (isfinite(hi) && (hi > g->hi || hi < g->lo))
        return HIL_E_RANGE;
    return HIL_OK;
}

static int check_values(const struct hil_program *p, const struct hil_event *e)
{
    double a = e->v[0];
    switch (e->kind2) {
    case HIL_FAULT_STUCK: return isinf(a) ? HIL_E_ARG : HIL_OK;
    case HIL_FAULT_BIAS:
    case HIL_FAULT_GAIN:
    case HIL_FAULT_DRIFT: return isfinite(a) ? HIL_OK : HIL_E_ARG;
    case HIL_FAULT_NOISE: return a >= 0 && isfinite(a) ? HIL_OK : HIL_E_ARG;
    case HIL_FAULT_DROPOUT: return a >= 0 && a <= 1 ? HIL_OK : HIL_E_ARG;
    case HIL_FAULT_DELAY:
        return !(a >= 1) ? HIL_E_ARG : a > p->fault_memory ? HIL_E_FULL : a == (double)(uint32_t)a ? HIL_OK : HIL_E_ARG;
    default: return HIL_E_UNSUPPORTED;
    }
}

int hil_fault_check(const struct hil_program *p, const struct hil_event *e)
{
    if (e->target >= p->n_paths || e->ticks == 0)
        return HIL_E_ARG;
    int err = check_values(p, e);
    return err ? err : check_gate(p, e);
}

/* ---- activation ---- */

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
    if (f->kind == HIL_FAULT_DELAY && take_pool(p, faults, f, (uint32_t)f->v[0])) {
        memset(f, 0, sizeof *f);
        return HIL_E_FULL;
    }
    for (uint32_t i = 0; i < f->pool_n; i++)
        pool(p, s)[f->pool + i] = ps->seen;
    hil_header(s)->n_faults++;
    link_last(faults, ps, slot);
    return HIL_OK;
}

/* ---- end ---- */

static void unlink_slot(const struct hil_program *p, unsigned char *s, uint16_t *at)
{
    struct hil_fault *faults = hil_faults(p, s), *f = &faults[*at];
    const struct hil_path *path = &p->paths[f->path];
    hil_note_add(p, s, (struct hil_note){.kind = HIL_NOTE_FAULT_OFF, .target = path->spec.signal, .id = f->id});
    if (f->pool_n)
        memset(pool(p, s) + f->pool, 0, f->pool_n * sizeof(double));
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

/* ---- effect ---- */

static uint64_t random_word(const struct hil_program *p, unsigned char *s, const struct hil_fault *f)
{
    const struct hil_state *h = hil_header(s);
    (void)p;
    return hil_random(h->seed, hil_mix64(0xfa017u + ((uint64_t)f->id << 32 | f->path)), h->tick);
}

static double drift(const struct hil_fault *f, double seconds)
{
    double d = f->v[0] * seconds;
    if (f->v[1] > 0 && fabs(d) > f->v[1])
        d = d < 0 ? -f->v[1] : f->v[1];
    return d;
}

static double through_memory(double *line, struct hil_fault *f, double v)
{
    double old = line[f->pool + f->cursor];
    line[f->pool + f->cursor] = v;
    if (++f->cursor == f->pool_n)
        f->cursor = 0;
    return old;
}

static double effect(const struct hil_program *p, unsigned char *s, struct hil_fault *f, double v, uint8_t *status)
{
    switch (f->kind) {
    case HIL_FAULT_BIAS: return v + f->v[0];
    case HIL_FAULT_GAIN: return v * f->v[0];
    case HIL_FAULT_STUCK: return f->v[0] == f->v[0] ? f->v[0] : f->mem[0];
    case HIL_FAULT_NOISE: return v + f->v[0] * hil_normal(random_word(p, s, f));
    case HIL_FAULT_DRIFT: return v + drift(f, (double)(hil_header(s)->tick - f->start) * p->period_s);
    case HIL_FAULT_DELAY: return through_memory(pool(p, s), f, v);
    case HIL_FAULT_DROPOUT:
        if (hil_uniform(random_word(p, s, f)) >= f->v[0])
            return f->mem[0] = v;
        *status |= HIL_BAD;
        return f->mem[0];
    default: return v;
    }
}

/* Master enable off: no effect, but memories go on, so that nothing old comes out later. */
static void keep_up(const struct hil_program *p, unsigned char *s, struct hil_fault *f, double v)
{
    if (f->kind == HIL_FAULT_DELAY)
        through_memory(pool(p, s), f, v);
    if (f->kind == HIL_FAULT_DROPOUT)
        f->mem[0] = v;
}

double hil_faults_apply(const struct hil_program *p, const struct hil_path *path, unsigned char *s, double v,
                        uint8_t *status)
{
    struct hil_state *h = hil_header(s);
    struct hil_path_state *ps = hil_path_mem(path, s);
    uint16_t *at = &ps->first_fault;
    while (*at) {
        struct hil_fault *f = &hil_faults(p, s)[*at];
        if (h->tick >= f->end) {
            unlink_slot(p, s, at);
            continue;
        }
        double before = v;
        if (h->faults_off) {
            keep_up(p, s, f, v);
        } else {
            v = effect(p, s, f, v, status);
            *status |= HIL_FAULTED;
            h->alert = 1;
        }
        if (h->tick == f->start)
            hil_note_add(p, s,
                         (struct hil_note){
                             .kind = HIL_NOTE_FAULT_ON, .target = path->spec.signal, .id = f->id, .a = before, .b = v});
        at = &f->next;
    }
    ps->seen = v; /* what a fault that starts next would have seen last */
    return v;
}
