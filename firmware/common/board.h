/* What a board gives to the firmware. Everything that knows a register or an operating system is behind it.
 *
 * A board is a table of functions with a `self`, so that N devices can live in one process. Port 0 carries the link,
 * port 1 the field face (Modbus RTU slave, or a text protocol). No function waits. */
#ifndef FW_BOARD_H
#define FW_BOARD_H

#include <stddef.h>
#include <stdint.h>

#define FW_PORT_LINK  0
#define FW_PORT_FIELD 1

struct fw_board {
    void *self;
    /* Time since the start, monotonic, by the board's own clock. */
    int64_t (*now_ns)(void *self);
    /* Takes what has come in, at most `size` bytes. */
    size_t (*read)(void *self, unsigned port, uint8_t *bytes, size_t size);
    /* Queues bytes for sending and returns how many there was room for: all or, short of room, none. */
    size_t (*write)(void *self, unsigned port, const uint8_t *bytes, size_t n);
    /* Bytes lost because the receive buffer was full or the line disturbed (overrun, framing, parity). */
    uint32_t (*lost)(void *self, unsigned port);
    /* The physical outputs, in their order, SI values. Called once a control tick and whenever they go safe. */
    void (*drive)(void *self, const double *outputs, unsigned n);
    /* A counter of work done, that wraps at 2^32, and its rate: instructions under emulation, cycles on a board. */
    uint32_t (*counter)(void *self);
    uint32_t counter_hz;
    void (*kick_watchdog)(void *self);
    /* enum hil_link_reset: why the board started. */
    uint32_t (*reset_cause)(void *self);
    /* enum hil_link_reset; does not return. Warm keeps what is marked to be kept (struct fw_kept), cold does not. */
    void (*reset)(void *self, uint32_t kind);
    /* Greatest stack depth so far and its size, in bytes; used > size: the guard was overwritten. 0, 0: not known. */
    uint32_t (*stack_used)(void *self);
    uint32_t stack_size;
    /* Memory that survives a reset, but not the loss of power: FW_KEPT_SIZE bytes. */
    void *kept;
    /* Bit time of the field port in ns, for the silences of Modbus RTU; 0: the port has none (a pseudo-terminal). */
    int64_t field_bit_ns;
};
#define FW_KEPT_SIZE 64

#endif
