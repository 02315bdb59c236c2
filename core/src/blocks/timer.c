/* on_delay and off_delay: the timers TON and TOF of IEC 61131-3. Time is a number of samples, so it is exact. */
#include "describe.h"

static const struct hil_port input[] = {{"u", "boolean", NAN}};
enum { Q, ELAPSED_S };
static const struct hil_port outputs[] = {
    {"q", "delayed boolean", 0.0},
    {"elapsed_s", "time since the edge in s, at most delay_s", 0.0},
};
static const struct hil_param params[] = {{"delay_s", "delay in s", 1.0, 0.0, HUGE_VAL}};
#define LARGEST_COUNT 0x1p53

static int is_over(const struct hil_block *b, double elapsed_s, double delay_s)
{
    return elapsed_s + SAME_SAMPLE * b->dt_s >= delay_s;
}

/* ---- on delay ---- */

static const char *const on_states[] = {"samples"}; /* since the input is true, the first one counted */

static void on_output(const struct hil_block *b, unsigned char *s)
{
    double *samples = hil_mem(b, s), delay_s = hil_params(b, s)[0];
    int on = is_true(hil_in(b, s, 0));
    *samples = on ? clamp(*samples + 1.0, 1.0, LARGEST_COUNT) : 0.0;
    double elapsed_s = on ? (*samples - 1.0) * b->dt_s : 0.0;
    *hil_out(b, s, Q) = from_flag(on && is_over(b, elapsed_s, delay_s));
    *hil_out(b, s, ELAPSED_S) = clamp(elapsed_s, 0.0, delay_s);
}

const struct hil_block_type hil_type_on_delay = {
    .name = "on_delay",
    .doc = "q becomes true when u has been true for delay_s, false at once (TON of IEC 61131-3). NaN counts as false.",
    INPUTS(input),
    OUTPUTS(outputs),
    PARAMS(params),
    STATES(on_states),
    .feedthrough = 1,
    .output = on_output,
};

/* ---- off delay ---- */

enum { ON, SAMPLES };
static const char *const off_states[] = {"q", "samples"}; /* samples since the input is false, while q is true */

static void off_output(const struct hil_block *b, unsigned char *s)
{
    double *m = hil_mem(b, s), delay_s = hil_params(b, s)[0], elapsed_s = 0.0;
    if (is_true(hil_in(b, s, 0))) {
        m[ON] = 1.0;
        m[SAMPLES] = 0.0;
    } else if (is_true(m[ON])) {
        elapsed_s = m[SAMPLES] * b->dt_s;
        m[SAMPLES] += 1.0;
        m[ON] = from_flag(!is_over(b, elapsed_s, delay_s));
    } else {
        elapsed_s = m[SAMPLES] > 0.0 ? delay_s : 0.0;
    }
    *hil_out(b, s, Q) = m[ON];
    *hil_out(b, s, ELAPSED_S) = clamp(elapsed_s, 0.0, delay_s);
}

const struct hil_block_type hil_type_off_delay = {
    .name = "off_delay",
    .doc = "q becomes true at once, false when u has been false for delay_s (TOF of IEC 61131-3). NaN counts as false.",
    INPUTS(input),
    OUTPUTS(outputs),
    PARAMS(params),
    STATES(off_states),
    .feedthrough = 1,
    .output = off_output,
};
