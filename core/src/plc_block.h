/* What the engine knows of the block type "plc" beside its table. */
#ifndef HIL_PLC_BLOCK_H
#define HIL_PLC_BLOCK_H

#include "hil/block.h"

/* A note of a stop has file * HIL_PLC_LINES + line in `b`. */
#define HIL_PLC_LINES 16777216.0

/* Parameters of a block with this program: the type's own, then a value and a flag for each located variable's force. */
uint32_t hil_plc_n_params(const struct hil_model *model, const struct hil_array *cfg);
/* After a loss of power: as before the first step, but for RETAIN variables. In a tick: yes. */
void hil_plc_restart(const struct hil_block *b, unsigned char *s);
/* 1 once after the program has stopped by itself, with the note to be added. In a tick: yes. */
int hil_plc_stopped(const struct hil_block *b, unsigned char *s, struct hil_note *note);

#endif
