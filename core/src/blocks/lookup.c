/* lookup_1d and lookup_2d: characteristics given by points, with straight lines between them. */
#include "describe.h"

static const struct hil_port outputs[] = {{"y", "interpolated value", 0.0}};

#define MAX_POINTS (1u << 20)

/* ---- one dimension ---- */

static const struct hil_port inputs_1d[] = {{"u", "where to look", NAN}};
enum { X, Y };
static const struct hil_config config_1d[] = {
    {"x", "points, strictly increasing", NULL, 2, MAX_POINTS, NAN},
    {"y", "values at the points", NULL, 2, MAX_POINTS, NAN},
};
enum { INDEX, SLOPE };
static const char *const states_1d[] = {"index", "slope"};

static const char *check_1d(const struct hil_shape *shape)
{
    const struct hil_array *cfg = shape->cfg;
    if (cfg[X].n != cfg[Y].n)
        return "x and y need the same number of elements";
    if (!strictly_increasing(&cfg[X]))
        return "x must be finite and strictly increasing";
    return all_finite(&cfg[Y]) ? NULL : "y must be finite";
}

static void enter(const struct hil_block *b, double *m, uint32_t i)
{
    const double *x = b->cfg[X].data, *y = b->cfg[Y].data;
    m[INDEX] = i;
    m[SLOPE] = (y[i + 1] - y[i]) / (x[i + 1] - x[i]);
}

static void reset_1d(const struct hil_block *b, unsigned char *s) { enter(b, hil_mem(b, s), 0); }

static void output_1d(const struct hil_block *b, unsigned char *s)
{
    const double *x = b->cfg[X].data, *y = b->cfg[Y].data;
    double *m = hil_mem(b, s), *out = hil_out(b, s, 0), u = hil_in(b, s, 0);
    uint32_t n = b->cfg[X].n;
    if (isnan(u)) {
        *out = u;
    } else if (u <= x[0]) {
        *out = y[0];
    } else if (u >= x[n - 1]) {
        *out = y[n - 1];
    } else {
        uint32_t i = interval(x, n, u, (uint32_t)m[INDEX]);
        if (i != (uint32_t)m[INDEX])
            enter(b, m, i);
        *out = y[i] + m[SLOPE] * (u - x[i]);
    }
}

const struct hil_block_type hil_type_lookup_1d = {
    .name = "lookup_1d",
    .doc = "Piecewise linear through the points (x[i], y[i]), the end values outside. NaN passes.",
    INPUTS(inputs_1d),
    OUTPUTS(outputs),
    CONFIG(config_1d),
    STATES(states_1d),
    .feedthrough = 1,
    .passes_time = 1,
    .check = check_1d,
    .reset = reset_1d,
    .output = output_1d,
};

/* ---- two dimensions ---- */

static const struct hil_port inputs_2d[] = {{"u1", "where to look along x1", NAN},
                                            {"u2", "where to look along x2", NAN}};
enum { X1, X2, TABLE };
static const struct hil_config config_2d[] = {
    {"x1", "points of the rows, strictly increasing", NULL, 2, MAX_POINTS, NAN},
    {"x2", "points of the columns, strictly increasing", NULL, 2, MAX_POINTS, NAN},
    {"table", "values, row after row: one row for each x1, one column for each x2", NULL, 4, MAX_POINTS, NAN},
};
enum { ROW, PER_ROW, COLUMN, PER_COLUMN }; /* an index, then one over the width of that interval */
static const char *const states_2d[] = {"row", "per_row", "column", "per_column"};

static const char *check_2d(const struct hil_shape *shape)
{
    const struct hil_array *cfg = shape->cfg;
    if (!strictly_increasing(&cfg[X1]) || !strictly_increasing(&cfg[X2]))
        return "x1 and x2 must be finite and strictly increasing";
    if ((uint64_t)cfg[X1].n * cfg[X2].n != cfg[TABLE].n)
        return "table needs an element for each pair of x1 and x2";
    return all_finite(&cfg[TABLE]) ? NULL : "table must be finite";
}

static void reset_2d(const struct hil_block *b, unsigned char *s)
{
    double *m = hil_mem(b, s);
    for (int axis = 0; axis < 2; axis++)
        m[2 * axis + 1] = 1.0 / (b->cfg[axis].data[1] - b->cfg[axis].data[0]);
}

/* Place of u on an axis: sets the interval's number and gives the part of it that lies before u, in [0, 1]. */
static double locate(const struct hil_array *axis, double *m, double u)
{
    const double *x = axis->data;
    u = clamp(u, x[0], x[axis->n - 1]);
    uint32_t i = interval(x, axis->n, u, (uint32_t)m[0]);
    if (i != (uint32_t)m[0]) {
        m[0] = i;
        m[1] = 1.0 / (x[i + 1] - x[i]);
    }
    return u >= x[i + 1] ? 1.0 : (u - x[i]) * m[1];
}

static void output_2d(const struct hil_block *b, unsigned char *s)
{
    double *m = hil_mem(b, s), *out = hil_out(b, s, 0), u1 = hil_in(b, s, 0), u2 = hil_in(b, s, 1);
    if (isnan(u1) || isnan(u2)) {
        *out = NAN;
        return;
    }
    double down = locate(&b->cfg[X1], m + ROW, u1), right = locate(&b->cfg[X2], m + COLUMN, u2);
    uint32_t columns = b->cfg[X2].n;
    const double *upper = b->cfg[TABLE].data + (uint32_t)m[ROW] * columns + (uint32_t)m[COLUMN],
                 *lower = upper + columns;
    double above = (1.0 - right) * upper[0] + right * upper[1];
    double below = (1.0 - right) * lower[0] + right * lower[1];
    *out = (1.0 - down) * above + down * below;
}

const struct hil_block_type hil_type_lookup_2d = {
    .name = "lookup_2d",
    .doc = "Bilinear between the four neighbours in the table, the edge values outside. NaN passes.",
    INPUTS(inputs_2d),
    OUTPUTS(outputs),
    CONFIG(config_2d),
    STATES(states_2d),
    .feedthrough = 1,
    .check = check_2d,
    .reset = reset_2d,
    .output = output_2d,
};
