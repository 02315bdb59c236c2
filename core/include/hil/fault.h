/* Faults: errors injected on purpose into a signal's path. Several may act on one path, in the order of activation.
 * docs/faults.md has the same definitions for people. */
#ifndef HIL_FAULT_H
#define HIL_FAULT_H

#include "hil/types.h"

/* v = the event's parameters; memories begin with the last value before the fault acts. A value that is lost has status bad,
 * and the last delivered one stays. All may be called in a tick; times are in ticks, rates per second. */
enum hil_fault_kind {
    HIL_FAULT_BIAS = 1,      /* out = in + v[0] */
    HIL_FAULT_GAIN = 2,      /* out = in * v[0] */
    HIL_FAULT_STUCK = 3,     /* out = v[0]; NaN: the last value before the fault */
    HIL_FAULT_NOISE = 4,     /* out = in + v[0] * normal (standard deviation v[0]) */
    HIL_FAULT_DRIFT = 5,     /* out = in + v[0] * seconds since activation; |drift| <= v[1] when v[1] > 0 */
    HIL_FAULT_DROPOUT = 6,   /* with probability v[0] each tick the value is lost */
    HIL_FAULT_DELAY = 7,     /* out = in v[0] ticks ago; until then the value at activation */
    HIL_FAULT_SPIKE = 8,     /* out = in + v[0] in the first tick, and in each v[1]-th when v[1] > 0; or, with v[2] > 0,
                                * in any tick with that probability instead */
    HIL_FAULT_QUANTISE = 9,  /* out = v[0] * floor(in / v[0] + 0.5) */
    HIL_FAULT_SATURATE = 10, /* out = in within v[0] .. v[1] */
    HIL_FAULT_DEAD_ZONE = 11, /* out = v[1] within v[0] around v[1]; beyond, v[0] nearer to it */
    HIL_FAULT_JITTER = 12, /* out = in d ticks ago, d drawn from 0 .. v[0] each tick; never older than the one before */
    HIL_FAULT_AFFINE = 13, /* out = v[0] * in + v[1] */
    HIL_FAULT_MIX = 14,    /* out = v[0] * in + v[1] * what enters path v[2] */
    HIL_FAULT_RUNAWAY = 15,    /* goes from the last value to v[1] at v[0] per second, whatever comes in */
    HIL_FAULT_RATE_LIMIT = 16, /* follows in at v[0] per second at the most */
    HIL_FAULT_BACKLASH = 17,   /* play: stays until in is v[0] / 2 away, then follows at that distance */
    HIL_FAULT_STICTION = 18, /* sticks until |in - out| > v[0], then slips to v[1] before in. Q. P. He et al., "A curve
                                * fitting method for detecting valve stiction", Ind. Eng. Chem. Res. 46 (2007) */
    HIL_FAULT_BIT_FLIP = 19, /* bit v[0] of the IEEE 754 double is inverted; a result that is not finite is lost */
    HIL_FAULT_CLOCK =
        20 /* of a role's steps: its clock runs v[0] faster (a share, 1e-6 is 1 ppm) and jumps by v[2] steps at the
                          * start; it steps every v[1] ticks. out = in + floor((k + 1) v[0]) - floor(k v[0]) in step k, + v[2] in step
                          * 0; with v[2] < 0 instead 0 in as many steps */
};

/* How a fault acts between its start and its end: one event of kind HIL_EV_FAULT_MODE for each, before that of the fault, with
 * its id and path. Without any it acts in every tick in full. All that are given must hold. */
enum hil_fault_mode {
    HIL_MODE_RAMP = 1,        /* in the k-th tick (from 1) the share min(1, k / v[0]) of the effect acts */
    HIL_MODE_DUTY = 2,        /* acts in the first v[0] of each v[1] ticks */
    HIL_MODE_PROBABILITY = 3, /* acts in a tick with probability v[0] */
    HIL_MODE_WHEN = 4 /* acts while signal v[0] compares (v[1] = enum hil_compare) with v[2]; with v[3] non-zero it
                               * starts, and its duration begins, in the first tick in which it does */
};

enum hil_compare {
    HIL_LESS = 1,
    HIL_GREATER = 2,
    HIL_LESS_EQUAL = 3,
    HIL_GREATER_EQUAL = 4,
    HIL_EQUAL = 5,
    HIL_OTHER = 6
};

enum hil_fault_flag { HIL_IS_WAITING = 1, HIL_HAS_ACTED = 2 };

/* 128 bytes, in the state. */
struct hil_fault {
    uint64_t start, end; /* ticks [start, end) */
    double v[4];
    double mem[2];
    double probability, level; /* 0: none; of the condition */
    uint32_t kind, id;
    uint16_t path, next; /* next fault on the same path, 0 = none; slots count from 1 */
    uint16_t signal;     /* of the condition */
    uint8_t compare;     /* enum hil_compare, 0: no condition */
    uint8_t flags;
    uint32_t pool, pool_n, cursor; /* fault memory in doubles */
    uint32_t ramp, on, every;      /* ticks, 0: none */
    uint64_t reserved;
};
_Static_assert(sizeof(struct hil_fault) == 128, "no padding that a hash would see");

struct hil_program;
struct hil_event;

/* Checks an event of kind HIL_EV_FAULT against the program (path, kind, parameter ranges, gate limits). */
int hil_fault_check(const struct hil_program *p, const struct hil_event *event);
/* The same for HIL_EV_FAULT_MODE. */
int hil_fault_check_mode(const struct hil_program *p, const struct hil_event *event);

#endif
