/* Reductions of one signal over the ticks of a run. */
#include <math.h>

#include "hil/batch.h"

void hil_reduce_begin(struct hil_reducing *r, uint32_t kind)
{
    static const double start[HIL_N_REDUCTIONS] = {
        [HIL_MIN] = INFINITY, [HIL_MAX] = -INFINITY, [HIL_LAST] = NAN,    [HIL_FIRST_GT] = NAN,
        [HIL_FIRST_GE] = NAN, [HIL_FIRST_LT] = NAN,  [HIL_FIRST_LE] = NAN};
    *r = (struct hil_reducing){.value = start[kind]};
}

static void add_to_sum(struct hil_reducing *r, double v)
{
    double sum = r->value + v;
    r->low_part += fabs(r->value) >= fabs(v) ? (r->value - sum) + v : (v - sum) + r->value;
    r->value = sum;
}

static int holds(uint32_t kind, double v, double level)
{
    switch (kind) {
    case HIL_FIRST_GT: return v > level;
    case HIL_FIRST_GE: return v >= level;
    case HIL_FIRST_LT: return v < level;
    default: return v <= level;
    }
}

void hil_reduce_add(struct hil_reducing *r, const struct hil_reduce *what, double v, uint64_t tick)
{
    switch (what->kind) {
    case HIL_MIN: r->value = v < r->value ? v : r->value; break;
    case HIL_MAX: r->value = v > r->value ? v : r->value; break;
    case HIL_MEAN:
        if (v == v)
            add_to_sum(r, v);
        break;
    case HIL_LAST: r->value = v; break;
    case HIL_CHANGES:
        r->value += r->n && v != r->low_part && v == v && r->low_part == r->low_part;
        r->low_part = v;
        r->n = 1;
        return;
    default:
        if (isnan(r->value) && holds(what->kind, v, what->level))
            r->value = (double)tick;
        return;
    }
    r->n += v == v;
}

double hil_reduce_end(const struct hil_reducing *r, uint32_t kind)
{
    if (kind >= HIL_LAST)
        return r->value;
    if (r->n == 0)
        return NAN;
    if (kind != HIL_MEAN)
        return r->value;
    return (isfinite(r->value) ? r->value + r->low_part : r->value) / (double)r->n;
}
