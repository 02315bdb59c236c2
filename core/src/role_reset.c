/* A role that is held in reset: its controller is as before its first step, and its time begins anew with the next one. What was
 * set stays, as in a memory that keeps it without power. */
#include <string.h>

#include "program_private.h"

static void reset_block(const struct hil_program *p, uint32_t i, unsigned char *s)
{
    const struct hil_block *b = &p->blocks[i];
    for (unsigned k = 0; k < b->n_out; k++)
        hil_values(s)[b->out[k]] = p->starts[b->out[k]];
    if (p->types[i]->restart) {
        p->types[i]->restart(b, s);
        return;
    }
    memset(hil_mem(b, s), 0, 8 * (size_t)p->n_state[i]);
    if (p->types[i]->reset)
        p->types[i]->reset(b, s);
}

/* The end of the tick counts a run of each task that is due; here it is none. */
static void restart_task(const struct hil_program *p, const struct hil_role *role, uint32_t i, unsigned char *s)
{
    struct hil_state *h = hil_header(s);
    uint64_t ran = h->due_mask >> i & 1;
    uint64_t first = h->tick + role->every + (p->tasks[i].phase - role->phase);
    h->tasks[i].sample = 0 - ran;
    if (i != role->task) /* which goes on with the bus */
        h->tasks[i].next = first - ran * p->tasks[i].every;
}

static void reset_library(const struct hil_program *p, const struct hil_role *role, unsigned char *s)
{
    const struct hil_library *l = role->library;
    const double *set = (const double *)(const void *)(s + p->off_params) + role->first_param;
    l->reset(l->self, s + role->context);
    for (uint32_t k = 0; k < l->n_params; k++)
        memcpy(s + role->context + l->params[k], &set[k], sizeof *set);
}

void hil_role_reset(const struct hil_program *p, const struct hil_role *role, unsigned char *s)
{
    for (uint32_t i = 0; i < p->n_blocks; i++)
        if (p->tasks[p->blocks[i].task].role == role->index)
            reset_block(p, i, s);
    for (uint32_t i = 1; i < p->n_tasks; i++)
        if (p->tasks[i].role == role->index)
            restart_task(p, role, i, s);
    if (role->library)
        reset_library(p, role, s);
}
