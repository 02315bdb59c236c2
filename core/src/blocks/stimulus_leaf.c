/* Segments of a stimulus: each a function of the time since its own beginning. */
#include "hil/math.h"
#include "hil/random.h"
#include "stimulus_table.h"

#define RADIANS_PER_TURN 6.283185307179586477
#define NS_PER_S         1e9
#define SPLIT            0x1.000002p27 /* halves a double's digits: T. J. Dekker, Numer. Math. 18 (1971) */

static double seconds(int64_t ns) { return (double)ns / NS_PER_S; }

/* What is lost when a * b is rounded to `product`, exactly. */
static double rest_of_product(double a, double b, double product)
{
    double pa = SPLIT * a, pb = SPLIT * b, ah = pa - (pa - a), bh = pb - (pb - b), al = a - ah, bl = b - bh;
    return ((ah * bh - product) + ah * bl + al * bh) + al * bl;
}

/* Turns since the beginning without the whole ones. The product is kept exactly, so that a sine of hours is as good as one
 * of a second. */
static double part_of_turn(double hz, int64_t ns)
{
    double t = (double)ns, product = hz * t, low = rest_of_product(hz, t, product);
    double within = product - NS_PER_S * round_down(product / NS_PER_S);
    return (within + low) / NS_PER_S;
}

static double sine(const double *p, int64_t ns)
{
    double turns = part_of_turn(p[2], ns);
    return p[0] + p[1] * hil_sin(RADIANS_PER_TURN * (turns - round_down(turns)) + p[3]);
}

static double saw(const double *p, int64_t ns)
{
    int64_t period = stimulus_ns(p[2]), rise = stimulus_ns(p[3]), t = ns % period;
    if (t < rise)
        return p[0] + (p[1] - p[0]) * ((double)t / (double)rise);
    return p[1] + (p[0] - p[1]) * ((double)(t - rise) / (double)(period - rise));
}

static double noise(const double *p, int64_t ns)
{
    uint64_t key = hil_random_key((uint64_t)p[2], 0);
    return p[0] + p[1] * hil_normal(hil_random_at(key, (uint64_t)(ns / stimulus_ns(p[3]))));
}

static double data(const double *node, int64_t ns)
{
    uint32_t n = (uint32_t)node[ST_DATA_N];
    const double *t = node + ST_DATA_TIMES, *v = t + n;
    double now = (double)ns;
    uint32_t i = n > 1 ? interval(t, n, now, 0) : 0;
    if (node[ST_DATA_LINEAR] == 0.0 || n == 1)
        return v[i];
    return v[i] + (v[i + 1] - v[i]) * ((now - t[i]) / (t[i + 1] - t[i]));
}

double stimulus_leaf(const double *node, int64_t ns)
{
    const double *p = node + ST_HEAD;
    switch ((enum stimulus_kind)node[ST_KIND]) {
    case ST_RAMP: return p[0] + (p[1] - p[0]) * ((double)ns / node[ST_DURATION]);
    case ST_SLOPE: return p[0] + p[1] * seconds(ns);
    case ST_SINE: return sine(p, ns);
    case ST_PULSE: return ns % stimulus_ns(p[2]) < stimulus_ns(p[3]) ? p[1] : p[0];
    case ST_SAW: return saw(p, ns);
    case ST_EXPONENTIAL: return p[1] + (p[0] - p[1]) * hil_exp(-seconds(ns) / p[2]);
    case ST_NOISE: return noise(p, ns);
    case ST_DATA: return data(node, ns);
    default: return p[0];
    }
}
