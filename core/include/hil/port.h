/* What a bus offers the loop: two boxes of values, and one call for lock-step.
 *
 * The bus owns the port and its boxes; they live until the bus is freed. The loop is the only reader of `in` and the only
 * writer of `out`, the bus thread is the other side of both.
 *
 * (Named hil_bus_port because block.h already calls a block's inputs and outputs hil_bus.) */
#ifndef HIL_PORT_H
#define HIL_PORT_H

#include "hil/image.h"

struct hil_bus_port {
    struct hil_box *in;  /* device -> bench: values in order of the role's outputs; NaN = bad */
    struct hil_box *out; /* bench -> device: values in order of the role's inputs */
    /* One whole cycle in the caller's thread: sends `out`, waits for the answers, publishes `in` with this time. Returns
     * enum hil_err. NULL: the bus has nothing to wait for (a server: the newest values count). In a tick: no, between ticks. */
    int (*exchange)(void *bus, int64_t time_ns);
    void *bus; /* first argument of exchange and ended */
    /* Real time: the loop has run its last tick, in order; nothing comes until it runs again. Called by the loop's thread, does
     * not wait. NULL: the bus need not know. */
    void (*ended)(void *bus);
};

#endif
