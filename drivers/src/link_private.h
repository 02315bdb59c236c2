/* Between the parts of the link: link.c (sessions, what waits), link_send.c (frames out), link_receive.c (frames in). */
#ifndef HIL_DRIVERS_LINK_PRIVATE_H
#define HIL_DRIVERS_LINK_PRIVATE_H

#include "hil_drivers/link.h"

#define HIL_LINK_HEADER 4 /* kind, ack, seq */
#define HIL_LINK_CHECKS 4 /* crc, check */

/* HELLO and WELCOME carry the number of the session that begins, so they cannot be checked with it. */
static inline int hil_link_is_greeting(uint8_t kind) { return kind == HIL_LINK_HELLO || kind == HIL_LINK_WELCOME; }
/* Both checks of a frame's n bytes, as they follow it. */
uint32_t hil_link_checks(const struct hil_link *l, const uint8_t *frame, size_t n);

void hil_link_begin_session(struct hil_link *l, uint32_t session);
void hil_link_end_session(struct hil_link *l);

static inline struct hil_link_slot *hil_link_slot(struct hil_link *l, uint16_t number)
{
    return &l->slot[number % HIL_LINK_WINDOW];
}
/* The other side has all messages before number `next`. */
void hil_link_acknowledged(struct hil_link *l, uint8_t next, int64_t now_ns);

#endif
