/* step and ramp: test signals that begin once. */
#include "describe.h"

static const struct hil_port outputs[] = {{"y", "the test signal", 0.0}};

/* ---- step ---- */

enum { BEFORE, AFTER, STEP_START_S };
static const struct hil_param step_params[] = {
    {"before", "value before the step", 0.0, -HUGE_VAL, HUGE_VAL},
    {"after", "value from the step on", 1.0, -HUGE_VAL, HUGE_VAL},
    {"start_s", "time of the step in s", 0.0, -HUGE_VAL, HUGE_VAL},
};

static void step_output(const struct hil_block *b, unsigned char *s)
{
    const double *p = hil_params(b, s);
    *hil_out(b, s, 0) = since_s(b, s, p[STEP_START_S]) >= 0.0 ? p[AFTER] : p[BEFORE];
}

const struct hil_block_type hil_type_step = {
    .name = "step",
    .doc = "y = before for t < start_s, after from then on; t is the time of the block's own task.",
    OUTPUTS(outputs),
    PARAMS(step_params),
    .output = step_output,
};

/* ---- ramp ---- */

enum { OFFSET, SLOPE_PER_S, RAMP_START_S, DURATION_S };
static const struct hil_param ramp_params[] = {
    {"offset", "value before the ramp", 0.0, -HUGE_VAL, HUGE_VAL},
    {"slope_per_s", "change in a second", 1.0, -HUGE_VAL, HUGE_VAL},
    {"start_s", "time at which the ramp begins in s", 0.0, -HUGE_VAL, HUGE_VAL},
    {"duration_s", "how long it rises in s; then it holds", HUGE_VAL, 0.0, HUGE_VAL},
};

static void ramp_output(const struct hil_block *b, unsigned char *s)
{
    const double *p = hil_params(b, s);
    *hil_out(b, s, 0) = p[OFFSET] + p[SLOPE_PER_S] * clamp(since_s(b, s, p[RAMP_START_S]), 0.0, p[DURATION_S]);
}

const struct hil_block_type hil_type_ramp = {
    .name = "ramp",
    .doc = "y = offset + slope_per_s * (t - start_s), with t - start_s kept within 0 and duration_s.",
    OUTPUTS(outputs),
    PARAMS(ramp_params),
    .output = ramp_output,
};
