/* quantise: the steps of a converter. */
#include "describe.h"

static const struct hil_port input[] = {{"u", "input", NAN}};
static const struct hil_port outputs[] = {{"y", "nearest step", 0.0}};
enum { INTERVAL, OFFSET };
static const struct hil_param params[] = {
    {"interval", "distance of two steps", 1.0, 1e-300, 1e300},
    {"offset", "value of one of the steps", 0.0, -1e300, 1e300},
};
enum { PER_INTERVAL, FOR_INTERVAL };
static const char *const states[] = {"per_interval", "for_interval"};

static void output(const struct hil_block *b, unsigned char *s)
{
    const double *p = hil_params(b, s);
    double *m = hil_mem(b, s);
    if (m[FOR_INTERVAL] != p[INTERVAL]) {
        m[FOR_INTERVAL] = p[INTERVAL];
        m[PER_INTERVAL] = 1.0 / p[INTERVAL];
    }
    *hil_out(b, s, 0) = p[OFFSET] + p[INTERVAL] * round_even((hil_in(b, s, 0) - p[OFFSET]) * m[PER_INTERVAL]);
}

const struct hil_block_type hil_type_quantise = {
    .name = "quantise",
    .doc = "y = offset + interval * round((u - offset) / interval), ties to even. NaN passes.",
    INPUTS(input),
    OUTPUTS(outputs),
    PARAMS(params),
    STATES(states),
    .feedthrough = 1,
    .passes_time = 1,
    .output = output,
};
