/* A part of a program: the same state, layout and hash, and a tick in which some blocks and paths stand still. For runs that
 * are asked about a few signals only: what these do not depend on need not be computed. A state may go on in the whole
 * program afterwards, with what stood still as it was. Not to be called in a tick. */
#ifndef HIL_PART_H
#define HIL_PART_H

#include "hil/program.h"

size_t hil_part_size(const struct hil_program *p);
/* `rests`: nonzero for each block, then for each path, that stands still; whoever gives it makes sure that nothing else reads
 * what these write. `mem`: hil_part_size bytes, aligned to 64. It and the whole program stay as long as the part. */
const struct hil_program *hil_part(const struct hil_program *p, const uint8_t *rests, void *mem);
/* 0 when a fault acts or waits in the state, which may begin on any signal, or an event of authority waits, after which
 * interlocks are read: such a run needs the whole program. */
int hil_part_serves(const struct hil_program *p, unsigned char *state);

#endif
