/* The field face `modbus`: the device is a Modbus RTU slave with the registers of its application's map.
 *
 * What the master writes are the inputs, what is at the pins can be read. A write refreshes the inputs when every one of them
 * holds a number; while one was never written, or is written as NaN, the outputs stay safe, or become so by their age. Tags behind
 * the application's values are heartbeats: to the master the number of control ticks, from the master a value that has to
 * change, else its writes are no refresh.
 *
 * Before the first write registers of outputs hold the safe values, those of inputs 0. A device that is latched safe answers as
 * before, with what is at the pins. A tag flagged latch tells the master why (HIL_LATCH_WORD). The other way it takes an enum
 * hil_latch_command, once, when the register comes to hold it; from then on all inputs have to be written again before the
 * controller drives. Without that tag CLEAR over the link opens the latch, or a reset. */
#ifndef FW_RTU_FACE_H
#define FW_RTU_FACE_H

#include "device.h"
#include "hil_drivers/heartbeat.h"
#include "hil_drivers/rtu_slave.h"

/* How late bytes may be seen: the poll of a busy board, the scheduler and the terminals of one without bit timing. */
#define FW_RTU_SLACK_NS        INT64_C(2000000)
#define FW_RTU_SLACK_NO_BIT_NS INT64_C(20000000)

struct fw_rtu {
    struct hil_rtu_slave slave;
    struct hil_mb_bank bank;
    struct hil_beats beats;
    double *in, *out;    /* values of the map: the application's, then those of the wire alone */
    uint16_t told;       /* number of the tag that tells of the latch; map->n_out: none */
    uint16_t commands;   /* of the tag that takes commands; map->n_in: none */
    double command;      /* what it held last */
    uint32_t lost;       /* of the board, when last looked at */
    uint32_t unanswered; /* answers that the board had no room for */
};

extern const struct fw_face fw_rtu_face;

/* Bytes of d->face that the application needs. */
size_t fw_rtu_face_size(const struct fw_app *app);

#endif
