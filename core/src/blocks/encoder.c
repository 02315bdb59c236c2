/* encoder, mt_speed: an incremental encoder with its counter and capture timer, and the speed that a controller makes of
 * them.
 *
 * Counter and timer have 32 bits, as in a microcontroller: the count is signed, the timer is not, both wrap, and only
 * differences modulo 2^32 mean anything. Both travel as doubles, which hold them exactly.
 *
 * The M/T method: T. Ohmae, T. Matsuda, K. Kamiyama, M. Tachikawa: A Microprocessor-Controlled High-Accuracy Wide-Range
 * Speed Regulator for Motor Drives, IEEE Trans. Industrial Electronics IE-29 (1982), pages 207 to 211. Counting alone
 * (M) is coarse at low speed, timing one pulse alone (T) at high speed; counts between two edges over the time between
 * the same two edges is limited by the timer only. */
#include "describe.h"

#define TWO_PI 6.283185307179586
#define WRAP   0x1p32

/* -2^31 .. 2^31 - 1 for a whole n, and 0 .. 2^32 - 1. */
static double wrap_signed(double n) { return n - WRAP * round_down((n + WRAP / 2) / WRAP); }
static double wrap_unsigned(double n) { return n - WRAP * round_down(n / WRAP); }

enum { COUNTS_PER_REV, TIMER_HZ };
static const struct hil_config config[] = {
    {"counts_per_rev", "counts of one revolution: four times the lines of a quadrature encoder", NULL, 1, 1, 4000.0},
    {"timer_hz", "frequency of the capture timer", NULL, 1, 1, 84e6},
};

static const char *check(const struct hil_shape *shape)
{
    for (int i = 0; i < 2; i++) {
        double v = shape->cfg[i].data[0];
        if (!(v > 0.0 && v <= 1e12))
            return "counts_per_rev and timer_hz must be larger than 0";
    }
    return NULL;
}

/* ---- encoder ---- */

static const struct hil_port encoder_inputs[] = {{"angle", "angle of the shaft in rad, not wrapped", NAN}};
enum { COUNT_OUT, EDGE_OUT };
static const struct hil_port encoder_outputs[] = {
    {"count", "the counter, -2^31 .. 2^31 - 1", 0.0},
    {"edge", "what the timer showed at the last edge, 0 .. 2^32 - 1", 0.0},
};
static const struct hil_param encoder_params[] = {
    {"offset", "count at angle 0; a change in mid-run is a counter that has slipped", 0.0, -0x1p31, 0x1p31 - 1},
};
enum { POSITION, AT, CAPTURE, STARTED };
static const char *const encoder_states[] = {"position", "at_sample", "edge", "started"};

/* The last edge between two positions (in counts), as part of the way from the first to the second. */
static double last_edge(double before, double now)
{
    double edge = now > before ? round_down(now) : round_down(now) + 1.0;
    return clamp((edge - before) / (now - before), 0.0, 1.0);
}

/* The shaft is taken to turn at constant speed between two samples. */
static void capture(const struct hil_block *b, double *m, double position, double sample)
{
    double part = last_edge(m[POSITION], position), at = m[AT] + part * (sample - m[AT]);
    m[CAPTURE] = wrap_unsigned(round_down(at * (b->dt_s * setting(b, TIMER_HZ))));
}

static void encoder_output(const struct hil_block *b, unsigned char *s)
{
    double *m = hil_mem(b, s), angle = hil_in(b, s, 0), sample = (double)(int64_t)hil_sample(b, s);
    if (!is_usable(angle))
        return;
    double position = angle * (setting(b, COUNTS_PER_REV) / TWO_PI), whole = round_down(position);
    if (is_true(m[STARTED]) && whole != round_down(m[POSITION]))
        capture(b, m, position, sample);
    m[POSITION] = settle(position);
    m[AT] = sample;
    m[STARTED] = 1.0;
    *hil_out(b, s, COUNT_OUT) = wrap_signed(whole + round_even(hil_params(b, s)[0]));
    *hil_out(b, s, EDGE_OUT) = m[CAPTURE];
}

const struct hil_block_type hil_type_encoder = {
    .name = "encoder",
    .doc =
        "count = floor(angle counts_per_rev / 2 pi) + offset, wrapped to 32 bits; edge = the timer, which is 0 at the "
        "first sample and wraps at 2^32, at the instant of the last edge, interpolated between two samples. A sample "
        "that is not finite is left out.",
    INPUTS(encoder_inputs),
    OUTPUTS(encoder_outputs),
    PARAMS(encoder_params),
    CONFIG(config),
    STATES(encoder_states),
    .feedthrough = 1,
    .check = check,
    .output = encoder_output,
};

/* ---- mt_speed ---- */

enum { COUNT_IN, EDGE_IN };
static const struct hil_port speed_inputs[] = {
    {"count", "the encoder's counter", NAN},
    {"edge", "the timer's value at the last edge", NAN},
};
static const struct hil_port speed_outputs[] = {{"speed", "speed of the shaft in rad/s", 0.0}};
static const struct hil_param speed_params[] = {
    {"timeout_s", "without an edge for so long the shaft stands", 0.1, 0.0, HUGE_VAL},
    {"late_samples", "so many samples may bring no edge because a line delivers it late", 0.0, 0.0, 1e6},
};
/* BACKWARD: the direction in which the last edge was crossed. AGE: samples since the one that brought it. */
enum { COUNT, EDGE, SPEED, BACKWARD, AGE, KNOWN };
static const char *const speed_states[] = {"count", "edge", "speed", "backward", "age_samples", "known"};

static double rad_per_count(const struct hil_block *b) { return TWO_PI / setting(b, COUNTS_PER_REV); }

/* Between count n - 1 and n there is one edge, whichever way it is crossed: forward it is the lower end of n, backward
 * the upper end of n - 1. After a reversal, the two edges are therefore one count closer than the counts say. */
static double speed_between(const struct hil_block *b, const double *m, double counts, double ticks, double backward)
{
    double per_sample = b->dt_s * setting(b, TIMER_HZ);
    if (ticks >= 1.0 && m[AGE] * per_sample < WRAP / 2)
        return (counts + backward - m[BACKWARD]) * rad_per_count(b) * setting(b, TIMER_HZ) / ticks;
    return counts * rad_per_count(b) / (m[AGE] * b->dt_s); /* no time to be had from the timer: plain counting */
}

static void take_edge(const struct hil_block *b, double *m, double count, double edge)
{
    double counts = wrap_signed(count - m[COUNT]), ticks = wrap_unsigned(edge - m[EDGE]);
    double backward = counts == 0.0 ? m[BACKWARD] : from_flag(counts < 0.0);
    m[SPEED] = is_true(m[KNOWN]) ? speed_between(b, m, counts, ticks, backward) : 0.0;
    m[COUNT] = count;
    m[EDGE] = edge;
    m[BACKWARD] = backward;
    m[AGE] = 0.0;
    m[KNOWN] = 1.0;
}

/* At most one count since the last edge. Its age is counted in samples, so that the timer's present value need not be
 * known; it is a sample too young at most, so a steady speed is never lowered. What may only be late is no standstill. */
static void without_edge(const struct hil_block *b, double *m, double timeout_s, double late)
{
    double age = m[AGE] - late, most = rad_per_count(b) / (age * b->dt_s);
    if (m[AGE] * b->dt_s >= timeout_s)
        m[SPEED] = 0.0;
    else if (age > 0.0)
        m[SPEED] = clamp(m[SPEED], -most, most);
}

static void speed_output(const struct hil_block *b, unsigned char *s)
{
    double *m = hil_mem(b, s), count = hil_in(b, s, COUNT_IN), edge = hil_in(b, s, EDGE_IN);
    m[AGE] += 1.0;
    if (is_usable(count) && is_usable(edge) && (count != m[COUNT] || edge != m[EDGE] || !is_true(m[KNOWN])))
        take_edge(b, m, count, edge);
    else
        without_edge(b, m, hil_params(b, s)[0], hil_params(b, s)[1]);
    *hil_out(b, s, 0) = m[SPEED];
}

const struct hil_block_type hil_type_mt_speed = {
    .name = "mt_speed",
    .doc = "M/T method (Ohmae 1982): speed = 2 pi / counts_per_rev * (counts between the last edges of two samples) / "
           "(time "
           "between these edges, by the timer). Without a new edge the size is at most one count over the edge's age, "
           "late_samples aside, and 0 "
           "from timeout_s on. An input that is not finite counts as no new edge.",
    INPUTS(speed_inputs),
    OUTPUTS(speed_outputs),
    PARAMS(speed_params),
    CONFIG(config),
    STATES(speed_states),
    .feedthrough = 1,
    .check = check,
    .output = speed_output,
};
