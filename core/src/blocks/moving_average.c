/* moving_average: mean of the last n samples in constant time. */
#include "describe.h"

static const struct hil_port input[] = {{"u", "input", NAN}};
static const struct hil_port outputs[] = {{"y", "mean", 0.0}};
static const struct hil_config config[] = {{"n", "length of the window in samples", NULL, 1, 1, NAN}};
/* `sum` is the sum of the window; `fresh` sums what came since the cursor was last at 0. When it gets there again,
 * `fresh` is the sum of the window as well, without the rounding errors of n subtractions: it takes over, so nothing
 * drifts. */
enum { CURSOR, FILLED, SUM, FRESH, KEPT };
static const char *const states[] = {"cursor", "filled", "sum", "fresh", "kept"};

static const char *check(const struct hil_shape *shape)
{
    double n = shape->cfg[0].data[0];
    return n >= 1.0 && n <= 1e6 && n == round_down(n) ? NULL : "n must be a whole number from 1 to 1000000";
}

static uint32_t n_state(const struct hil_shape *shape) { return KEPT + (uint32_t)shape->cfg[0].data[0]; }

static void output(const struct hil_block *b, unsigned char *s)
{
    double *m = hil_mem(b, s), u = hil_in(b, s, 0), n = setting(b, 0);
    uint32_t at = KEPT + (uint32_t)m[CURSOR];
    if (!is_usable(u))
        return;
    m[SUM] += u - m[at];
    m[FRESH] += u;
    m[at] = u;
    m[CURSOR] += 1.0;
    m[FILLED] = m[FILLED] < n ? m[FILLED] + 1.0 : n;
    if (m[CURSOR] >= n) {
        m[CURSOR] = 0.0;
        m[SUM] = m[FRESH];
        m[FRESH] = 0.0;
    }
    *hil_out(b, s, 0) = m[SUM] / m[FILLED];
}

const struct hil_block_type hil_type_moving_average = {
    .name = "moving_average",
    .doc = "y = mean of the last n samples, of fewer while there are not n. A sample that is not finite is left out: y "
           "holds.",
    INPUTS(input),
    OUTPUTS(outputs),
    CONFIG(config),
    STATES(states),
    .feedthrough = 1,
    .check = check,
    .n_state = n_state,
    .output = output,
};
