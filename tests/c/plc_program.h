/* A PLC program by hand, as a compiler would write it: an on-delay, a quotient, a retained count of scans.
 *   lamp := on for 40 ms;  quotient := 1000 / level (stops the program at 0, line 42);  total := total + 1 */
#ifndef PLC_PROGRAM_H
#define PLC_PROGRAM_H

#include <string.h>

#include "hil/plc.h"

enum { U_ON, U_LEVEL, N_U };
enum { Y_LAMP, Y_QUOTIENT, Y_TOTAL, N_Y };
enum { W_SINCE_LOW, W_SINCE_HIGH, W_TIMING, W_TOTAL, N_WORDS };

static void store_time(uint64_t *w, int64_t ns)
{
    w[0] = (uint64_t)ns & 0xffffffffu;
    w[1] = (uint64_t)ns >> 32;
}
static int64_t load_time(const uint64_t *w) { return (int64_t)(w[1] << 32 | w[0]); }

static void plc_warm(uint64_t *w) { w[W_SINCE_LOW] = w[W_SINCE_HIGH] = w[W_TIMING] = 0; }
static void plc_cold(uint64_t *w)
{
    plc_warm(w);
    w[W_TOTAL] = 100;
}
static void plc_scan(uint64_t *w, const double *u, double *y, int64_t now_ns, struct hil_plc_fault *fault)
{
    int on = u[U_ON] != 0.0, level = (int)u[U_LEVEL];
    w[W_TOTAL]++;
    if (on && !w[W_TIMING])
        store_time(w + W_SINCE_LOW, now_ns);
    w[W_TIMING] = (uint64_t)on;
    if (level == 0) {
        *fault = (struct hil_plc_fault){HIL_PLC_DIVISION, 3, 42};
        return;
    }
    y[Y_LAMP] = on && now_ns - load_time(w + W_SINCE_LOW) >= 40000000;
    y[Y_QUOTIENT] = 1000 / level;
    y[Y_TOTAL] = (double)w[W_TOTAL];
}

static const struct hil_plc plc_by_hand = {
    .model =
        {.abi = HIL_MODEL_ABI, .n_x = N_WORDS, .n_u = N_U, .n_y = N_Y, .feedthrough = 1, .hash = 0x5eed, .name = "plc"},
    .abi = HIL_PLC_ABI,
    .n_words = N_WORDS,
    .max_rounds = 1000,
    .cold = plc_cold,
    .warm = plc_warm,
    .scan = plc_scan,
};

/* Slot, mode, scale, offset, smallest and largest raw value, turn, bit (wires.h). */
static const double plc_wires_in[] = {
    U_ON,    3, 1,    0,  0, 1,     0, 0, /* */
    U_LEVEL, 0, 0.01, -5, 0, 65535, 0, 0,
};
static const double plc_wires_out[] = {
    Y_LAMP,     3, 1,   0, 0, 1,     0, 0, /* */
    Y_QUOTIENT, 0, 0.5, 1, 0, 65535, 0, 0, /* */
    Y_TOTAL,    2, 1,   0, 0, 0,     0, 0,
};
enum { PLC_PARAMS = 3 + 2 * (N_U + N_Y) }; /* without a watched output */

#endif
