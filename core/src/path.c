/* A signal's path: what lies between its producer and its readers. Faults first, then a person's force, then the safety
 * gate, so that neither can pass the equipment limits. */
#include <string.h>

#include "program_private.h"

static void note(const struct hil_program *p, unsigned char *s, const struct hil_path *path, uint16_t kind, double a,
                 double b)
{
    hil_note_add(p, s, (struct hil_note){.kind = kind, .target = path->spec.signal, .a = a, .b = b});
}

/* Notes the begin and the end of an episode. */
static void episode(const struct hil_program *p, unsigned char *s, const struct hil_path *path, uint8_t *was, int now,
                    uint16_t on, double a, double b)
{
    if (*was == now)
        return;
    *was = (uint8_t)now;
    note(p, s, path, now ? on : (uint16_t)(on + 1), a, b);
}

static double limit(double v, double lo, double hi) { return v < lo ? lo : v > hi ? hi : v; }

/* Stale, bad or commanded: the safe value, else the wanted one within rate and limits. */
static double gate(const struct hil_program *p, unsigned char *s, const struct hil_path *path,
                   struct hil_path_state *ps, double wanted, uint8_t *status)
{
    const struct hil_path_spec *g = &path->spec;
    struct hil_state *h = hil_header(s);
    int unusable = (*status & (HIL_STALE | HIL_BAD)) || h->safe || !(wanted == wanted);
    double aim = unusable ? g->safe : wanted, given = aim;
    if (!unusable || g->safe_rate)
        given = limit(given, ps->last - path->step, ps->last + path->step);
    given = limit(given, g->lo, g->hi);
    if (unusable)
        *status |= HIL_SAFE, h->alert = 1;
    else
        h->clips += given != wanted;
    episode(p, s, path, &ps->safe, unusable, HIL_NOTE_SAFE_ON, wanted, given);
    episode(p, s, path, &ps->clipping, !unusable && given != wanted, HIL_NOTE_CLIP_ON, wanted, given);
    ps->last = given;
    return given;
}

/* Everything that is not the plain case: a fault, a force, a status, a limit that is touched. Not inlined: the plain case
 * would save and restore registers for it. */
static __attribute__((noinline)) void full_step(const struct hil_program *p, const struct hil_path *path,
                                                unsigned char *s)
{
    struct hil_path_state *ps = hil_path_mem(path, s);
    const struct hil_path_spec *g = &path->spec;
    double v = hil_values(s)[g->raw];
    uint8_t status = hil_statuses(p, s)[g->raw];
    episode(p, s, path, &ps->bad, (status & HIL_BAD) != 0, HIL_NOTE_BAD_ON, v, v);
    if (ps->first_fault)
        v = hil_faults_apply(p, path, s, v, &status);
    else
        ps->seen = v;
    if (ps->force_on) {
        v = ps->forced;
        status = (uint8_t)((status & ~(HIL_STALE | HIL_BAD)) | HIL_FORCED);
        hil_header(s)->alert = 1;
    }
    if (g->gated)
        v = gate(p, s, path, ps, v, &status);
    else
        ps->last = v;
    episode(p, s, path, &ps->ranged, v < g->range_lo || v > g->range_hi, HIL_NOTE_RANGE_ON, v, v);
    hil_values(s)[g->signal] = v;
    hil_statuses(p, s)[g->signal] = status;
}

/* True when the value passes as it is: good, no fault, no force, no episode running, inside every limit. */
static int plain(const struct hil_path *path, const struct hil_path_state *ps, double v)
{
    const struct hil_path_spec *g = &path->spec;
    int inside = v >= g->range_lo && v <= g->range_hi;
    if (g->gated)
        inside = inside && v >= g->lo && v <= g->hi && v <= ps->last + path->step && v >= ps->last - path->step;
    return inside;
}

/* A fault, a force or an episode: all that may be is in the last word, so that one comparison tells. */
static int is_busy(const struct hil_path_state *ps)
{
    _Static_assert(sizeof *ps == offsetof(struct hil_path_state, first_fault) + 8, "the flags fill one word");
    uint64_t word;
    memcpy(&word, (const unsigned char *)ps + offsetof(struct hil_path_state, first_fault), sizeof word);
    return word != 0;
}

void hil_path_step(const struct hil_block *b, unsigned char *s)
{
    const struct hil_path *path = b->path;
    struct hil_path_state *ps = hil_path_mem(path, s);
    double v = hil_values(s)[path->spec.raw];
    if (__builtin_expect(hil_header(s)->alert || is_busy(ps) || !plain(path, ps, v), 0)) {
        full_step((const struct hil_program *)(const void *)b->cfg, path, s);
        return;
    }
    ps->last = ps->seen = v;
    hil_values(s)[path->spec.signal] = v;
}
