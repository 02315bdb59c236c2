/* A Modbus RTU slave: bytes and their times in, at most one answer out. Portable, no OS: a bus thread runs it on a serial
 * port, the firmware on a board.
 *
 *   hil_rtu_slave_receive(s, bytes, n, now_ns);            whenever bytes came
 *   answer = hil_rtu_slave_poll(s, now_ns, &n);            then, and at hil_rtu_slave_next_ns(s)
 *
 * A request ends with its length, which its function code tells, or with silence. An answer is due 3.5 characters after the
 * request on a line with bit timing, at once on one without. What comes while it is due is dropped: the master has to wait. What is
 * wrong, for others, or no frame at all, is counted and stays unanswered; the next silence begins anew. */
#ifndef HIL_DRIVERS_RTU_SLAVE_H
#define HIL_DRIVERS_RTU_SLAVE_H

#include "hil_drivers/mb_bank.h"
#include "hil_drivers/rtu.h"

struct hil_rtu_slave {
    struct hil_mb_bank *bank;
    struct hil_rtu_rx rx;
    uint64_t requests, wrong_unit; /* for this slave or all; for and from others */
    int64_t answer_ns;             /* when the answer is due */
    uint16_t n_answer;             /* bytes of the answer that waits, 0: none */
    uint8_t unit;
    uint8_t wrote; /* registers were written; the caller clears it */
    uint8_t answer[HIL_RTU_ADU_MAX];
};

/* unit: 1 to 247. `bank` stays the caller's. marked: see struct hil_rtu_rx. */
void hil_rtu_slave_init(struct hil_rtu_slave *s, struct hil_mb_bank *bank, uint8_t unit,
                        const struct hil_rtu_timing *timing, int marked);
/* In a tick: yes. */
void hil_rtu_slave_receive(struct hil_rtu_slave *s, const uint8_t *bytes, size_t n, int64_t now_ns);
/* Judges a frame that has ended by silence. The answer to send now, of *n bytes and valid until more is received; or NULL. In a
 * tick: yes. */
const uint8_t *hil_rtu_slave_poll(struct hil_rtu_slave *s, int64_t now_ns, size_t *n);
/* When to poll again without a byte having come; INT64_MAX: never. */
int64_t hil_rtu_slave_next_ns(const struct hil_rtu_slave *s);

#endif
