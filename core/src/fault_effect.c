/* What each kind of fault does to a value; hil/fault.h defines them. */
#include <math.h>
#include <string.h>

#include "fault_private.h"
#include "hil/math.h"

static double within(double v, double lo, double hi) { return v < lo ? lo : v > hi ? hi : v; }

static double drift(const struct hil_fault *f, double seconds)
{
    double d = f->v[0] * seconds;
    if (f->v[1] > 0 && fabs(d) > f->v[1])
        d = d < 0 ? -f->v[1] : f->v[1];
    return d;
}

static double lost(const struct hil_fault *f, uint8_t *status)
{
    *status |= HIL_BAD;
    return f->mem[0];
}

static double dropout(unsigned char *s, struct hil_fault *f, double v, uint8_t *status)
{
    if (hil_uniform(hil_fault_random(s, f, HIL_DRAW_EFFECT)) < f->v[0])
        return lost(f, status);
    return f->mem[0] = v;
}

static double spike(unsigned char *s, const struct hil_fault *f, double v)
{
    uint64_t k = hil_header(s)->tick - f->start, every = (uint64_t)f->v[1];
    int hit = every ? k % every == 0 : k == 0;
    if (f->v[2] > 0)
        hit = hil_uniform(hil_fault_random(s, f, HIL_DRAW_EFFECT)) < f->v[2];
    return hit ? v + f->v[0] : v;
}

static double dead_zone(const double *v, double x)
{
    if (x > v[1] + v[0])
        return x - v[0];
    return x < v[1] - v[0] ? x + v[0] : v[1];
}

static double through_memory(double *line, struct hil_fault *f, double v)
{
    double old = line[f->pool + f->cursor];
    line[f->pool + f->cursor] = v;
    if (++f->cursor == f->pool_n)
        f->cursor = 0;
    return old;
}

/* A reader takes the newest value that has come: it is never older than the one before by more than the tick between. */
static double jitter(unsigned char *s, double *line, struct hil_fault *f, double v)
{
    uint32_t at = f->cursor;
    double drawn = hil_floor(hil_uniform(hil_fault_random(s, f, HIL_DRAW_EFFECT)) * (f->v[0] + 1));
    f->mem[1] = drawn < f->mem[1] + 1 ? drawn : f->mem[1] + 1;
    through_memory(line, f, v);
    uint32_t age = (uint32_t)f->mem[1];
    return line[f->pool + (at + f->pool_n - age) % f->pool_n];
}

static double mix(const struct hil_program *p, unsigned char *s, const struct hil_fault *f, double v)
{
    return f->v[0] * v + f->v[1] * hil_values(s)[p->paths[(uint32_t)f->v[2]].spec.raw];
}

static double stiction(const struct hil_fault *f, double v)
{
    double force = v - f->mem[0];
    if (fabs(force) <= f->v[0])
        return f->mem[0];
    return force > 0 ? v - f->v[1] : v + f->v[1];
}

static double bit_flip(struct hil_fault *f, double v, uint8_t *status)
{
    uint64_t word;
    memcpy(&word, &v, sizeof word);
    word ^= (uint64_t)1 << (uint32_t)f->v[0];
    memcpy(&v, &word, sizeof word);
    return isfinite(v) ? (f->mem[0] = v) : lost(f, status);
}

/* Kinds that follow their input with a memory of the value that they gave last. */
static double follow(const struct hil_program *p, struct hil_fault *f, double v)
{
    double was = f->mem[0], step = f->v[0] * p->period_s, play = f->v[0] * 0.5;
    switch (f->kind) {
    case HIL_FAULT_RUNAWAY: return within(f->v[1], was - step, was + step);
    case HIL_FAULT_RATE_LIMIT: return within(v, was - step, was + step);
    case HIL_FAULT_BACKLASH: return within(was, v - play, v + play);
    default: return stiction(f, v);
    }
}

/* All ticks between two steps of the role have the number of the next one. */
static double clock_steps(const struct hil_state *h, const struct hil_fault *f, double v)
{
    double k = hil_floor(((double)(h->tick - f->start) + f->v[1] - 1) / f->v[1]), jump = f->v[2];
    if (k < -jump)
        return 0;
    double n = v + hil_floor((k + 1) * f->v[0]) - hil_floor(k * f->v[0]);
    return k == 0 && jump > 0 ? n + jump : n;
}

double hil_fault_effect(const struct hil_program *p, unsigned char *s, struct hil_fault *f, double v, uint8_t *status)
{
    const double *a = f->v;
    switch (f->kind) {
    case HIL_FAULT_BIAS: return v + a[0];
    case HIL_FAULT_GAIN: return v * a[0];
    case HIL_FAULT_STUCK: return a[0] == a[0] ? a[0] : f->mem[0];
    case HIL_FAULT_NOISE: return v + a[0] * hil_normal(hil_fault_random(s, f, HIL_DRAW_EFFECT));
    case HIL_FAULT_DRIFT: return v + drift(f, (double)(hil_header(s)->tick - f->start) * p->period_s);
    case HIL_FAULT_DROPOUT: return dropout(s, f, v, status);
    case HIL_FAULT_DELAY: return through_memory(hil_fault_pool(p, s), f, v);
    case HIL_FAULT_SPIKE: return spike(s, f, v);
    case HIL_FAULT_QUANTISE: return a[0] * hil_floor(v / a[0] + 0.5);
    case HIL_FAULT_SATURATE: return within(v, a[0], a[1]);
    case HIL_FAULT_DEAD_ZONE: return dead_zone(a, v);
    case HIL_FAULT_JITTER: return jitter(s, hil_fault_pool(p, s), f, v);
    case HIL_FAULT_AFFINE: return a[0] * v + a[1];
    case HIL_FAULT_MIX: return mix(p, s, f, v);
    case HIL_FAULT_BIT_FLIP: return bit_flip(f, v, status);
    case HIL_FAULT_CLOCK: return clock_steps(hil_header(s), f, v);
    default: return f->mem[0] = follow(p, f, v);
    }
}

void hil_fault_keep_up(const struct hil_program *p, unsigned char *s, struct hil_fault *f, double v)
{
    if (f->pool_n)
        through_memory(hil_fault_pool(p, s), f, v);
    f->mem[0] = v;
    f->mem[1] = 0;
}

uint32_t hil_fault_memory(uint32_t kind, const double *v)
{
    if (kind == HIL_FAULT_DELAY)
        return (uint32_t)v[0];
    return kind == HIL_FAULT_JITTER ? (uint32_t)v[0] + 1 : 0;
}
