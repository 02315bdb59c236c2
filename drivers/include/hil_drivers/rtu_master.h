/* A Modbus RTU master's reading of the line: the answer to the one request that is on its way. Portable, no OS. */
#ifndef HIL_DRIVERS_RTU_MASTER_H
#define HIL_DRIVERS_RTU_MASTER_H

#include "hil_drivers/rtu.h"

/* Writes the request for `unit` around the n bytes of PDU that stand at adu + 1; returns the frame's length. */
size_t hil_rtu_request(uint8_t *adu, uint8_t unit, size_t n);

/* Looks for the answer of `unit` to the request PDU `sent` among what has come: as soon as it is whole, no silence is waited for,
 * and noise before and behind it is left out. 1: `answer` has it (its data point into rx) and the frame is ended. */
int hil_rtu_find_answer(struct hil_rtu_rx *rx, uint8_t unit, const uint8_t *sent, struct hil_mb_answer *answer);

enum hil_rtu_verdict {
    HIL_RTU_NOISE = 0, /* the answer may still come */
    HIL_RTU_FOREIGN,   /* a frame of another unit: the answer may still come */
    HIL_RTU_GARBLED,   /* it was the answer, but disturbed: it will not come again */
    HIL_RTU_MALFORMED  /* a frame of this unit that is no answer to what was sent */
};
/* What the bytes were that silence has ended and that hold no answer; ends and counts them. */
enum hil_rtu_verdict hil_rtu_judge_answer(struct hil_rtu_rx *rx, uint8_t unit, const uint8_t *sent);

#endif
