/* The state before tick 0, and whether a buffer is a state of a program. */
#include <string.h>

#include "hil/hash.h"
#include "program_private.h"

static void start_header(const struct hil_program *p, unsigned char *s)
{
    struct hil_state *h = hil_header(s);
    h->magic = HIL_STATE_MAGIC;
    h->abi = HIL_ABI;
    h->size = p->size;
    h->program = p->hash;
    h->seed = p->seed;
    h->due = UINT64_MAX;
    h->period_ns = p->period_ns;
    h->times = p->off_times;
    for (int i = 0; i < p->n_tasks; i++) {
        h->tasks[i].next = p->tasks[i].phase;
        h->every[i] = p->tasks[i].every;
    }
}

/* Where a computed signal's time comes from. A block of a slow task holds an older value of its input than the one that
 * the input's time speaks of: only its own run counts. */
static void start_times(const struct hil_program *p, unsigned char *s)
{
    int64_t *times = hil_times(p, s);
    for (uint32_t i = 0; i < p->n_signals; i++)
        times[i] = HIL_THIS_TICK;
    for (uint32_t i = 0; i < p->n_blocks; i++)
        for (uint32_t k = 0; k < p->blocks[i].n_out; k++)
            times[p->blocks[i].out[k]] = HIL_THIS_TICK + p->blocks[i].task;
    for (uint32_t i = 0; i < p->n_blocks; i++)
        if (p->blocks[i].passes_time && p->blocks[i].in[0])
            times[p->blocks[i].out[0]] = HIL_TIME_OF + p->blocks[i].in[0];
    for (uint32_t i = 0; i < p->n_paths; i++)
        times[p->paths[i].spec.signal] = HIL_TIME_OF + p->paths[i].spec.raw;
    times[0] = HIL_THIS_TICK;
}

int64_t hil_source_time(const unsigned char *s, uint16_t signal)
{
    const struct hil_state *h = (const struct hil_state *)(const void *)s;
    const int64_t *times = (const int64_t *)(const void *)(s + h->times);
    int64_t t = times[signal];
    while (t >= HIL_TIME_OF && t < HIL_TIME_ENDS) /* ends: no block passes on what comes from itself within a tick */
        t = times[t - HIL_TIME_OF];
    if (t >= HIL_TIME_ENDS)
        return t;
    uint64_t task = (uint64_t)t - (uint64_t)HIL_THIS_TICK;
    if (task == 0 || h->due_mask >> task & 1)
        return (int64_t)h->tick * h->period_ns;
    return ((int64_t)h->tasks[task].next - (int64_t)h->every[task]) * h->period_ns;
}

static void start_paths(const struct hil_program *p, unsigned char *s)
{
    for (uint32_t i = 0; i < p->n_paths; i++) {
        const struct hil_path *path = &p->paths[i];
        struct hil_path_state *ps = hil_path_mem(path, s);
        ps->last = p->starts[path->spec.signal];
        ps->seen = ps->last;
    }
}

static void start_role(const struct hil_role *role, unsigned char *s)
{
    hil_role_mem(role, s)->binding = role->binding;
    for (uint16_t stage = 0; stage < role->delay; stage++) {
        double *v = (double *)(void *)(hil_role_stage(role, s, stage) + 1);
        *hil_role_stage(role, s, stage) = HIL_NEVER;
        for (uint32_t i = 0; i < role->n_out; i++)
            v[i] = role->out[i].start;
    }
    if (role->library)
        role->library->reset(role->library->self, s + role->context);
}

int hil_state_init(const struct hil_program *p, void *mem)
{
    unsigned char *s = mem;
    memset(s, 0, p->size);
    start_header(p, s);
    for (uint32_t i = 0; i < p->n_signals; i++)
        hil_values(s)[i] = p->starts[i];
    start_times(p, s);
    memcpy(s + p->off_params, p->presets, p->n_params * sizeof(double));
    start_paths(p, s);
    for (uint32_t r = 1; r < p->n_roles; r++)
        start_role(&p->roles[r], s);
    for (uint32_t i = 0; i < p->n_blocks; i++)
        if (p->types[i]->reset)
            p->types[i]->reset(&p->blocks[i], s);
    return HIL_OK;
}

int hil_state_check(const struct hil_program *p, const void *mem, size_t size)
{
    const struct hil_state *h = mem;
    if (size < sizeof *h || h->magic != HIL_STATE_MAGIC || h->abi != HIL_ABI)
        return HIL_E_ABI;
    if (h->program != p->hash)
        return HIL_E_HASH;
    return h->size == p->size && size >= p->size && h->times == p->off_times ? HIL_OK : HIL_E_SIZE;
}

uint64_t hil_state_hash(const struct hil_program *p, const void *state)
{
    return hil_hash_words(state, p->size / 8, HIL_ABI);
}

void hil_note_add(const struct hil_program *p, unsigned char *s, struct hil_note note)
{
    struct hil_state *h = hil_header(s);
    if (h->n_notes == p->max_notes) {
        h->notes_lost++;
        return;
    }
    note.tick = h->tick;
    hil_notes(p, s)[h->n_notes++] = note;
}
