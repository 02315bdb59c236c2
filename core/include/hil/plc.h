/* A compiled PLC program (IEC 61131-3): one table, exported by a shared object under the name `hil_plc_v1`, everything else hidden.
 *
 * Its whole state lies in `n_words` words of 8 bytes in the bench's buffer. A scalar of at most 32 bits has one word whose upper
 * half is zero, one of 64 bits (LINT, ULINT, LWORD, TIME, LTIME, DT, LDT, TOD, LTOD, DATE, LDATE) two of them, low half first; LREAL is a
 * double. So no integer looks like a NaN, which hashes make canonical; a REAL or LREAL that is NaN is stored as the canonical one. Four
 * characters of a STRING share a word.
 *
 * Re-entrant: no statics that change. Functions may be called in a tick. */
#ifndef HIL_PLC_H
#define HIL_PLC_H

#include "hil/model.h"

#define HIL_PLC_ABI 1

/* Why a program stopped by itself; 0: it has not. */
enum hil_plc_stop {
    HIL_PLC_RUNS = 0,
    HIL_PLC_INDEX,    /* array index outside its range */
    HIL_PLC_DIVISION, /* integer division or MOD by zero */
    HIL_PLC_LOOP,     /* more loop rounds in a scan than the watchdog allows */
    HIL_PLC_RANGE,    /* a value outside its subrange, a shift or a length that is negative */
    HIL_PLC_STOPS     /* number of reasons */
};

/* A note of such a stop (HIL_NOTE_PLC_STOP) has file * HIL_PLC_LINES + line in `b`. */
#define HIL_PLC_LINES 16777216.0

/* Where it stopped. */
struct hil_plc_fault {
    uint32_t reason; /* enum hil_plc_stop */
    uint32_t file;   /* number of the source file */
    uint32_t line;   /* from 1 on */
};

struct hil_plc {
    /* First, as a block holds it. name, hash; n_x = n_words, n_u located inputs, n_y outputs (located ones, then watched variables),
     * u and y name them ("%IW0 level1"), n_p = 0; step, ode, output, jacobian, ekf, clamp are NULL. */
    struct hil_model model;
    uint32_t abi, n_words;
    uint32_t max_rounds; /* loop rounds in one scan before HIL_PLC_LOOP */
    int64_t interval_ns; /* of the fastest task; 0: the program names none, and takes the block's */
    /* Initial values of all variables (`words` zeroed before: cold), or of those that are not RETAIN (warm). */
    void (*cold)(uint64_t *words);
    void (*warm)(uint64_t *words);
    /* One scan: input image, due tasks by priority, output image. now_ns: time since the last cold or warm start, a whole number of
     * intervals; it decides which tasks are due and is what timers see. Inputs and outputs as numbers in the variable's own type (raw
     * registers, BOOL 0 or 1). Leaves y as it is and says where when the program stops. */
    void (*scan)(uint64_t *words, const double *u, double *y, int64_t now_ns, struct hil_plc_fault *fault);
};

#endif
