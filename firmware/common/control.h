/* The control task: the role's blocks as a program of the core, and one step of it. The board runs it (PIL, HIL), and so does
 * the bench's loop through a function pointer (SIL). */
#ifndef FW_CONTROL_H
#define FW_CONTROL_H

#include "app.h"

struct fw_control {
    const struct hil_program *program;
    unsigned char *state;
};

/* Fills in the block types by their names: tables know no addresses of the core. HIL_OK or HIL_E_ARG. */
int fw_find_types(struct hil_block_spec *blocks, const char *const *types, unsigned n);
/* Bytes for program and state, 0 when the tables make no program. */
size_t fw_control_size(const struct fw_app *app);
/* Builds the program and its first state in `arena` (aligned to 64). HIL_OK, HIL_E_ARG (tables), HIL_E_SIZE, HIL_E_HASH: it
 * is another program than the tables say. */
int fw_control_init(struct fw_control *c, const struct fw_app *app, void *arena, size_t size);
/* Back to the state before the first step. */
void fw_control_reset(struct fw_control *c);
/* Inputs in, one tick, outputs out: the values of role 1 of `program`. In a tick: yes. */
void fw_control_step(const struct hil_program *program, unsigned char *state, const double *in, double *out);
/* The same without new inputs: those before grow older. */
void fw_control_tick(const struct hil_program *program, unsigned char *state, double *out);

#endif
