/* A condition over a state as a program in postfix order, with edges and durations. It only reads the state: what it
 * remembers lies beside it. Plain data without pointers, so it can be copied and stored. */
#ifndef HIL_WATCH_H
#define HIL_WATCH_H

#include "hil/types.h"

#define HIL_WATCH_OPS    128 /* of one condition: more is no condition that a person writes */
#define HIL_WATCH_DEPTH  32  /* values that wait for their operator */
#define HIL_WATCH_MEMORY 16  /* edges and durations of one condition */

/* Numbers are doubles, truths are 0 and 1; as an operand of a truth a number holds from 0.5 on. */
enum hil_watch_code {
    HIL_WATCH_NUMBER = 1, /* -> value */
    HIL_WATCH_VALUE = 2,  /* -> the double at byte `arg` of the state */
    HIL_WATCH_STATUS = 3, /* -> 1 when the status byte at `arg` has a bit of `aux` */
    HIL_WATCH_NEGATE = 4,
    HIL_WATCH_ABS = 5,
    HIL_WATCH_NOT = 6,
    HIL_WATCH_RISE = 7, /* false at the last tick, true now; from here to CHANGED, `aux` is a place in the memory */
    HIL_WATCH_FALL = 8,
    HIL_WATCH_HELD = 9,     /* true at every tick of the last `arg` periods, this tick included */
    HIL_WATCH_CHANGED = 10, /* another number than at the last tick */
    HIL_WATCH_ADD = 11,     /* from here on two operands */
    HIL_WATCH_SUB = 12,
    HIL_WATCH_MUL = 13,
    HIL_WATCH_DIV = 14,
    HIL_WATCH_POW = 15,
    HIL_WATCH_MOD = 16, /* of the sign of the divisor */
    HIL_WATCH_MIN = 17,
    HIL_WATCH_MAX = 18,
    HIL_WATCH_LT = 19, /* comparisons with NaN are false, but for NE */
    HIL_WATCH_LE = 20,
    HIL_WATCH_GT = 21,
    HIL_WATCH_GE = 22,
    HIL_WATCH_EQ = 23,
    HIL_WATCH_NE = 24,
    HIL_WATCH_AND = 25, /* both sides are always looked at, so edges and durations miss no tick */
    HIL_WATCH_OR = 26
};

struct hil_watch_op {
    uint16_t code, aux;
    uint32_t arg;
    double value;
};

struct hil_watch {
    uint32_t n_ops, reserved;
    struct hil_watch_op op[HIL_WATCH_OPS];
};

struct hil_watch_memory {
    uint64_t since[HIL_WATCH_MEMORY]; /* tick from which on it has held */
    double last[HIL_WATCH_MEMORY];    /* NaN before the first tick: no edge comes with it */
};

/* HIL_OK when every operator has its operands, every offset lies in a state of `state_size` bytes, and one value is left. */
int hil_watch_check(const struct hil_watch *w, size_t state_size);
void hil_watch_reset(struct hil_watch_memory *m);
/* Whether the condition holds after `tick`, for a program that was checked. To be called once a tick. In a tick: yes;
 * at most HIL_WATCH_OPS steps. */
int hil_watch_step(const struct hil_watch *w, struct hil_watch_memory *m, const unsigned char *state, uint64_t tick);

#endif
