/* Between the two halves of the link: link_receive.c and link_send.c. */
#ifndef HIL_DRIVERS_LINK_PRIVATE_H
#define HIL_DRIVERS_LINK_PRIVATE_H

#include "hil_drivers/link.h"

#define HIL_LINK_HEADER 4
#define HIL_LINK_CRC    2

/* The other side has all messages before number `next`. */
void hil_link_acknowledged(struct hil_link *l, uint8_t next, int64_t now_ns);
void hil_link_begin_session(struct hil_link *l, uint32_t session);

#endif
