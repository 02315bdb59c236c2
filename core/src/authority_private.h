/* Authority events, and the part of them that knows the block's state. */
#ifndef HIL_AUTHORITY_PRIVATE_H
#define HIL_AUTHORITY_PRIVATE_H

#include "hil/authority.h"
#include "hil/event.h"
#include "program_private.h"

/* authority_events.c: whether an event may be staged, what it does at its tick, and whether a word belongs to an authority. */
int hil_authority_check(const struct hil_program *p, const struct hil_event *e);
int hil_authority_fire(const struct hil_program *p, unsigned char *s, const struct hil_event *e);
int hil_authority_owns(const struct hil_program *p, uint32_t offset);

/* blocks/authority.c: the same for one block. `check` looks at what never changes, `act` at the state as well. */
int hil_authority_block_check(const struct hil_block *b, const struct hil_event *e);
int hil_authority_block_act(const struct hil_block *b, unsigned char *s, const struct hil_event *e);
uint32_t hil_authority_block_size(void); /* bytes of its state */

#endif
