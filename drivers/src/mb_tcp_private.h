/* What the files of the TCP wire share. */
#ifndef HIL_DRIVERS_MB_TCP_PRIVATE_H
#define HIL_DRIVERS_MB_TCP_PRIVATE_H

#include "hil_drivers/mb_tcp_wire.h"

/* The wire is the first member, so the two have one address. */
static inline struct hil_mb_tcp_wire *hil_mb_tcp(struct hil_mb_wire *w) { return (struct hil_mb_tcp_wire *)(void *)w; }

/* mb_tcp_connect.c */
int hil_mb_tcp_connect(struct hil_mb_wire *w, int64_t wait_ns);
void hil_mb_tcp_interrupt(struct hil_mb_wire *w);

#endif
