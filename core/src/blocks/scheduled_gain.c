/* scheduled_gain: a matrix of gains that depends on where the plant is.
 *
 * K. J. Astrom, B. Wittenmark: Adaptive Control, 2nd ed., Addison-Wesley 1995, chapter 9. With one point it is a constant
 * gain, such as a state feedback u = u0 - K (x - x0). */
#include "describe.h"

#define MAX_POINTS 4096
#define MAX_GAINS  (1u << 20)

static const struct hil_port inputs[] = {{"at", "scheduling variable", 0.0}, {"u", "input vector", NAN}};
static const struct hil_port outputs[] = {{"y", "output vector", 0.0}};
enum { POINTS, GAINS, CENTRE, BIAS };
static const struct hil_config config[] = {
    {"points", "values of `at`, strictly increasing", NULL, 1, MAX_POINTS, NAN},
    {"gains", "a matrix for each point: a row for each output, a column for each input", NULL, 1, MAX_GAINS, NAN},
    {"centre", "for each point: what is subtracted from each input; none: zeros", NULL, 0, MAX_GAINS, NAN},
    {"bias", "for each point: what is added to each output; none: zeros", NULL, 0, MAX_GAINS, NAN},
};
static const char *const states[] = {"index"};

static const char *check(const struct hil_shape *shape)
{
    const struct hil_array *cfg = shape->cfg;
    uint64_t points = cfg[POINTS].n, n_u = shape->n_in - 1u, n_y = shape->n_out;
    if (!strictly_increasing(&cfg[POINTS]))
        return "points must be finite and strictly increasing";
    if (cfg[GAINS].n != points * n_u * n_y)
        return "gains needs a matrix for each point, with a row for each output and a column for each input";
    if (cfg[CENTRE].n && cfg[CENTRE].n != points * n_u)
        return "centre needs an element for each point and input";
    if (cfg[BIAS].n && cfg[BIAS].n != points * n_y)
        return "bias needs an element for each point and output";
    for (int i = GAINS; i <= BIAS; i++)
        if (!all_finite(&cfg[i]))
            return "gains, centre and bias must be finite";
    return NULL;
}

/* Where `at` lies: an interval and the part of it that is behind. */
struct where {
    uint32_t first, next;
    double part;
};

static struct where locate(const struct hil_array *points, double *index, double at)
{
    uint32_t last = points->n - 1;
    const double *x = points->data;
    if (at <= x[0])
        return (struct where){0, 0, 0.0};
    if (at >= x[last])
        return (struct where){last, last, 0.0};
    uint32_t i = interval(x, points->n, at, (uint32_t)*index);
    *index = i;
    return (struct where){i, i + 1, (at - x[i]) / (x[i + 1] - x[i])};
}

/* Element k of `n` that belong to a point, between two points; 0 when there are none. */
static double between(const struct hil_array *a, const struct where *w, uint32_t n, uint32_t k)
{
    if (a->n == 0)
        return 0.0;
    return (1.0 - w->part) * a->data[w->first * n + k] + w->part * a->data[w->next * n + k];
}

static void output(const struct hil_block *b, unsigned char *s)
{
    double at = hil_in(b, s, 0);
    uint32_t n_u = b->n_in - 1u, n_y = b->n_out;
    struct where w = {0, 0, at}; /* NaN passes */
    if (!isnan(at))
        w = locate(&b->cfg[POINTS], hil_mem(b, s), at);
    for (uint32_t i = 0; i < n_y; i++) {
        double y = between(&b->cfg[BIAS], &w, n_y, i);
        for (uint32_t j = 0; j < n_u; j++)
            y += between(&b->cfg[GAINS], &w, n_u * n_y, i * n_u + j) *
                 (hil_in(b, s, 1 + j) - between(&b->cfg[CENTRE], &w, n_u, j));
        *hil_out(b, s, i) = y;
    }
}

const struct hil_block_type hil_type_scheduled_gain = {
    .name = "scheduled_gain",
    .doc = "y = bias(at) + K(at) (u - centre(at)), all three on straight lines between their points, the end values "
           "outside. With one point a constant matrix. NaN passes.",
    INPUTS(inputs),
    OUTPUTS(outputs),
    CONFIG(config),
    STATES(states),
    .variadic = 1,
    .variadic_out = 1,
    .feedthrough = 1,
    .check = check,
    .output = output,
};
