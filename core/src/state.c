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
    for (int i = 0; i < p->n_tasks; i++)
        h->tasks[i].next = p->tasks[i].phase;
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
    for (uint32_t i = 0; i < p->n_signals; i++) {
        hil_values(s)[i] = p->starts[i];
        hil_times(p, s)[i] = HIL_THIS_TICK;
    }
    memcpy(s + p->off_params, p->presets, p->n_params * sizeof(double));
    start_paths(p, s);
    for (uint32_t r = 1; r < p->n_roles; r++)
        start_role(&p->roles[r], s);
    for (uint32_t i = 0; i < p->n_blocks; i++)
        if (p->resets[i])
            p->resets[i](&p->blocks[i], s);
    return HIL_OK;
}

int hil_state_check(const struct hil_program *p, const void *mem, size_t size)
{
    const struct hil_state *h = mem;
    if (size < sizeof *h || h->magic != HIL_STATE_MAGIC || h->abi != HIL_ABI)
        return HIL_E_ABI;
    if (h->program != p->hash)
        return HIL_E_HASH;
    return h->size == p->size && size >= p->size ? HIL_OK : HIL_E_SIZE;
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
