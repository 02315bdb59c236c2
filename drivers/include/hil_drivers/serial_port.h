/* An open serial port of a bus thread (Linux): its settings, kept so that it can be opened again after its adapter was pulled
 * out. drivers/serial_line.py opens it first and sets it up. */
#ifndef HIL_DRIVERS_SERIAL_PORT_H
#define HIL_DRIVERS_SERIAL_PORT_H

#include "hil_drivers/rtu.h"

/* What a bus is given. */
struct hil_serial_line {
    int fd;           /* raw and non-blocking; the bus takes it over and closes it */
    const char *path; /* "": it cannot be opened again */
    int64_t bit_ns;   /* 0: no bit timing, a pseudo-terminal */
    uint8_t char_bits;
    int64_t slack_ns; /* how late bytes may be seen; not 0: and as long as it takes to fill a UART's FIFO of 16 */
};
/* The silences of Modbus RTU on it. */
struct hil_rtu_timing hil_serial_timing(const struct hil_serial_line *line);

#define HIL_SERIAL_SETTINGS_MAX 64
struct hil_serial_port {
    char *path;
    int marked;                                               /* bad bytes are marked (PARMRK) */
    int has_mode;                                             /* it is a terminal, */
    int exclusive;                                            /* for one program alone (TIOCEXCL), */
    int has_rs485;                                            /* and the driver turns it around */
    _Alignas(8) unsigned char mode[HIL_SERIAL_SETTINGS_MAX];  /* struct termios2 */
    _Alignas(8) unsigned char rs485[HIL_SERIAL_SETTINGS_MAX]; /* struct serial_rs485 */
};

/* Remembers how `fd` is set up. HIL_OK, or HIL_E_OS: no memory. */
int hil_serial_port_init(struct hil_serial_port *p, int fd, const char *path);
void hil_serial_port_free(struct hil_serial_port *p);
/* Opens the path again, set up alike and locked for us. A descriptor, or -1 with errno: EBUSY when another program took it,
 * ENODEV when there is no path. */
int hil_serial_port_open(const struct hil_serial_port *p);
/* Throws away what has come in and what was not sent yet. */
void hil_serial_port_flush(int fd);

#endif
