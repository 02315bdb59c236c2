/* comparator: a limit switch with hysteresis. */
#include "describe.h"

static const struct hil_port inputs[] = {
    {"u", "what is compared", NAN},
    {"reference", "added to the level, for a comparison of two signals", 0.0},
};
static const struct hil_port outputs[] = {{"y", "1 when the limit is passed", 0.0}};
enum { LEVEL, HYSTERESIS };
static const struct hil_param params[] = {
    {"level", "where it switches on", 0.0, -HUGE_VAL, HUGE_VAL},
    {"hysteresis", "how far u must go back before it switches off", 0.0, 0.0, HUGE_VAL},
};
static const struct hil_config config[] = {
    {"on_when", "side of the level on which it is on", "above|below", 1, 1, 0.0}};
static const char *const states[] = {"y"};

static void output(const struct hil_block *b, unsigned char *s)
{
    const double *p = hil_params(b, s);
    double *on = hil_mem(b, s), past = hil_in(b, s, 0) - hil_in(b, s, 1) - p[LEVEL];
    if (choice(b, 0) == 1)
        past = -past;
    if (past >= 0.0)
        *on = 1.0;
    else if (past < -p[HYSTERESIS])
        *on = 0.0;
    *hil_out(b, s, 0) = *on;
}

const struct hil_block_type hil_type_comparator = {
    .name = "comparator",
    .doc = "On at u >= reference + level, off again at u < reference + level - hysteresis (with `below` mirrored): the "
           "alarm "
           "deadband of ISA-18.2. NaN changes nothing.",
    INPUTS(inputs),
    OUTPUTS(outputs),
    PARAMS(params),
    CONFIG(config),
    STATES(states),
    .feedthrough = 1,
    .output = output,
};
