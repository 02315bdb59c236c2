/* square and pulse: test signals with edges. An edge falls on the first sample at or after its instant. */
#include "describe.h"

/* ---- square ---- */

static const struct hil_port square_outputs[] = {{"y", "the wave", 0.0}};
enum { OFFSET, AMPLITUDE, FREQUENCY_HZ, DUTY, START_S };
static const struct hil_param square_params[] = {
    {"offset", "middle of the two levels, and the value before the start", 0.0, -HUGE_VAL, HUGE_VAL},
    {"amplitude", "half of the span", 1.0, -HUGE_VAL, HUGE_VAL},
    {"frequency_hz", "frequency in Hz", 1.0, 0.0, HUGE_VAL},
    {"duty", "part of the period with the upper level", 0.5, 0.0, 1.0},
    {"start_s", "time of the first rising edge in s", 0.0, -HUGE_VAL, HUGE_VAL},
};

static void square_output(const struct hil_block *b, unsigned char *s)
{
    const double *p = hil_params(b, s);
    double t = since_s(b, s, p[START_S]), y = p[OFFSET];
    if (t >= 0.0) {
        double turns = p[FREQUENCY_HZ] * (t + SAME_SAMPLE * b->dt_s);
        y += turns - round_down(turns) < p[DUTY] ? p[AMPLITUDE] : -p[AMPLITUDE];
    }
    *hil_out(b, s, 0) = y;
}

const struct hil_block_type hil_type_square = {
    .name = "square",
    .doc =
        "y = offset + amplitude for the first `duty` part of each period from start_s on, offset - amplitude for the "
        "rest; offset before.",
    OUTPUTS(square_outputs),
    PARAMS(square_params),
    .output = square_output,
};

/* ---- pulse ---- */

static const struct hil_port pulse_outputs[] = {{"y", "the pulse", 0.0}};
enum { LOW, HIGH, PULSE_START_S, WIDTH_S, PERIOD_S };
static const struct hil_param pulse_params[] = {
    {"low", "value outside the pulse", 0.0, -HUGE_VAL, HUGE_VAL},
    {"high", "value during the pulse", 1.0, -HUGE_VAL, HUGE_VAL},
    {"start_s", "time of the first rising edge in s", 0.0, -HUGE_VAL, HUGE_VAL},
    {"width_s", "length of the pulse in s", 1.0, 0.0, HUGE_VAL},
    {"period_s", "time from one rising edge to the next in s; 0: a single pulse", 0.0, 0.0, HUGE_VAL},
};

static void pulse_output(const struct hil_block *b, unsigned char *s)
{
    const double *p = hil_params(b, s);
    double t = since_s(b, s, p[PULSE_START_S]), period = p[PERIOD_S];
    int on = 0;
    if (t >= 0.0) {
        t += SAME_SAMPLE * b->dt_s;
        if (period > 0.0)
            t -= period * round_down(t / period);
        on = t < p[WIDTH_S];
    }
    *hil_out(b, s, 0) = on ? p[HIGH] : p[LOW];
}

const struct hil_block_type hil_type_pulse = {
    .name = "pulse",
    .doc = "y = high for width_s from start_s on and, with period_s > 0, again after every period_s; low else.",
    OUTPUTS(pulse_outputs),
    PARAMS(pulse_params),
    .output = pulse_output,
};
