/* Modbus RTU server on a serial line (Linux): the bench is the remote I/O that a PLC polls. A thread around rtu_slave.h; the
 * registers, images and times are those of mb_server.h.
 *
 * A line that breaks (its adapter was pulled out) is opened again. Its device is alone on our side of the line, but may
 * be one of several slaves: what is for others is counted and left to them. */
#ifndef HIL_DRIVERS_RTU_SERVER_H
#define HIL_DRIVERS_RTU_SERVER_H

#include "hil/port.h"
#include "hil_drivers/bus_thread.h"
#include "hil_drivers/mb_counters.h"
#include "hil_drivers/regmap.h"
#include "hil_drivers/serial_port.h"

struct hil_rtu_server;

struct hil_rtu_server_options {
    struct hil_serial_line line;
    uint8_t unit;     /* 1 to 247 */
    uint8_t lockstep; /* as in mb_server.h */
};

/* Copies the map and takes line.fd over, also when it fails. HIL_E_ARG: the unit or the map; HIL_E_OS. Allocates; nothing
 * after this does. */
int hil_rtu_server_new(const struct hil_rtu_server_options *options, const struct hil_regmap *map,
                       struct hil_rtu_server **out);
void hil_rtu_server_free(struct hil_rtu_server *s);

/* Serves in an own thread. After a stop it opens the line again: HIL_E_OS with errno when it cannot. */
int hil_rtu_server_start(struct hil_rtu_server *s, const struct hil_thread_options *thread);
/* Ends the thread and closes the line. */
void hil_rtu_server_stop(struct hil_rtu_server *s);

/* As hil_mb_server_set_exception. */
void hil_rtu_server_set_exception(struct hil_rtu_server *s, uint8_t exception);

struct hil_bus_port *hil_rtu_server_port(struct hil_rtu_server *s); /* exchange = NULL */
const struct hil_mb_counters *hil_rtu_server_counters(const struct hil_rtu_server *s);
int hil_rtu_server_connected(const struct hil_rtu_server *s); /* the line is open */
int hil_rtu_server_realtime(const struct hil_rtu_server *s);

#endif
