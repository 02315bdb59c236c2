/* noise: random numbers that depend on seed, block name and sample only, so a fork or a replay gets the same ones. */
#include "describe.h"

#define SQRT_12 3.4641016151377545871 /* a uniform number on an interval of this width has a variance of one */

static const struct hil_port outputs[] = {{"y", "white noise", 0.0}};
enum { MEAN, DEVIATION };
static const struct hil_param params[] = {
    {"mean", "mean value", 0.0, -HUGE_VAL, HUGE_VAL},
    {"deviation", "standard deviation", 1.0, 0.0, HUGE_VAL},
};
static const struct hil_config config[] = {{"distribution", "shape of the density", "normal|uniform", 1, 1, 0.0}};

static void output(const struct hil_block *b, unsigned char *s)
{
    const double *p = hil_params(b, s);
    if (p[DEVIATION] == 0.0) { /* one that is switched off costs no number */
        *hil_out(b, s, 0) = p[MEAN];
        return;
    }
    uint64_t word = hil_noise(b, s, 0);
    double unit = choice(b, 0) == 0 ? hil_normal(word) : (hil_uniform(word) - 0.5) * SQRT_12;
    *hil_out(b, s, 0) = p[MEAN] + p[DEVIATION] * unit;
}

const struct hil_block_type hil_type_noise = {
    .name = "noise",
    .doc =
        "y = mean + deviation * w with white w of unit variance: approximately normal, cut at 3.47 deviations (sum of "
        "four uniforms), or uniform within 1.73 deviations. Counter-based: hash(seed, block, sample).",
    OUTPUTS(outputs),
    PARAMS(params),
    CONFIG(config),
    .output = output,
};
