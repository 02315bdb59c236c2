/* Offset and drift of a device's clock in simulated time: the true error stays within the stated bound, whatever the seed, and the
 * bound is small enough to be of use. */
#undef NDEBUG
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "hil_drivers/clock_sync.h"

#define MS 1000000ll
#define US 1000ll

static uint64_t state;
static double uniform(void) /* splitmix64, 0 to 1 */
{
    uint64_t x = state += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (double)((x ^ x >> 31) >> 11) / 9007199254740992.0;
}

struct scene {
    double drift, wander;   /* of the device's clock; change of it in a second */
    int64_t offset_ns;      /* at time 0 */
    int64_t up_ns, down_ns; /* shortest way to the device, and back */
    double jitter_ns;       /* on top of each way */
    int exponential;        /* the jitter's mean, with a long tail; else it is uniform, 0 to jitter_ns */
    int64_t every_ns;       /* a round trip */
    int64_t trust_from;     /* the bound is not claimed before this time */
};

struct outcome {
    double worst_error_ns, worst_bound_ns, worst_drift; /* after 2 s */
    uint32_t restarts;
};

/* Device's clock - host's at a host time, exactly. */
static double true_offset(const struct scene *s, double t)
{
    return (double)s->offset_ns + s->drift * t + 0.5e-9 * s->wander * t * t;
}

static int64_t way(const struct scene *s, int64_t shortest)
{
    double jitter = s->exponential ? -s->jitter_ns * log(1 - uniform()) : s->jitter_ns * uniform();
    return shortest + (int64_t)jitter;
}

static int64_t device_time(const struct scene *s, int64_t t) { return t + (int64_t)true_offset(s, (double)t); }

static void look(const struct hil_clock_sync *c, const struct scene *s, int64_t at, int64_t settled, struct outcome *o)
{
    struct hil_clock_estimate e;
    assert(hil_clock_read(c, at, &e));
    double error = fabs(e.offset_ns - true_offset(s, (double)at));
    if (at < s->trust_from)
        return;
    assert(error <= e.bound_ns + 2); /* time stamps are whole ns */
    int64_t device = device_time(s, at);
    assert(llabs(hil_clock_to_host(&e, device) - at) <= (int64_t)(e.bound_ns * 1.02) + 3);
    assert(llabs(hil_clock_to_device(&e, at) - device) <= (int64_t)e.bound_ns + 3);
    if (at < settled)
        return;
    o->worst_error_ns = error > o->worst_error_ns ? error : o->worst_error_ns;
    o->worst_bound_ns = e.bound_ns > o->worst_bound_ns ? e.bound_ns : o->worst_bound_ns;
    double drift = fabs(e.drift - s->drift - 1e-9 * s->wander * (double)at);
    o->worst_drift = drift > o->worst_drift ? drift : o->worst_drift;
}

static struct outcome run(struct hil_clock_sync *c, const struct scene *s, uint64_t seed, int64_t from, int64_t until)
{
    struct outcome o = {0};
    state = seed;
    for (int64_t t = from; t < until; t += s->every_ns) {
        int64_t t1 = t, at2 = t1 + way(s, s->up_ns), at3 = at2 + (int64_t)(uniform() * 500e3);
        int64_t t4 = at3 + way(s, s->down_ns);
        hil_clock_add(c, t1, device_time(s, at2), device_time(s, at3), t4);
        look(c, s, t4, from + 2000 * MS, &o);
        look(c, s, t4 + s->every_ns, from + 2000 * MS, &o); /* between two round trips, too */
    }
    o.restarts = c->restarts;
    return o;
}

static const struct scene issue = {.drift = 50e-6,
                                   .offset_ns = -3600000000123,
                                   .up_ns = 20 * US,
                                   .down_ns = 40 * US,
                                   .jitter_ns = 200e3,
                                   .every_ns = MS};

/* 50 ppm and 200 us over 60 s. */
static void error_stays_within_a_useful_bound(unsigned seeds)
{
    struct outcome worst = {0};
    for (unsigned seed = 0; seed < seeds; seed++) {
        struct hil_clock_sync c;
        struct scene s = issue;
        s.exponential = seed % 2;
        s.drift *= seed % 4 < 2 ? 1 : -1;
        hil_clock_init(&c);
        struct outcome o = run(&c, &s, seed, 0, 60000 * MS);
        assert(o.restarts == 0);
        worst.worst_error_ns = fmax(worst.worst_error_ns, o.worst_error_ns);
        worst.worst_bound_ns = fmax(worst.worst_bound_ns, o.worst_bound_ns);
        worst.worst_drift = fmax(worst.worst_drift, o.worst_drift);
    }
    printf("clock: seeds=%u error_us=%.1f bound_us=%.1f drift_error_ppm=%.2f\n", seeds, worst.worst_error_ns / 1e3,
           worst.worst_bound_ns / 1e3, worst.worst_drift * 1e6);
    assert(worst.worst_bound_ns < 50e3 && worst.worst_error_ns < worst.worst_bound_ns);
    assert(worst.worst_error_ns > 8e3); /* half the difference of the shortest ways: nobody can see it */
    assert(worst.worst_drift < 10e-6);
}

static void other_clocks_and_lines_hold_too(void)
{
    const struct scene scenes[] = {
        {.drift = 8e-3,
         .up_ns = 200 * US,
         .down_ns = 20 * US,
         .jitter_ns = 200e3,
         .every_ns = 10 * MS}, /* RC oscillator */
        {.drift = -2e-5, .wander = 9e-8, .up_ns = 9 * US, .down_ns = 9 * US, .jitter_ns = 50e3, .every_ns = MS},
        {.drift = 1e-6, .up_ns = MS, .down_ns = MS, .jitter_ns = 5e6, .exponential = 1, .every_ns = 100 * MS},
        {.drift = 0, .offset_ns = 1ll << 60, .up_ns = 0, .down_ns = 0, .jitter_ns = 0, .every_ns = MS},
    };
    for (unsigned i = 0; i < sizeof scenes / sizeof *scenes; i++)
        for (unsigned seed = 0; seed < 4; seed++) {
            struct hil_clock_sync c;
            hil_clock_init(&c);
            struct outcome o = run(&c, &scenes[i], seed, 0, 20000 * MS);
            assert(o.restarts == 0);
        }
}

/* After a step or a jump of the drift the estimate begins anew, and holds again. */
static void a_clock_that_is_set_is_noticed(void)
{
    struct scene s = issue;
    struct hil_clock_sync c;
    hil_clock_init(&c);
    run(&c, &s, 1, 0, 10000 * MS);
    for (int k = 1; k <= 4; k++) {
        s.offset_ns += k % 2 ? 3 * MS : -4000 * MS;
        struct outcome o = run(&c, &s, (uint64_t)k, (20 + 10 * k) * 1000 * MS, (30 + 10 * k) * 1000 * MS);
        assert(o.restarts == (uint32_t)k && o.worst_bound_ns < 60e3);
    }
}

/* From 50 to 150 ppm at once: the limits contradict each other within 2 s, and from then on the bound holds again. */
static void a_drift_that_jumps_is_noticed(void)
{
    struct scene s = issue;
    struct hil_clock_sync c;
    hil_clock_init(&c);
    run(&c, &s, 1, 0, 10000 * MS);
    s.offset_ns -= (int64_t)(100e-6 * 10000 * MS);
    s.drift += 100e-6;
    s.trust_from = 12000 * MS;
    struct outcome o = run(&c, &s, 2, 10000 * MS, 30000 * MS);
    assert(o.restarts >= 1 && o.restarts <= 4);
    s.trust_from = 0;
    o = run(&c, &s, 3, 30000 * MS, 40000 * MS);
    assert(o.worst_bound_ns < 60e3 && o.worst_drift < 20e-6);
}

/* Nothing is known before the first round trip; a single one is worth half its delay, and less with every second. */
static void a_bound_grows_while_nothing_comes(void)
{
    struct hil_clock_sync c;
    struct hil_clock_estimate e;
    hil_clock_init(&c);
    assert(!hil_clock_read(&c, 5, &e));
    hil_clock_add(&c, 1000, 501200, 501300, 1500);
    assert(hil_clock_read(&c, 1500, &e) && fabs(e.offset_ns - 500000) <= e.bound_ns && e.bound_ns < 210);
    double before = e.bound_ns;
    assert(hil_clock_read(&c, 1000001500, &e) && e.bound_ns > before + 0.9 * HIL_CLOCK_MAX_DRIFT * 1e9);
}

int main(int argc, char **argv)
{
    error_stays_within_a_useful_bound(argc > 1 ? (unsigned)atoi(argv[1]) : 8);
    other_clocks_and_lines_hold_too();
    a_clock_that_is_set_is_noticed();
    a_drift_that_jumps_is_noticed();
    a_bound_grows_while_nothing_comes();
    puts("test_clock_sync: ok");
    return 0;
}
