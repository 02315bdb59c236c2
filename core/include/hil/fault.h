/* Faults: errors injected on purpose into a signal's path. Several may act on one path, in the order of activation. */
#ifndef HIL_FAULT_H
#define HIL_FAULT_H

#include "hil/types.h"

/* v = the event's parameters. A value is lost by `dropout` with status bad. */
enum hil_fault_kind {
    HIL_FAULT_BIAS = 1,    /* out = in + v[0] */
    HIL_FAULT_GAIN = 2,    /* out = in * v[0] */
    HIL_FAULT_STUCK = 3,   /* out = v[0]; NaN: the last value before activation */
    HIL_FAULT_NOISE = 4,   /* out = in + v[0] * normal (standard deviation v[0]) */
    HIL_FAULT_DRIFT = 5,   /* out = in + v[0] * seconds since activation; |drift| <= v[1] when v[1] > 0 */
    HIL_FAULT_DROPOUT = 6, /* with probability v[0] each tick the last delivered value stays */
    HIL_FAULT_DELAY = 7    /* out = in v[0] ticks ago; until then the value at activation */
};

/* 96 bytes, in the state. */
struct hil_fault {
    uint64_t start, end; /* ticks [start, end) */
    double v[4];
    double mem[2];
    uint32_t kind, id;
    uint16_t path, next;           /* next fault on the same path, 0 = none; slots count from 1 */
    uint32_t pool, pool_n, cursor; /* fault memory in doubles */
    uint64_t reserved;
};

struct hil_program;
struct hil_event;

/* Checks an event of kind HIL_EV_FAULT against the program (path, kind, parameter ranges, gate limits). */
int hil_fault_check(const struct hil_program *p, const struct hil_event *event);

#endif
