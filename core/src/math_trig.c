/*
 * sin, cos, tan and their inverses. See hil/math.h.
 *
 * sin and cos: x = n * 2pi/128 + r. With S, C the sine and cosine of the first part (table) and s = sign of C,
 *   sin x = S + s*r + [(C - s)*r + C*(sin r - r) + S*(cos r - 1)]
 * where S + s*r is summed exactly and the bracket is small, so that one path serves all quadrants with 0.52 ulp.
 */
#include "math_bits.h"
#include "math_trig_tables.h"

#define TRIG_QUARTER 32u          /* table steps in a quarter turn */
#define TRIG_TINY    (1023u - 27) /* exponent below which sin x = tan x = x and cos x = 1 */
#define TRIG_INF     0x7ffu

/* x = (index + 128*k) * 2pi/128 + r */
typedef struct {
    hil_dd r;
    unsigned index;
} trig_angle;

/* m * (bits of 2/pi from `bit` on), modulo 2^224; word 0 is the lowest. */
static void trig_multiply(uint64_t m, unsigned bit, uint32_t product[7])
{
    const uint32_t *words = &trig_two_over_pi[bit / 32];
    uint64_t low = (uint32_t)m, high = m >> 32, carry_low = 0, carry_high = 0;
    uint32_t previous = 0;
    for (unsigned i = 0; i < 7; i++) {
        uint64_t a = low * words[6 - i] + carry_low;
        uint64_t b = high * previous + carry_high + (uint32_t)a;
        product[i] = (uint32_t)b;
        carry_low = a >> 32;
        carry_high = b >> 32;
        previous = words[6 - i];
    }
}

/* 64 bits of the product, `skip` (< 32) bits below its top and `word` words further down */
static uint64_t trig_window(const uint32_t product[7], unsigned word, unsigned skip)
{
    uint64_t top = (uint64_t)product[6 - word] << 32 | product[5 - word];
    return skip == 0 ? top : top << skip | product[4 - word] >> (32 - skip);
}

/* Payne and Hanek: reduction with as many bits of 2/pi as the argument needs. 2^-5 < |x| < infinity. */
static trig_angle trig_reduce_exactly(double x)
{
    uint32_t product[7];
    uint64_t m = (hil_bits(x) & 0xfffffffffffffu) | 0x10000000000000u;
    unsigned bit = hil_exponent(x) - 1075 + 94; /* all before it are whole turns, for any m */
    trig_multiply(m, bit, product);
    /* x / 2pi modulo 1 as a binary fraction of 160 bits */
    uint64_t a = trig_window(product, 0, bit % 32), b = trig_window(product, 2, bit % 32);
    uint32_t c = (uint32_t)(trig_window(product, 4, bit % 32) >> 32);
    unsigned n = (unsigned)((a + (1ull << 56)) >> 57);
    /* the rest, in units of 2^-64 steps; as a signed number of 64 + 64 bits */
    a = a << 7 | b >> 57;
    b = b << 7 | c >> 25;
    int negative = (int)(a >> 63);
    if (negative) {
        a = ~a + (b == 0);
        b = ~b + 1;
    }
    hil_dd r = hil_fast_two_sum((double)(uint32_t)(a >> 32) * 0x1p-32, (double)(uint32_t)a * 0x1p-64);
    r = hil_fast_two_sum(r.hi, r.lo + (double)(uint32_t)(b >> 32) * 0x1p-96);
    r = hil_fast_two_sum(r.hi, r.lo + (double)(uint32_t)b * 0x1p-128);
    hil_dd step = {trig_step_hi, trig_step_lo};
    r = hil_dd_mul(r, step);
    double turn = (negative != (x < 0)) ? -1 : 1;
    trig_angle angle = {{turn * r.hi, turn * r.lo}, (x < 0 ? 0u - n : n) & 127u};
    return angle;
}

/* Cody and Waite: n * step_1 and n * step_2 are exact. Where so much cancels that step_3 is too short: exactly. */
static inline trig_angle trig_reduce(double x)
{
    double shifted = x * trig_steps_per_radian + HIL_ROUND_SHIFT;
    double n = shifted - HIL_ROUND_SHIFT;
    double rest = x - n * trig_step_1, second = n * trig_step_2;
    hil_dd r = {rest - second, 0};
    r.lo = ((rest - r.hi) - second) - n * trig_step_3;
    if (HIL_UNLIKELY(!(hil_abs(x) < 8192.0) || (hil_abs(r.hi) < 0x1p-16 && n != 0)))
        return trig_reduce_exactly(x);
    trig_angle angle = {r, (unsigned)hil_bits(shifted) & 127u};
    return angle;
}

/* Sine of the angle, to about 2^-61. */
static inline hil_dd trig_sine(unsigned index, hil_dd r)
{
    const double *t = trig_table[index & 127u];
    const double *p = trig_sin_poly, *q = trig_cos_poly;
    double r2 = r.hi * r.hi;
    double sine_rest = r.hi * r2 * (p[0] + r2 * (p[1] + r2 * p[2]));
    double cosine_rest = r2 * (-0.5 + r2 * (q[0] + r2 * (q[1] + r2 * q[2])));
    double cosine = t[2] + t[3];
    hil_dd s = hil_fast_two_sum(t[0], t[3] * r.hi);
    s.lo += t[1] + (cosine * r.lo + (t[2] * r.hi + (cosine * sine_rest + t[0] * cosine_rest)));
    return s;
}

/* 1 if the functions must not go their usual way: tiny, infinite or NaN */
static inline int trig_is_rare(double x) { return hil_exponent(x) - TRIG_TINY >= TRIG_INF - TRIG_TINY; }

double hil_sin(double x)
{
    if (HIL_UNLIKELY(trig_is_rare(x)))
        return hil_exponent(x) == TRIG_INF ? HIL_NAN : x;
    trig_angle a = trig_reduce(x);
    return hil_dd_value(trig_sine(a.index, a.r));
}

double hil_cos(double x)
{
    if (HIL_UNLIKELY(trig_is_rare(x)))
        return hil_exponent(x) == TRIG_INF ? HIL_NAN : 1.0;
    trig_angle a = trig_reduce(x);
    return hil_dd_value(trig_sine(a.index + TRIG_QUARTER, a.r));
}

void hil_sincos(double x, double *sine, double *cosine)
{
    if (HIL_UNLIKELY(trig_is_rare(x))) {
        *sine = hil_sin(x);
        *cosine = hil_cos(x);
        return;
    }
    trig_angle a = trig_reduce(x);
    *sine = hil_dd_value(trig_sine(a.index, a.r));
    *cosine = hil_dd_value(trig_sine(a.index + TRIG_QUARTER, a.r));
}

double hil_tan(double x)
{
    if (HIL_UNLIKELY(trig_is_rare(x)))
        return hil_exponent(x) == TRIG_INF ? HIL_NAN : x;
    trig_angle a = trig_reduce(x);
    hil_dd s = trig_sine(a.index, a.r), c = trig_sine(a.index + TRIG_QUARTER, a.r);
    return hil_dd_value(hil_dd_div(hil_fast_two_sum(s.hi, s.lo), hil_fast_two_sum(c.hi, c.lo)));
}

/* ---- inverses: all are the angle of a point, and that is one arc tangent of a ratio up to 1 ---- */

/* atan(y/x), 0 <= y <= x, x > 0 moderate. With c = i/64 near y/x: atan(y/x) = atan c + atan((y - c*x)/(x + c*y)). */
static hil_dd trig_atan_ratio(hil_dd y, hil_dd x)
{
    double ratio = y.hi / x.hi;
    if (ratio < 0.1875) {
        const double *p = trig_atan_poly;
        hil_dd q = hil_dd_div(y, x);
        double u = q.hi * q.hi, u2 = u * u;
        double high = (p[4] + u * p[5]) + u2 * ((p[6] + u * p[7]) + u2 * p[8]);
        double series = (p[0] + u * p[1]) + u2 * ((p[2] + u * p[3]) + u2 * high);
        q.lo += q.hi * u * series - q.lo * u;
        return q;
    }
    unsigned i = (unsigned)(ratio * 64 + 0.5);
    double c = i * 0.015625;
    /* c has 7 bits, x_top 21: the first product and difference are exact, and so is the second product */
    double x_top = hil_from_bits(hil_bits(x.hi) & 0xffffffff00000000u);
    double numerator = ((y.hi - c * x_top) - c * (x.hi - x_top)) + (y.lo - c * x.lo);
    double t = numerator / (x.hi + c * y.hi), u = t * t;
    const double *p = trig_atan_cell_poly;
    hil_dd angle = hil_fast_two_sum(trig_atan_table[i][0], t);
    angle.lo += trig_atan_table[i][1] + t * u * (p[0] + u * (p[1] + u * p[2]));
    return angle;
}

/* Angle of the point (left ? -x : x, y) in the upper half plane; x, y >= 0 moderate, not both 0. */
static double trig_angle_of(hil_dd y, hil_dd x, int left)
{
    int steep = y.hi > x.hi;
    hil_dd a = steep ? trig_atan_ratio(x, y) : trig_atan_ratio(y, x);
    if (!steep && !left)
        return hil_dd_value(a);
    double half = steep ? 0.5 : 1.0, sign = steep && left ? 1.0 : -1.0;
    hil_dd base = {half * trig_pi_hi, half * trig_pi_lo}, part = {sign * a.hi, sign * a.lo};
    return hil_dd_value(hil_dd_add(base, part));
}

static hil_dd trig_plain(double x)
{
    hil_dd d = {x, 0};
    return d;
}

/* sqrt(1 - x*x), |x| <= 1 */
static hil_dd trig_other_side(double x)
{
    hil_dd square = hil_two_prod(x, x);
    hil_dd rest = hil_fast_two_sum(1.0, -square.hi);
    rest = hil_fast_two_sum(rest.hi, rest.lo - square.lo);
    return rest.hi > 0 ? hil_dd_sqrt(rest) : rest;
}

double hil_asin(double x)
{
    double ax = hil_abs(x);
    if (!(ax <= 1))
        return HIL_NAN;
    if (ax < 0x1p-27)
        return x;
    return hil_with_sign(trig_angle_of(trig_plain(ax), trig_other_side(ax), 0), x);
}

double hil_acos(double x)
{
    double ax = hil_abs(x);
    if (!(ax <= 1))
        return HIL_NAN;
    if (ax < 0x1p-60)
        return 0.5 * trig_pi_hi;
    return trig_angle_of(trig_other_side(ax), trig_plain(ax), x < 0);
}

double hil_atan(double x)
{
    double ax = hil_abs(x);
    if (HIL_UNLIKELY(!(ax < 0x1p60)))
        return ax == ax ? hil_with_sign(0.5 * trig_pi_hi, x) : HIL_NAN;
    if (HIL_UNLIKELY(ax < 0x1p-27))
        return x;
    return hil_with_sign(trig_angle_of(trig_plain(ax), trig_plain(1.0), 0), x);
}

/* Points on an axis or at infinity, or so near an axis that a power of 2^60 lies between x and y; x, y >= 0. */
static double trig_angle_on_axis(double y, double x, int left)
{
    if (x == HIL_INF && y == HIL_INF)
        return left ? 0.75 * trig_pi_hi : 0.25 * trig_pi_hi;
    if (y > x)
        return 0.5 * trig_pi_hi;
    if (left)
        return trig_pi_hi;
    return y == 0 ? 0.0 : y / x;
}

double hil_atan2(double y, double x)
{
    double ax = hil_abs(x), ay = hil_abs(y);
    int left = (int)(hil_bits(x) >> 63);
    if (HIL_UNLIKELY(x != x || y != y))
        return HIL_NAN;
    int apart = (int)hil_exponent(ay) - (int)hil_exponent(ax);
    if (HIL_UNLIKELY(apart >= 60 || apart <= -60 || ax == 0 || ay == 0 || ax == HIL_INF || ay == HIL_INF))
        return hil_with_sign(trig_angle_on_axis(ay, ax, left), y);
    hil_make_moderate(&ay, &ax);
    return hil_with_sign(trig_angle_of(trig_plain(ay), trig_plain(ax), left), y);
}
