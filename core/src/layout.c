/* Where each section of the state buffer starts, and the offsets that a program gives out. Sections are 64-byte aligned. */
#include "hil/model.h"
#include "program_private.h"

/* Counted in 64 bits, so that a state past 4 GiB is refused and not cut. */
static uint32_t section(uint64_t *at, uint64_t bytes)
{
    uint64_t start = *at;
    *at = (start + bytes + 63) / 64 * 64;
    return (uint32_t)start;
}

static void lay_out_blocks(struct hil_program *p, uint64_t *at)
{
    uint64_t mem = 0;
    for (uint32_t i = 0; i < p->n_blocks; i++) {
        p->blocks[i].param = p->off_params + 8 * p->blocks[i].param;
        p->blocks[i].state = (uint32_t)(*at + mem);
        mem += 8 * (uint64_t)p->n_state[i];
    }
    section(at, mem);
}

static void lay_out_roles(struct hil_program *p, uint64_t *at)
{
    uint64_t bytes = 0;
    p->off_roles = (uint32_t)*at;
    for (uint32_t r = 1; r < p->n_roles; r++) {
        p->roles[r].state = (uint32_t)(*at + bytes);
        bytes += sizeof(struct hil_role_state) + (uint64_t)p->roles[r].delay * (1u + p->roles[r].n_out) * 8u;
    }
    section(at, bytes);
    for (uint32_t r = 1; r < p->n_roles; r++)
        if (p->roles[r].library)
            p->roles[r].context = section(at, p->roles[r].library->size);
}

int hil_lay_out(struct hil_program *p)
{
    uint64_t at = HIL_STATE_HEADER;
    /* every path may change twice in a tick */
    p->max_notes = 16u + 4u * p->n_paths + p->n_roles + p->max_events + p->n_telling;
    section(&at, p->n_signals * 8u);
    p->off_times = section(&at, p->n_signals * 8u);
    p->off_params = section(&at, p->n_params * 8u);
    lay_out_blocks(p, &at);
    p->off_paths = section(&at, p->n_paths * sizeof(struct hil_path_state));
    for (uint32_t i = 0; i < p->n_paths; i++)
        p->paths[i].state = p->off_paths + i * (uint32_t)sizeof(struct hil_path_state);
    lay_out_roles(p, &at);
    p->off_faults = section(&at, (p->max_faults + 1u) * sizeof(struct hil_fault));
    p->off_pool = section(&at, p->fault_memory * 8u);
    p->off_events = section(&at, (p->max_events + 2u) * sizeof(struct hil_event)); /* kept for REVOKE and SAFE */
    p->off_notes = section(&at, p->max_notes * sizeof(struct hil_note));
    p->off_status = section(&at, p->n_signals);
    for (uint32_t i = 0; i < p->n_blocks; i++)
        p->blocks[i].status = p->off_status;
    p->size = (uint32_t)at;
    return at > UINT32_MAX ? HIL_E_FULL : HIL_OK;
}

size_t hil_state_size(const struct hil_program *p) { return p->size; }

uint32_t hil_offset_value(const struct hil_program *p, uint16_t signal)
{
    (void)p;
    return HIL_STATE_HEADER + 8u * signal;
}

uint32_t hil_offset_time(const struct hil_program *p, uint16_t signal) { return p->off_times + 8u * signal; }

uint32_t hil_offset_status(const struct hil_program *p, uint16_t signal) { return p->off_status + signal; }

uint32_t hil_offset_param(const struct hil_program *p, uint16_t block, uint16_t param)
{
    return p->blocks[block].param + 8u * param;
}

uint32_t hil_offset_mem(const struct hil_program *p, uint16_t block) { return p->blocks[block].state; }

uint32_t hil_block_n_state(const struct hil_program *p, uint16_t block) { return p->n_state[block]; }

uint32_t hil_offset_context(const struct hil_program *p, uint16_t role, uint32_t *size)
{
    const struct hil_role *r = &p->roles[role];
    *size = r->library ? r->library->size : 0;
    return r->context;
}
