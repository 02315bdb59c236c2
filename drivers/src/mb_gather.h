/* Gathering: while a device answers batches of several requests promptly, sleep until all answers of a batch are there.
 *
 * A device sends each answer by itself, and each would wake us. With the socket's low-water mark at the size of all answers
 * the kernel wakes us once: one recv for a batch (16 reads: 3 % of the whole round trip on one core, more on two).
 * The price is that a shorter answer (an exception) is seen late. So this begins only after a row of prompt, complete batches,
 * waits 5 ms at most (and the rest of a kernel tick or two), and the first exception or missing answer ends it for this
 * connection. */
#ifndef HIL_DRIVERS_MB_GATHER_H
#define HIL_DRIVERS_MB_GATHER_H

#include "hil_drivers/mb_tcp_wire.h"

/* Before waiting for a batch: sets the mark where needed. */
void hil_mb_gather_begin(struct hil_mb_tcp_wire *w);
/* The batch is complete: begin, go on or end? */
void hil_mb_gather_learn(struct hil_mb_tcp_wire *w);
/* A wait ended and answers are missing. Returns 1 when gathering was on, and is now off: wait again. */
int hil_mb_gather_end(struct hil_mb_tcp_wire *w);

#endif
