/* Where each section of the state buffer starts, and the offsets that a program gives out. Sections are 64-byte aligned. */
#include "hil/model.h"
#include "program_private.h"

static uint32_t section(uint32_t *at, uint32_t bytes) {
    uint32_t start = *at;
    *at = (start + bytes + 63) / 64 * 64;
    return start;
}

void hil_lay_out(struct hil_program *p) {
    uint32_t at = HIL_STATE_HEADER, n_roles_bytes = 0, mem = 0;
    section(&at, p->n_signals * 8u);
    p->off_times = section(&at, p->n_signals * 8u);
    p->off_params = section(&at, p->n_params * 8u);
    for (uint32_t i = 0; i < p->n_blocks; i++) {
        p->blocks[i].param = p->off_params + 8 * p->blocks[i].param;
        p->blocks[i].state = at + mem;
        mem += 8 * p->n_state[i];
    }
    section(&at, mem);
    p->off_paths = section(&at, p->n_paths * (uint32_t)sizeof(struct hil_path_state));
    for (uint32_t i = 0; i < p->n_paths; i++) p->paths[i].state = p->off_paths + i * (uint32_t)sizeof(struct hil_path_state);
    p->off_roles = at;
    for (uint32_t r = 1; r < p->n_roles; r++) {
        p->roles[r].state = p->off_roles + n_roles_bytes;
        n_roles_bytes += (uint32_t)sizeof(struct hil_role_state) + p->roles[r].delay * (1u + p->roles[r].n_out) * 8u;
    }
    section(&at, n_roles_bytes);
    p->off_faults = section(&at, (p->max_faults + 1u) * (uint32_t)sizeof(struct hil_fault));
    p->off_pool = section(&at, p->fault_memory * 8u);
    p->off_events = section(&at, p->max_events * (uint32_t)sizeof(struct hil_event));
    p->off_notes = section(&at, HIL_MAX_NOTES * (uint32_t)sizeof(struct hil_note));
    p->off_status = section(&at, p->n_signals);
    p->size = at;
}

size_t hil_state_size(const struct hil_program *p) { return p->size; }

uint32_t hil_offset_value(const struct hil_program *p, uint16_t signal) {
    (void)p;
    return HIL_STATE_HEADER + 8u * signal;
}

uint32_t hil_offset_time(const struct hil_program *p, uint16_t signal) { return p->off_times + 8u * signal; }

uint32_t hil_offset_status(const struct hil_program *p, uint16_t signal) { return p->off_status + signal; }

uint32_t hil_offset_param(const struct hil_program *p, uint16_t block, uint16_t param) {
    return p->blocks[block].param + 8u * param;
}

uint32_t hil_offset_mem(const struct hil_program *p, uint16_t block) { return p->blocks[block].state; }

uint32_t hil_block_n_state(const struct hil_program *p, uint16_t block) { return p->n_state[block]; }
