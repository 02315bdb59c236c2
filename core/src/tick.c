/* One tick. Read this first: everything that happens in a period happens here, in this order. */
#include "hil/tick.h"

#include <string.h>

#include "hil/profile.h"
#include "program_private.h"

/* Outputs of a feed-through block are as good as its worst inputs. Runs only while something is not good; not inlined, to
 * keep the plain case short. */
static __attribute__((noinline)) void pass_status(const struct hil_program *p, const struct hil_block *b,
                                                  unsigned char *s)
{
    uint8_t *status = hil_statuses(p, s), bits = 0;
    for (unsigned i = 0; i < b->n_in; i++)
        bits |= status[b->in[i]];
    for (unsigned i = 0; i < b->n_out; i++)
        status[b->out[i]] = bits;
}

/* One source, two loops: `profile` is a compile-time NULL in virtual time. */
static inline __attribute__((always_inline)) void run_entry(const struct hil_block *b, unsigned char *s,
                                                            struct hil_profile *profile)
{
    int64_t from = profile ? profile->clock() : 0;
    b->step(b, s);
    if (profile)
        hil_profile_add(&profile->blocks[b->id], profile->clock() - from, hil_header(s)->tick);
}

/* The blocks of a segment; only the last one can raise `alert`, by a status that it sets itself. */
static inline __attribute__((always_inline)) void run_blocks(const struct hil_program *p, const struct hil_block *b,
                                                             const struct hil_block *end, unsigned char *s,
                                                             struct hil_profile *profile)
{
    if (__builtin_expect(hil_header(s)->alert == 0, 1)) {
        for (; b < end; b++)
            run_entry(b, s, profile);
        return;
    }
    for (; b < end; b++) {
        run_entry(b, s, profile);
        if (b->passes_status)
            pass_status(p, b, s);
    }
}

static inline __attribute__((always_inline)) void run_segments(const struct hil_program *p, unsigned char *s,
                                                               uint32_t first, uint32_t n, uint64_t due,
                                                               struct hil_profile *profile)
{
    for (const struct hil_segment *seg = p->segments + first, *end = seg + n; seg < end; seg++) {
        if (!(due >> seg->task & 1))
            continue;
        run_blocks(p, seg->begin, seg->end, s, profile);
        if (!seg->has_path)
            continue;
        if (profile)
            run_entry(seg->end, s, profile);
        else
            hil_path_step(seg->end, s); /* known here: a direct call */
    }
}

/* Returns the mask of tasks that run in this tick. */
static inline uint64_t begin_tick(const struct hil_program *p, unsigned char *s)
{
    struct hil_state *h = hil_header(s);
    if (h->n_notes) {
        memset(hil_notes(p, s), 0, h->n_notes * sizeof(struct hil_note));
        h->n_notes = 0;
    }
    uint64_t mask = 1;
    for (unsigned i = 1; i < p->n_tasks; i++)
        mask |= (uint64_t)(h->tasks[i].next == h->tick) << i;
    return h->due_mask = mask;
}

static inline __attribute__((always_inline)) void step_role(const struct hil_program *p, const struct hil_role *role,
                                                            unsigned char *s, uint64_t due, struct hil_profile *profile)
{
    if (hil_role_mem(role, s)->binding == HIL_IN_LIBRARY) {
        hil_role_run_library(p, role, s);
        return;
    }
    hil_role_begin_simulated(p, role, s);
    run_segments(p, s, role->first_segment, role->n_segments, due, profile);
    hil_role_end_simulated(p, role, s);
}

/* What a fault of the role's steps makes of one: none, several, or a reset. Not inlined, to keep the plain case short. */
static __attribute__((noinline)) void run_other_steps(const struct hil_program *p, const struct hil_role *role,
                                                      unsigned char *s, uint64_t due, double steps)
{
    if (steps < 0)
        hil_role_reset(p, role, s);
    for (int i = 0; i < HIL_MOST_STEPS && i + 1 <= steps; i++)
        step_role(p, role, s, due, NULL);
}

static inline __attribute__((always_inline)) void run_simulated_roles(const struct hil_program *p, unsigned char *s,
                                                                      uint64_t due, struct hil_profile *profile)
{
    for (uint32_t r = 1; r < p->n_roles; r++) {
        const struct hil_role *role = &p->roles[r];
        uint32_t binding = hil_role_mem(role, s)->binding;
        if (!(due >> role->task & 1) || binding == HIL_EXTERNAL || binding == HIL_STOPPED)
            continue;
        double steps = role->steps ? hil_values(s)[role->steps] : 1.0;
        if (__builtin_expect(steps == 1.0, 1))
            step_role(p, role, s, due, profile);
        else
            run_other_steps(p, role, s, due, steps);
    }
}

/* The section of statuses is a whole number of words, zero behind the last signal. */
static int all_good(const struct hil_program *p, unsigned char *s)
{
    const uint64_t *word = (const uint64_t *)(const void *)hil_statuses(p, s);
    uint64_t any = 0;
    for (unsigned i = 0; i < (p->n_signals + 7u) / 8u; i++)
        any |= word[i];
    return any == 0;
}

static __attribute__((noinline)) void hear_blocks(const struct hil_program *p, unsigned char *s)
{
    struct hil_note note;
    for (unsigned i = 0; i < p->n_blocks; i++)
        if (p->types[i]->tell && p->types[i]->tell(&p->blocks[i], s, &note))
            hil_note_add(p, s, note);
}

static inline void end_tick(const struct hil_program *p, unsigned char *s, uint64_t due)
{
    struct hil_state *h = hil_header(s);
    h->tasks[0].sample++; /* the base rate always runs */
    h->tasks[0].next++;
    for (unsigned i = 1; i < p->n_tasks; i++) {
        uint64_t ran = due >> i & 1;
        h->tasks[i].sample += ran;
        h->tasks[i].next += ran * p->tasks[i].every;
    }
    if (h->alert && p->n_telling)
        hear_blocks(p, s);
    if (h->alert)
        h->alert = !all_good(p, s) || h->safe != 0; /* ends only when every signal of every rate is good again */
    h->due_mask = 0;
    h->tick++;
}

/* `in`: what role 1, the only one, brings for this very tick; NULL: what was latched before. */
static inline __attribute__((always_inline)) void tick(const struct hil_program *p, unsigned char *s, const double *in,
                                                       struct hil_profile *profile)
{
    const uint64_t due = begin_tick(p, s);
    if (in)
        hil_role_take(p, &p->roles[1], s, in);
    else if (p->n_roles > 1)
        hil_roles_begin(p, s); /* latch what came from outside */
    if (hil_header(s)->due <= hil_header(s)->tick)
        hil_events_fire(p, s);
    run_segments(p, s, 0, p->bench_segments, due,
                 profile); /* blocks; faults, force and gate on each signal's path; updates */
    if (!in)
        run_simulated_roles(p, s, due, profile); /* on what was published; their outputs come a tick later */
    end_tick(p, s, due);
}

void hil_tick(const struct hil_program *p, unsigned char *s) { tick(p, s, NULL, NULL); }

void hil_step(const struct hil_program *p, unsigned char *s, const double *in, double *out)
{
    tick(p, s, in, NULL);
    hil_role_published(p, s, 1, out);
}

void hil_tick_profiled(const struct hil_program *p, unsigned char *s, struct hil_profile *profile)
{
    tick(p, s, NULL, profile);
}

void hil_skip(const struct hil_program *p, unsigned char *s, uint64_t n)
{
    struct hil_state *h = hil_header(s);
    h->tick += n;
    for (unsigned i = 0; i < p->n_tasks; i++) {
        if (h->tasks[i].next >= h->tick)
            continue;
        uint64_t every = p->tasks[i].every, runs = (h->tick - h->tasks[i].next + every - 1) / every;
        h->tasks[i].next += runs * every;
        h->tasks[i].sample += runs;
    }
}
