/* The client's end of a Modbus RTU line: one request at a time, its answer in, told apart by unit, function, length and CRC.
 * Linux serial ports. One device a line: a client keeps the line for itself.
 *
 * RTU has no transaction numbers, so an answer after its timeout looks like the answer to the next request. Therefore, after a
 * timeout, the next request waits until the late answer has come, or once more as long has passed. */
#ifndef HIL_DRIVERS_MB_RTU_WIRE_H
#define HIL_DRIVERS_MB_RTU_WIRE_H

#include "hil_drivers/mb_wire.h"
#include "hil_drivers/rtu_master.h"
#include "hil_drivers/serial_port.h"

struct hil_mb_rtu_wire {
    struct hil_mb_wire base;
    struct hil_serial_port port;
    struct hil_rtu_rx rx;
    int64_t turnaround_ns; /* after a broadcast (2.4.1: 100 to 200 ms) */
    int64_t quiet_ns;      /* the late answer is waited for until then; 0: none is owed */
    uint32_t expected;     /* bytes of the answer, if it is no exception */
    uint8_t owed[HIL_MB_PDU_MAX];
    uint8_t tx[HIL_RTU_ADU_MAX];
};

/* Takes line->fd over. HIL_E_OS: no memory. */
int hil_mb_rtu_wire_init(struct hil_mb_rtu_wire *w, const struct hil_serial_line *line, int64_t turnaround_ns);

#endif
