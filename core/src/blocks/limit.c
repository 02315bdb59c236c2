/* limit and dead_band: characteristics of actuators and sensors without memory. */
#include "describe.h"

static const struct hil_port input[] = {{"u", "input", NAN}};
static const struct hil_port outputs[] = {{"y", "result", 0.0}};
enum { LO, HI };

/* ---- limit ---- */

static const struct hil_param limit_params[] = {
    {"lo", "smallest output", -HUGE_VAL, -HUGE_VAL, HUGE_VAL},
    {"hi", "largest output", HUGE_VAL, -HUGE_VAL, HUGE_VAL},
};

static const char *check(const struct hil_shape *shape)
{
    return shape->params[LO] <= shape->params[HI] ? NULL : "lo must not be larger than hi";
}

static void limit_output(const struct hil_block *b, unsigned char *s)
{
    const double *p = hil_params(b, s);
    *hil_out(b, s, 0) = clamp(hil_in(b, s, 0), p[LO], p[HI]);
}

const struct hil_block_type hil_type_limit = {
    .name = "limit",
    .doc = "y = u, kept within lo and hi; NaN passes.",
    INPUTS(input),
    OUTPUTS(outputs),
    PARAMS(limit_params),
    .feedthrough = 1,
    .passes_time = 1,
    .check = check,
    .output = limit_output,
};

/* ---- dead band ---- */

static const struct hil_param dead_band_params[] = {
    {"lo", "lower end of the band", 0.0, -HUGE_VAL, HUGE_VAL},
    {"hi", "upper end of the band", 0.0, -HUGE_VAL, HUGE_VAL},
};

static void dead_band_output(const struct hil_block *b, unsigned char *s)
{
    const double *p = hil_params(b, s);
    double u = hil_in(b, s, 0);
    *hil_out(b, s, 0) = u - clamp(u, p[LO], p[HI]);
}

const struct hil_block_type hil_type_dead_band = {
    .name = "dead_band",
    .doc = "y = 0 within lo and hi, u - hi above and u - lo below: continuous at both ends.",
    INPUTS(input),
    OUTPUTS(outputs),
    PARAMS(dead_band_params),
    .feedthrough = 1,
    .check = check,
    .output = dead_band_output,
};
