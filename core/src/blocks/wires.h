/* Private to blocks/plc.c: a wire between a signal and a located variable of a PLC program.
 *
 * The program sees the raw value of the register, as a PLC behind that wire would: raw = (value - offset) / scale, rounded
 * as hil_encode does. A wire is WIRE_FIELDS doubles of the configuration, one cache line. */
#ifndef HIL_BLOCKS_WIRES_H
#define HIL_BLOCKS_WIRES_H

#include "describe.h"

enum {
    WIRE_SLOT,  /* number of the located variable */
    WIRE_MODE,  /* enum below */
    WIRE_SCALE, /* value = raw * scale + offset */
    WIRE_OFFSET,
    WIRE_LO, /* smallest and largest raw value of the register and of the variable */
    WIRE_HI,
    WIRE_TURN, /* 2^bits where one of both is signed and the other is not, else 0 */
    WIRE_BIT,  /* of the variable, for WIRE_A_BIT */
    WIRE_FIELDS
};
enum wire_mode {
    WIRE_WHOLE = 0, /* an integer of the register's own sign */
    WIRE_REAL = 1,  /* a float32 */
    WIRE_PLAIN = 2, /* a double */
    WIRE_BOOL = 3,
    WIRE_A_BIT = 4,    /* a bit of a variable that is a word */
    WIRE_UNSIGNED = 5, /* an integer register with a sign, a variable without: the bits are the same */
    WIRE_SIGNED = 6,   /* the other way round */
    WIRE_MODES
};

static inline int wires_exist(const struct hil_array *wires, uint32_t n, uint32_t slots)
{
    if (wires->n != n * WIRE_FIELDS || !all_finite(wires))
        return 0;
    for (const double *w = wires->data, *end = w + wires->n; w < end; w += WIRE_FIELDS)
        if (!(w[WIRE_SLOT] >= 0 && w[WIRE_SLOT] < slots && w[WIRE_MODE] >= 0 && w[WIRE_MODE] < WIRE_MODES &&
              w[WIRE_SCALE] != 0 && w[WIRE_BIT] >= 0 && w[WIRE_BIT] < 53))
            return 0;
    return 1;
}

static inline double with_bit(double word, unsigned bit, int on)
{
    uint64_t mask = (uint64_t)1 << bit, raw = word >= 0.0 ? (uint64_t)word : 0; /* NaN: no bit has come yet */
    return (double)(on ? raw | mask : raw & ~mask);
}

/* The variable's value, from a usable value of the signal and what the variable was. */
static inline double to_raw(const double *wire, double value, double was)
{
    int mode = (int)wire[WIRE_MODE];
    if (mode == WIRE_BOOL)
        return from_flag(is_true(value));
    if (mode == WIRE_A_BIT)
        return with_bit(was, (unsigned)wire[WIRE_BIT], is_true(value));
    double raw = (value - wire[WIRE_OFFSET]) / wire[WIRE_SCALE];
    if (mode == WIRE_PLAIN)
        return raw;
    raw = clamp(raw, wire[WIRE_LO], wire[WIRE_HI]);
    if (mode == WIRE_REAL)
        return (double)(float)raw;
    raw = round_even(raw);
    if (mode == WIRE_UNSIGNED && raw < 0.0)
        raw += wire[WIRE_TURN];
    if (mode == WIRE_SIGNED && raw >= 0.5 * wire[WIRE_TURN])
        raw -= wire[WIRE_TURN];
    return raw;
}

/* The signal's value. */
static inline double from_raw(const double *wire, double raw)
{
    int mode = (int)wire[WIRE_MODE];
    if (mode == WIRE_A_BIT)
        return from_flag((uint64_t)raw >> (unsigned)wire[WIRE_BIT] & 1);
    if (mode == WIRE_UNSIGNED && raw >= 0.5 * wire[WIRE_TURN]) /* back into the register's sign */
        raw -= wire[WIRE_TURN];
    if (mode == WIRE_SIGNED && raw < 0.0)
        raw += wire[WIRE_TURN];
    return raw * wire[WIRE_SCALE] + wire[WIRE_OFFSET];
}

#endif
