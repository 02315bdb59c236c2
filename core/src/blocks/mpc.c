/* mpc: linear model predictive control, condensed at design time (hil/design/mpc.py) and solved exactly at every sample.
 *
 * From D. Mayne, J. Rawlings, C. Rao, P. Scokaert, "Constrained model predictive control", Automatica 36 (2000), and
 * A. Bemporad, M. Morari, V. Dua, E. Pistikopoulos, "The explicit linear quadratic regulator", Automatica 38 (2002),
 * section 3. theta holds what the plan depends on: the state estimate, then references and disturbances, then the
 * previous input. The rows of the quadratic program (active_set.h), each divided by its scale, are in this order:
 *
 *   inputs    u(0), u(1) .. u(horizon-1)                 the plan itself
 *   changes   u(1)-u(0), u(2)-u(1) ..                    with `rate` only; the first change narrows the bounds of u(0)
 *   outputs   those with soft bounds                     slack = soft * multiplier
 *
 *   v0 = map theta + offset,   v = v0 - gram lambda
 *
 * u(0) leaves the block within u_lo, u_hi and `rate` of the input before, whatever happens. Without an optimum (status
 * 1: iterations used up; 2: no plan within the bounds; 3: an element of theta not finite) it is the next input of the
 * last plan, within those bounds. */
#include "describe.h"

#include <string.h>

#include "../active_set.h"

#define MAX_THETA   64
#define MAX_U       16
#define MAX_ROWS    512
#define LARGEST_ROW 1e60

static const struct hil_port inputs[] = {
    {"theta", "state estimate, references, disturbances, and with previous = measured the inputs applied last", NAN}};
enum { STATUS, ITERATIONS, SLACK, U };
static const struct hil_port outputs[] = {
    {"status", "0 optimal, 1 iterations used up, 2 infeasible, 3 theta not finite", 0.0},
    {"iterations", "of the solver", 0.0},
    {"slack", "largest violation of a soft bound in the plan; -1: not known", 0.0},
    {"u", "inputs of the plant", 0.0},
};
enum { HORIZON, LIMIT, PREVIOUS, MAP, OFFSET, GRAM, LO, HI, SCALE, U_LO, U_HI, RATE, SOFT, START };
static const struct hil_config config[] = {
    {"horizon", "samples that are planned", NULL, 1, 1, NAN},
    {"max_iterations", "of the solver in a sample", NULL, 1, 1, 50.0},
    {"previous", "own: the input before is what this block gave; measured: the last elements of theta", "own|measured",
     1, 1, 0.0},
    {"map", "rows x elements of theta, column after column", NULL, 1, MAX_ROWS *MAX_THETA, NAN},
    {"offset", "of each row", NULL, 1, MAX_ROWS, NAN},
    {"gram", "rows x rows, symmetric, ones on its diagonal", NULL, 1, MAX_ROWS *MAX_ROWS, NAN},
    {"lo", "lower bound of each row", NULL, 1, MAX_ROWS, NAN},
    {"hi", "upper bound of each row", NULL, 1, MAX_ROWS, NAN},
    {"scale", "what one stands for in each row, in its own unit", NULL, 1, MAX_ROWS, NAN},
    {"u_lo", "smallest inputs", NULL, 1, MAX_U, NAN},
    {"u_hi", "largest inputs", NULL, 1, MAX_U, NAN},
    {"rate", "largest changes of the inputs in a sample; none: no limit", NULL, 0, MAX_U, NAN},
    {"soft", "slack for a multiplier of one, for each output row", NULL, 0, MAX_ROWS, NAN},
    {"start", "inputs before the first sample; none: zeros, within their bounds", NULL, 0, MAX_U, NAN},
};
static const char *const states[] = {"active", "patched", "solver"};

/* ---- sizes ---- */

struct sizes {
    uint32_t u, plan, rows, soft, most;
};

static struct sizes sizes_of(const struct hil_array *cfg, uint32_t n_out)
{
    struct sizes n = {.u = n_out - U, .rows = cfg[LO].n, .soft = cfg[SOFT].n};
    n.plan = n.u * (uint32_t)cfg[HORIZON].data[0];
    n.most = n.plan + n.soft + 1 < n.rows ? n.plan + n.soft + 1 : n.rows;
    return n;
}

static uint32_t n_state(const struct hil_shape *shape)
{
    struct sizes n = sizes_of(shape->cfg, shape->n_out);
    return hil_active_size(n.rows, n.most) + 3 * n.rows + n.plan + n.u;
}

static int is_count(double v, double most) { return v >= 1.0 && v <= most && v == round_down(v); }

static int bounds_hold(const struct hil_array *lo, const struct hil_array *hi)
{
    for (uint32_t i = 0; i < lo->n; i++)
        if (!(lo->data[i] <= hi->data[i]))
            return 0;
    return 1;
}

static int all_positive(const struct hil_array *a)
{
    for (uint32_t i = 0; i < a->n; i++)
        if (!(a->data[i] > 0.0))
            return 0;
    return 1;
}

static int diagonal_is_one(const struct hil_array *gram, uint32_t rows)
{
    for (uint32_t i = 0; i < rows; i++)
        if (!(fabs(gram->data[(size_t)i * rows + i] - 1.0) < 1e-9))
            return 0;
    return 1;
}

static const char *check_sizes(const struct hil_shape *shape, const struct sizes *n)
{
    const struct hil_array *cfg = shape->cfg;
    uint32_t theta = n->rows ? cfg[MAP].n / n->rows : 0;
    int own = cfg[PREVIOUS].data[0] == 0.0 && theta == shape->n_in + n->u;
    if (n->rows != n->plan + (cfg[RATE].n ? n->plan - n->u : 0) + n->soft)
        return "lo needs a row for each planned input, each change where there is a rate, and each soft output";
    if (cfg[HI].n != n->rows || cfg[OFFSET].n != n->rows || cfg[SCALE].n != n->rows || cfg[GRAM].n != n->rows * n->rows)
        return "hi, offset and scale need as many elements as lo, gram as many rows and columns";
    if (cfg[MAP].n != n->rows * theta || (theta != shape->n_in && !own) || theta > MAX_THETA)
        return "map needs a column for each element of theta, at most 64; with previous = own also for the inputs "
               "before";
    if (cfg[U_LO].n != n->u || cfg[U_HI].n != n->u || (cfg[RATE].n && cfg[RATE].n != n->u) ||
        (cfg[START].n && cfg[START].n != n->u))
        return "u_lo, u_hi, rate and start need an element for each input";
    return cfg[PREVIOUS].data[0] != 0.0 && shape->n_in < n->u ? "theta must end with the inputs before" : NULL;
}

static const char *check(const struct hil_shape *shape)
{
    const struct hil_array *cfg = shape->cfg;
    if (shape->n_out <= U || shape->n_out - U > MAX_U)
        return "u must be 1 to 16 inputs of the plant";
    if (!is_count(cfg[HORIZON].data[0], MAX_ROWS) || !is_count(cfg[LIMIT].data[0], 1e6))
        return "horizon must be a whole number of at least 1 and at most 512, max_iterations one of at least 1";
    struct sizes n = sizes_of(cfg, shape->n_out);
    const char *why = check_sizes(shape, &n);
    if (why)
        return why;
    for (int i = MAP; i <= START; i++)
        if (!all_finite(&cfg[i]))
            return "all numbers must be finite; for no bound write 1e30";
    if (!bounds_hold(&cfg[LO], &cfg[HI]) || !bounds_hold(&cfg[U_LO], &cfg[U_HI]))
        return "lo must not be larger than hi, nor u_lo than u_hi";
    if (!all_positive(&cfg[SCALE]) || !all_positive(&cfg[RATE]) || !all_positive(&cfg[SOFT]))
        return "scale, rate and soft must be positive";
    return diagonal_is_one(&cfg[GRAM], n.rows) ? NULL : "gram must have ones on its diagonal";
}

/* ---- state: the solver's arrays, then these ---- */

struct place {
    struct sizes n;
    struct hil_active active;
    double *lo, *hi, *v0, *plan, *before;
};

static struct place place_of(const struct hil_block *b, unsigned char *s)
{
    struct place p = {.n = sizes_of(b->cfg, b->n_out)};
    p.active = hil_active_at(hil_mem(b, s), p.n.rows, p.n.most);
    p.lo = hil_mem(b, s) + hil_active_size(p.n.rows, p.n.most);
    p.hi = p.lo + p.n.rows;
    p.v0 = p.hi + p.n.rows;
    p.plan = p.v0 + p.n.rows;
    p.before = p.plan + p.n.plan;
    return p;
}

static void reset(const struct hil_block *b, unsigned char *s)
{
    struct place p = place_of(b, s);
    const struct hil_array *start = &b->cfg[START];
    memcpy(p.lo, b->cfg[LO].data, p.n.rows * sizeof *p.lo);
    memcpy(p.hi, b->cfg[HI].data, p.n.rows * sizeof *p.hi);
    for (uint32_t i = 0; i < p.n.u; i++)
        p.before[i] = clamp(start->n ? start->data[i] : 0.0, b->cfg[U_LO].data[i], b->cfg[U_HI].data[i]);
    for (uint32_t i = 0; i < p.n.plan; i++)
        p.plan[i] = p.before[i % p.n.u];
}

/* ---- a sample ---- */

/* Bounds of u(0): the box, and no farther than `rate` from the input before, also after the sum has been rounded. */
static void narrow(const struct hil_block *b, const struct place *p, double *lo, double *hi)
{
    for (uint32_t i = 0; i < p->n.u; i++) {
        lo[i] = b->cfg[U_LO].data[i];
        hi[i] = b->cfg[U_HI].data[i];
        if (!b->cfg[RATE].n)
            continue;
        double was = p->before[i], step = b->cfg[RATE].data[i], down = was - step, up = was + step;
        if (was - down > step)
            down += fabs(down) * 0x1p-52;
        if (up - was > step)
            up -= fabs(up) * 0x1p-52;
        lo[i] = clamp(down, lo[i], hi[i]);
        hi[i] = clamp(up, lo[i], hi[i]);
    }
}

/* The input before, as it was applied: an actuator out of its box is taken to be at its end. */
static void take_before(const struct hil_block *b, const struct place *p, const double *theta)
{
    for (uint32_t i = 0; i < p->n.u; i++)
        p->before[i] = clamp(theta[b->n_in - p->n.u + i], b->cfg[U_LO].data[i], b->cfg[U_HI].data[i]);
}

/* 0 when theta is so large that the multipliers could overflow: nothing of it then stays in the state. */
static int set_up(const struct hil_block *b, const struct place *p, double *theta, const double *lo, const double *hi)
{
    int usable = 1;
    uint32_t rows = p->n.rows, n_theta = b->cfg[MAP].n / rows;
    const double *map = b->cfg[MAP].data, *scale = b->cfg[SCALE].data;
    double *restrict v0 = p->v0;
    for (uint32_t j = b->n_in; j < n_theta; j++)
        theta[j] = p->before[j - b->n_in];
    memcpy(v0, b->cfg[OFFSET].data, rows * sizeof *v0);
    for (uint32_t j = 0; j < n_theta; j++, map += rows)
        for (uint32_t i = 0; i < rows; i++)
            v0[i] += map[i] * theta[j];
    for (uint32_t i = 0; i < p->n.u; i++) {
        p->lo[i] = lo[i] / scale[i];
        p->hi[i] = hi[i] / scale[i];
    }
    for (uint32_t i = 0; i < rows; i++)
        usable &= fabs(v0[i]) <= LARGEST_ROW;
    if (!usable)
        memset(v0, 0, rows * sizeof *v0);
    return usable;
}

static double largest_slack(const struct hil_block *b, const struct place *p)
{
    double largest = 0.0, slack;
    for (uint32_t j = 0, n = (uint32_t)*p->active.n; j < n; j++) {
        uint32_t row = hil_active_row(&p->active, j), first = p->n.rows - p->n.soft;
        if (row >= first && (slack = fabs(p->active.lambda[j]) * b->cfg[SOFT].data[row - first]) > largest)
            largest = slack;
    }
    return largest;
}

static void take_plan(const struct hil_block *b, const struct place *p)
{
    for (uint32_t i = 0; i < p->n.plan; i++)
        p->plan[i] = p->active.v[i] * b->cfg[SCALE].data[i];
}

/* The last plan goes on by a sample; its last input stays. */
static void shift_plan(const struct place *p)
{
    memmove(p->plan, p->plan + p->n.u, (p->n.plan - p->n.u) * sizeof *p->plan);
}

static void apply(const struct hil_block *b, unsigned char *s, const struct place *p, const double *lo,
                  const double *hi)
{
    for (uint32_t i = 0; i < p->n.u; i++) {
        p->before[i] = clamp(p->plan[i], lo[i], hi[i]);
        *hil_out(b, s, U + i) = p->before[i];
    }
}

static void output(const struct hil_block *b, unsigned char *s)
{
    double theta[MAX_THETA + MAX_U], lo[MAX_U], hi[MAX_U];
    struct place p = place_of(b, s);
    uint32_t iterations = 0;
    int status = 3, usable = gather(b, hil_values(s), theta);
    if (usable && choice(b, PREVIOUS) == 1)
        take_before(b, &p, theta);
    narrow(b, &p, lo, hi);
    if (usable && set_up(b, &p, theta, lo, hi)) {
        struct hil_qp q = {p.n.rows, p.n.most, (uint32_t)setting(b, LIMIT), b->cfg[GRAM].data, p.lo, p.hi, p.v0};
        status = (int)hil_qp_solve(&q, &p.active, &iterations);
    }
    if (status == HIL_QP_OPTIMAL)
        take_plan(b, &p);
    else
        shift_plan(&p);
    apply(b, s, &p, lo, hi);
    *hil_out(b, s, STATUS) = status;
    *hil_out(b, s, ITERATIONS) = iterations;
    *hil_out(b, s, SLACK) = status == HIL_QP_OPTIMAL ? largest_slack(b, &p) : -1.0;
}

const struct hil_block_type hil_type_mpc = {
    .name = "mpc",
    .doc =
        "Linear model predictive control with hard bounds on inputs and their changes and soft bounds on outputs, "
        "solved exactly by a dual active set (Goldfarb, Idnani 1983; Arnstrom et al. 2022). hil.design.mpc makes its "
        "configuration. A sample with an input that is not finite goes on with the last plan.",
    INPUTS(inputs),
    OUTPUTS(outputs),
    CONFIG(config),
    STATES(states),
    .variadic = 1,
    .variadic_out = 1,
    .feedthrough = 1,
    .check = check,
    .n_state = n_state,
    .reset = reset,
    .output = output,
};
