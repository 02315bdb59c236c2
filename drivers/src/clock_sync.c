#include "hil_drivers/clock_sync.h"

#include <string.h>

/* Two limits: where the offset lies at some time. */
struct range {
    double lower, upper;
};

/* How much the drift can have changed the offset in dt ns beyond a straight line. */
static double wander(double dt) { return 0.5e-9 * HIL_CLOCK_WANDER * dt * dt; }

static double magnitude(double x) { return x < 0 ? -x : x; }

void hil_clock_init(struct hil_clock_sync *c) { memset(c, 0, sizeof *c); }

static const struct hil_clock_slot *slot(const struct hil_clock_sync *c, uint32_t age)
{
    return &c->slot[(c->open + HIL_CLOCK_SLOTS - age) % HIL_CLOCK_SLOTS];
}

/* ---- limits carried to another time ---- */

static void narrow(struct range *r, const struct hil_clock_slot *s, double at, double drift, double range)
{
    double up = at - s->upper_at, low = at - s->lower_at;
    double upper = s->upper + drift * up + range * magnitude(up) + wander(up);
    double lower = s->lower + drift * low - range * magnitude(low) - wander(low);
    r->upper = upper < r->upper ? upper : r->upper;
    r->lower = lower > r->lower ? lower : r->lower;
}

/* ---- drift ---- */

/* What two slots say of the drift now; the mean one between them can have been a little different. */
static void narrow_drift(struct range *r, const struct hil_clock_slot *old, const struct hil_clock_slot *young,
                         double now)
{
    double up = young->upper_at - old->lower_at, low = young->lower_at - old->upper_at;
    double older = old->upper_at < old->lower_at ? old->upper_at : old->lower_at;
    double changed = 1e-9 * HIL_CLOCK_WANDER * (now - older);
    if (up > 0 && (young->upper - old->lower) / up + changed < r->upper)
        r->upper = (young->upper - old->lower) / up + changed;
    if (low > 0 && (young->lower - old->upper) / low - changed > r->lower)
        r->lower = (young->lower - old->upper) / low - changed;
}

static struct range possible_drifts(const struct hil_clock_sync *c, double now)
{
    struct range r = {-HIL_CLOCK_MAX_DRIFT, HIL_CLOCK_MAX_DRIFT};
    for (uint32_t young = 0; young < c->n; young++)
        for (uint32_t old = young + 1; old < c->n; old++)
            narrow_drift(&r, slot(c, old), slot(c, young), now);
    return r;
}

/* Weighted regression line through the slots' middles: value at `at` and slope. */
static void regress(const struct hil_clock_sync *c, double at, double *value, double *slope)
{
    double w = 0, wt = 0, wm = 0, wtt = 0, wtm = 0;
    for (uint32_t age = 0; age < c->n; age++) {
        const struct hil_clock_slot *s = slot(c, age);
        double t = (s->upper_at + s->lower_at) / 2 - at, m = (s->upper + s->lower) / 2;
        double distance = s->upper - s->lower - c->drift * (s->upper_at - s->lower_at);
        double weight = 1 / (distance * distance + 1); /* no limit is closer than the clocks' resolution */
        w += weight, wt += weight * t, wm += weight * m, wtt += weight * t * t, wtm += weight * t * m;
    }
    double spread = w * wtt - wt * wt;
    *slope = c->n > 1 && spread > 0 ? (w * wtm - wt * wm) / spread : c->drift;
    *value = (wm - *slope * wt) / w;
}

static double within(double x, struct range r) { return x < r.lower ? r.lower : x > r.upper ? r.upper : x; }

/* Everything anew from the slots there are. 0: they contradict each other. */
static int fit(struct hil_clock_sync *c, double now)
{
    struct range drifts = possible_drifts(c, now), offsets = {-1e300, 1e300};
    double value, slope;
    if (drifts.lower > drifts.upper)
        return 0;
    regress(c, now, &value, &slope);
    c->drift = within(slope, drifts);
    double above = drifts.upper - c->drift, below = c->drift - drifts.lower;
    c->drift_range = above > below ? above : below;
    for (uint32_t age = 0; age < c->n; age++)
        narrow(&offsets, slot(c, age), now, c->drift, c->drift_range);
    if (offsets.lower > offsets.upper)
        return 0;
    c->at = now;
    c->offset = within(value, offsets);
    c->lower = offsets.lower;
    c->upper = offsets.upper;
    return 1;
}

/* ---- round trips ---- */

static void begin_slot(struct hil_clock_sync *c, const struct hil_clock_slot *first)
{
    c->open = (c->open + 1) % HIL_CLOCK_SLOTS;
    c->n += c->n < HIL_CLOCK_SLOTS;
    c->slot[c->open] = *first;
    c->open_until = first->lower_at + HIL_CLOCK_SLOT_NS;
}

/* Forgets all but this round trip. */
static void begin(struct hil_clock_sync *c, const struct hil_clock_slot *first)
{
    c->n = 0;
    c->drift = 0;
    begin_slot(c, first);
    fit(c, first->lower_at);
}

static void tighten(struct hil_clock_sync *c, const struct hil_clock_slot *s)
{
    struct hil_clock_slot *o = &c->slot[c->open];
    if (s->upper - o->upper < c->drift * (s->upper_at - o->upper_at)) {
        o->upper = s->upper;
        o->upper_at = s->upper_at;
    }
    if (s->lower - o->lower > c->drift * (s->lower_at - o->lower_at)) {
        o->lower = s->lower;
        o->lower_at = s->lower_at;
    }
}

/* Where the offset lies at a time: by the last regression and by the round trips since. */
static struct range limits(const struct hil_clock_sync *c, double at)
{
    double dt = at - c->at, spread = c->drift_range * magnitude(dt) + wander(dt);
    struct range r = {c->lower + c->drift * dt - spread, c->upper + c->drift * dt + spread};
    narrow(&r, &c->slot[c->open], at, c->drift, c->drift_range);
    return r;
}

void hil_clock_add(struct hil_clock_sync *c, int64_t t1, int64_t t2, int64_t t3, int64_t t4)
{
    if (!c->any) {
        c->any = 1;
        c->base_ns = t1;
        c->base_offset_ns = t2 - t1;
    }
    struct hil_clock_slot s = {(double)(t1 - c->base_ns), (double)(t2 - t1 - c->base_offset_ns),
                               (double)(t4 - c->base_ns), (double)(t3 - t4 - c->base_offset_ns)};
    if (c->n == 0) {
        begin(c, &s);
        return;
    }
    int full = s.lower_at >= c->open_until;
    if (full)
        begin_slot(c, &s);
    else
        tighten(c, &s);
    struct range r = limits(c, s.lower_at);
    if (r.lower > r.upper || (full && !fit(c, s.lower_at))) {
        c->restarts++;
        begin(c, &s);
    }
}

int hil_clock_read(const struct hil_clock_sync *c, int64_t host_ns, struct hil_clock_estimate *e)
{
    if (c->n == 0)
        return 0;
    double at = (double)(host_ns - c->base_ns);
    struct range r = limits(c, at);
    double offset = within(c->offset + c->drift * (at - c->at), r);
    double above = r.upper - offset, below = offset - r.lower;
    *e = (struct hil_clock_estimate){host_ns, offset + (double)c->base_offset_ns, c->drift,
                                     above > below ? above : below};
    return 1;
}
