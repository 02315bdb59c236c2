/* sine and chirp. Phases are counted in turns and reduced before they meet the sine, so hour-long runs stay exact. */
#include "describe.h"
#include "hil/math.h"

#define RADIANS_PER_TURN 6.283185307179586477

static const struct hil_port outputs[] = {{"y", "the oscillation", 0.0}};

static double sine_of_turns(double turns, double phase_rad)
{
    return hil_sin(RADIANS_PER_TURN * (turns - round_down(turns)) + phase_rad);
}

/* ---- sine ---- */

enum { OFFSET, AMPLITUDE, FREQUENCY_HZ, PHASE_RAD, START_S };
static const struct hil_param sine_params[] = {
    {"offset", "mean value, and the value before the start", 0.0, -HUGE_VAL, HUGE_VAL},
    {"amplitude", "half of the span", 1.0, -HUGE_VAL, HUGE_VAL},
    {"frequency_hz", "frequency in Hz", 1.0, 0.0, HUGE_VAL},
    {"phase_rad", "phase at the start in rad", 0.0, -HUGE_VAL, HUGE_VAL},
    {"start_s", "time at which it begins in s", 0.0, -HUGE_VAL, HUGE_VAL},
};

static void sine_output(const struct hil_block *b, unsigned char *s)
{
    const double *p = hil_params(b, s);
    double t = since_s(b, s, p[START_S]), y = p[OFFSET];
    if (t >= 0.0 && p[AMPLITUDE] != 0.0) /* one that is switched off costs no sine */
        y += p[AMPLITUDE] * sine_of_turns(p[FREQUENCY_HZ] * t, p[PHASE_RAD]);
    *hil_out(b, s, 0) = y;
}

const struct hil_block_type hil_type_sine = {
    .name = "sine",
    .doc = "y = offset + amplitude * sin(2 pi frequency_hz (t - start_s) + phase_rad) from start_s on, offset before.",
    OUTPUTS(outputs),
    PARAMS(sine_params),
    .output = sine_output,
};

/* ---- chirp ---- */

enum { C_OFFSET, C_AMPLITUDE, FROM_HZ, TO_HZ, DURATION_S, C_START_S };
static const struct hil_param chirp_params[] = {
    {"offset", "mean value, and the value before the start", 0.0, -HUGE_VAL, HUGE_VAL},
    {"amplitude", "half of the span", 1.0, -HUGE_VAL, HUGE_VAL},
    {"from_hz", "frequency at the start in Hz", 0.1, 1e-9, HUGE_VAL},
    {"to_hz", "frequency at the end in Hz", 10.0, 1e-9, HUGE_VAL},
    {"duration_s", "length of the sweep in s; then it stays at to_hz", 10.0, 1e-9, HUGE_VAL},
    {"start_s", "time at which it begins in s", 0.0, -HUGE_VAL, HUGE_VAL},
};
static const struct hil_config chirp_config[] = {
    {"law", "how the frequency rises: in proportion to time, or by the same factor in equal times",
     "linear|logarithmic", 1, 1, 0.0},
};

/* Integral of the frequency from 0 to t <= T, in turns. */
static double swept_turns(const double *p, double t, int logarithmic)
{
    double f0 = p[FROM_HZ], f1 = p[TO_HZ], duration = p[DURATION_S];
    if (!logarithmic || f0 == f1)
        return (f0 + (f1 - f0) * 0.5 * t / duration) * t;
    double rate = hil_log(f1 / f0) / duration;
    return f0 / rate * hil_expm1(rate * t);
}

static void chirp_output(const struct hil_block *b, unsigned char *s)
{
    const double *p = hil_params(b, s);
    double t = since_s(b, s, p[C_START_S]), y = p[C_OFFSET];
    if (t >= 0.0) {
        double swept = t < p[DURATION_S] ? t : p[DURATION_S];
        double turns = swept_turns(p, swept, choice(b, 0)) + p[TO_HZ] * (t - swept);
        y += p[C_AMPLITUDE] * sine_of_turns(turns, 0.0);
    }
    *hil_out(b, s, 0) = y;
}

const struct hil_block_type hil_type_chirp = {
    .name = "chirp",
    .doc =
        "Sine whose frequency sweeps from from_hz to to_hz within duration_s and then stays; the phase is the integral "
        "of the frequency, so there is no jump. Farina, AES 108 (2000), for the logarithmic law.",
    OUTPUTS(outputs),
    PARAMS(chirp_params),
    CONFIG(chirp_config),
    .output = chirp_output,
};
