/* Checks of faults when they are armed: their values, and whether the gate would clip them. */
#include <math.h>

#include "fault_private.h"

#define PLAIN_BITS 52 /* of a double's fraction; above lie exponent and sign */

struct span {
    double lo, hi;
};

static double smaller(double x, double y) { return x < y ? x : y; }
static double larger(double x, double y) { return x > y ? x : y; }
static struct span ordered(double x, double y) { return x < y ? (struct span){x, y} : (struct span){y, x}; }

static struct span scaled(double lo, double hi, double a) /* 0 times an open end is 0 */
{
    return a == 0 ? (struct span){0, 0} : ordered(lo * a, hi * a);
}

static struct span widened(struct span r, double d)
{
    return d < 0 ? (struct span){r.lo + d, r.hi} : (struct span){r.lo, r.hi + d};
}

static double in_dead_zone(double x, const double *v)
{
    return x > v[1] + v[0] ? x - v[0] : x < v[1] - v[0] ? x + v[0] : v[1];
}

static struct span flipped(struct span r, double bit)
{
    double most = larger(fabs(r.lo), fabs(r.hi));
    if (bit > 62)
        return (struct span){-r.hi, -r.lo};
    if (bit >= PLAIN_BITS)
        return (struct span){-HUGE_VAL, HUGE_VAL};
    double d = most / (double)((uint64_t)1 << (PLAIN_BITS - (uint32_t)bit));
    return (struct span){r.lo - d, r.hi + d};
}

static struct span mixed(const struct hil_program *p, struct span r, const double *v)
{
    const struct hil_path_spec *other = &p->paths[(uint32_t)v[2]].spec;
    struct span a = scaled(r.lo, r.hi, v[0]), b = scaled(other->range_lo, other->range_hi, v[1]);
    return (struct span){a.lo + b.lo, a.hi + b.hi};
}

static struct span drifted(struct span r, const struct hil_event *e, double period_s)
{
    double most = e->v[1] > 0 ? e->v[1] : e->ticks == HIL_NO_END ? 0 : fabs(e->v[0]) * period_s * (double)e->ticks;
    return widened(r, e->v[0] < 0 ? -most : most);
}

/* Smallest and largest value that a fault can make of a signal within its range; infinite when the range is open. */
static struct span reach(const struct hil_program *p, const struct hil_path_spec *g, const struct hil_event *e)
{
    const double *v = e->v;
    struct span r = {g->range_lo, g->range_hi};
    switch (e->kind2) {
    case HIL_FAULT_BIAS: return (struct span){r.lo + v[0], r.hi + v[0]};
    case HIL_FAULT_GAIN: return scaled(r.lo, r.hi, v[0]);
    case HIL_FAULT_STUCK: return v[0] == v[0] ? (struct span){v[0], v[0]} : r;
    case HIL_FAULT_NOISE: return widened(widened(r, -3.4642 * v[0]), 3.4642 * v[0]);
    case HIL_FAULT_DRIFT: return drifted(r, e, p->period_s);
    case HIL_FAULT_SPIKE: return widened(r, v[0]);
    case HIL_FAULT_QUANTISE: return widened(widened(r, -v[0] / 2), v[0] / 2);
    case HIL_FAULT_SATURATE: return (struct span){smaller(larger(r.lo, v[0]), v[1]), smaller(larger(r.hi, v[0]), v[1])};
    case HIL_FAULT_DEAD_ZONE: return (struct span){in_dead_zone(r.lo, v), in_dead_zone(r.hi, v)};
    case HIL_FAULT_AFFINE: r = scaled(r.lo, r.hi, v[0]); return (struct span){r.lo + v[1], r.hi + v[1]};
    case HIL_FAULT_MIX: return mixed(p, r, v);
    case HIL_FAULT_RUNAWAY: return (struct span){smaller(r.lo, v[1]), larger(r.hi, v[1])};
    case HIL_FAULT_BIT_FLIP: return flipped(r, v[0]);
    default: return r;
    }
}

/* A fault that the gate would clip proves nothing: it is refused. Open ranges cannot be judged and pass. */
static int check_gate(const struct hil_program *p, const struct hil_event *e)
{
    const struct hil_path_spec *g = &p->paths[e->target].spec;
    if (!g->gated)
        return HIL_OK;
    double ahead = e->v[0] < 0 ? g->lo : g->hi;
    int endless = e->kind2 == HIL_FAULT_DRIFT && e->ticks == HIL_NO_END && !(e->v[1] > 0) && e->v[0] != 0;
    int exponent = e->kind2 == HIL_FAULT_BIT_FLIP && e->v[0] >= PLAIN_BITS && e->v[0] < 63;
    if ((endless && isfinite(ahead)) || (exponent && (isfinite(g->lo) || isfinite(g->hi))))
        return HIL_E_RANGE;
    struct span r = reach(p, g, e);
    if (isfinite(r.lo) && (r.lo < g->lo || r.lo > g->hi))
        return HIL_E_RANGE;
    if (isfinite(r.hi) && (r.hi > g->hi || r.hi < g->lo))
        return HIL_E_RANGE;
    return HIL_OK;
}

static int is_count(double v, double least) { return v >= least && v <= UINT32_MAX && v == (double)(uint32_t)v; }
static int is_size(double v) { return v >= 0 && isfinite(v); }
static int is_probability(double v) { return v >= 0 && v <= 1; }

static int are_good(const struct hil_program *p, const struct hil_event *e)
{
    const double *v = e->v;
    switch (e->kind2) {
    case HIL_FAULT_STUCK: return !isinf(v[0]);
    case HIL_FAULT_BIAS:
    case HIL_FAULT_GAIN:
    case HIL_FAULT_DRIFT: return isfinite(v[0]);
    case HIL_FAULT_NOISE: return is_size(v[0]);
    case HIL_FAULT_DROPOUT: return is_probability(v[0]);
    case HIL_FAULT_JITTER:
    case HIL_FAULT_DELAY: return is_count(v[0], 1);
    case HIL_FAULT_SPIKE: return isfinite(v[0]) && is_count(v[1], 0) && is_probability(v[2]);
    case HIL_FAULT_QUANTISE: return is_size(v[0]) && v[0] > 0;
    case HIL_FAULT_SATURATE: return isfinite(v[0]) && isfinite(v[1]) && v[0] <= v[1];
    case HIL_FAULT_DEAD_ZONE: return is_size(v[0]) && isfinite(v[1]);
    case HIL_FAULT_AFFINE: return isfinite(v[0]) && isfinite(v[1]);
    case HIL_FAULT_MIX:
        return isfinite(v[0]) && isfinite(v[1]) && is_count(v[2], 0) && v[2] < p->n_paths && v[2] != e->target;
    case HIL_FAULT_RUNAWAY: return is_size(v[0]) && v[0] > 0 && isfinite(v[1]);
    case HIL_FAULT_RATE_LIMIT:
    case HIL_FAULT_BACKLASH: return is_size(v[0]);
    case HIL_FAULT_STICTION: return is_size(v[0]) && v[1] >= 0 && v[1] <= v[0];
    case HIL_FAULT_BIT_FLIP: return is_count(v[0], 0) && v[0] < 64;
    case HIL_FAULT_CLOCK: return fabs(v[0]) <= 1 && is_count(v[1], 1) && is_count(fabs(v[2]), 0);
    default: return 0;
    }
}

int hil_fault_check(const struct hil_program *p, const struct hil_event *e)
{
    if (e->target >= p->n_paths || e->ticks == 0)
        return HIL_E_ARG;
    if (e->kind2 < HIL_FAULT_BIAS || e->kind2 > HIL_FAULT_CLOCK)
        return HIL_E_UNSUPPORTED;
    int delays = e->kind2 == HIL_FAULT_DELAY || e->kind2 == HIL_FAULT_JITTER;
    if (delays && e->v[0] > p->fault_memory - (e->kind2 == HIL_FAULT_JITTER))
        return HIL_E_FULL;
    return are_good(p, e) ? check_gate(p, e) : HIL_E_ARG;
}

int hil_fault_check_mode(const struct hil_program *p, const struct hil_event *e)
{
    const double *v = e->v;
    if (e->target >= p->n_paths)
        return HIL_E_ARG;
    switch (e->kind2) {
    case HIL_MODE_RAMP: return is_count(v[0], 1) ? HIL_OK : HIL_E_ARG;
    case HIL_MODE_DUTY: return is_count(v[0], 1) && is_count(v[1], 1) && v[0] <= v[1] ? HIL_OK : HIL_E_ARG;
    case HIL_MODE_PROBABILITY: return is_probability(v[0]) && v[0] > 0 ? HIL_OK : HIL_E_ARG;
    case HIL_MODE_WHEN:
        return is_count(v[0], 1) && v[0] < p->n_signals && is_count(v[1], HIL_LESS) && v[1] <= HIL_OTHER &&
                       isfinite(v[2])
                   ? HIL_OK
                   : HIL_E_ARG;
    default: return HIL_E_UNSUPPORTED;
    }
}
