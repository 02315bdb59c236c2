/* The field face `tclab`: the serial text protocol of the Temperature Control Lab, as its own sketch speaks it (version 1.4.3,
 * github.com/jckantor/TCLab-sketch), with the application's blocks where the board has its heaters and sensors.
 *
 * A line ends with \n or \r, an answer with \r\n. Commands in any case, with one number behind a space:
 *
 *   T1 T2      temperature in degC           Q1 x, Q2 x   heater power, limited to 0..100 %; answers what was set
 *   R1 R2      heater power                  P1 x, P2 x   power limit, 0..255 PWM counts; answers what was set
 *   SCAN       T1, T2, R1, R2, a line each   LED x        brightness, 0..100 %; answers what was set
 *   VER        name and version              A, X         heaters off; "Start", "Stop"
 *   all else   heaters off; answers the command in capitals. An empty line has no answer.
 *
 * As in the sketch, a number that is none, or missing, is 0, and a line is cut behind 64 characters. Other than the sketch,
 * INF and NAN are no numbers, and the heaters do go off after five minutes without a command: its description promises
 * that, its code does not do it.
 *
 * Values are found by their names: inputs whose last part is q1, q2, p1, p2, led, outputs with t1, t2. What an application
 * does not have is kept and answered all the same. */
#ifndef FW_TCLAB_FACE_H
#define FW_TCLAB_FACE_H

#include "device.h"

#define FW_TCLAB_LINE       64
#define FW_TCLAB_TIMEOUT_NS INT64_C(300000000000)

enum fw_tclab_value { FW_TCLAB_Q1, FW_TCLAB_Q2, FW_TCLAB_P1, FW_TCLAB_P2, FW_TCLAB_LED, FW_TCLAB_VALUES };

struct fw_tclab {
    char line[FW_TCLAB_LINE + 1];
    uint8_t used;
    uint8_t heard; /* a command has come since the start, or since the heaters went off by themselves */
    int16_t in[FW_TCLAB_VALUES], out[2];
    double value[FW_TCLAB_VALUES]; /* of inputs that the application has not */
    int64_t heard_ns;
    uint32_t unanswered; /* there was no room for the answer: the host sends and does not read */
};

extern const struct fw_face fw_tclab_face;

#endif
