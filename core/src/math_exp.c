/*
 * exp, log, pow and the hyperbolic functions. See hil/math.h.
 *
 * exp: x = n * ln2/128 + r; exp x = 2^(n/128) * exp r, the first factor from a table.
 * log: x = 2^k * z, c near z from a table with a short 1/c, so that r = z/c - 1 is exact;
 *   log x = k*ln2 + log c + log(1 + r).
 * All others are built on these two, carried to about 2^-61 and 2^-67.
 */
#include "math_bits.h"
#include "math_exp_tables.h"

#define EXP_LARGE  710.0               /* exp overflows from here */
#define EXP_SMALL  -746.0              /* exp is 0 below */
#define LOG_INF    0x7ff0000000000000u /* bits of infinity */
#define LOG_NORMAL 0x0010000000000000u /* bits of the smallest normal number */
/* Bits of 0.705, where the table begins; as in tools/make_math_tables.py. */
#define LOG_OFFSET 0x3fe6900000000000u

/* ---- exponential ---- */

/* factor * (1 + rest) * 2^k = exp(x) */
typedef struct {
    double factor, rest;
    int k;
} exp_parts;

/* exp(x + x_lo), |x| < 800, |x_lo| <= ulp(x) */
static inline exp_parts exp_split(double x, double x_lo)
{
    double shifted = x * exp_steps_per_unit + HIL_ROUND_SHIFT;
    double n = shifted - HIL_ROUND_SHIFT;
    double r = (x - n * exp_step_hi) - n * exp_step_lo + x_lo;
    int32_t steps = (int32_t)(hil_bits(shifted) & 0xfffff) - ((hil_bits(shifted) & 0x80000) ? 0x100000 : 0);
    int32_t index = steps & 127;
    double r2 = r * r;
    double series = r + r2 * (0.5 + r * (exp_poly[0] + r * (exp_poly[1] + r * exp_poly[2])));
    exp_parts e = {exp_table[index][0], exp_table[index][1] + series, (steps - index) / 128};
    return e;
}

static inline hil_dd exp_significand(exp_parts e) { return hil_fast_two_sum(e.factor, e.factor * e.rest); }

/* exp(x) for |x| < 700 as two doubles */
static hil_dd exp_pair(double x)
{
    exp_parts e = exp_split(x, 0);
    hil_dd m = exp_significand(e);
    hil_dd scaled = {hil_scale(m.hi, e.k), hil_scale(m.lo, e.k)};
    return scaled;
}

/* exp(x + x_lo) * 2^k for any x but NaN */
static double exp_any(double x, double x_lo, int k)
{
    if (x > EXP_LARGE + 1)
        return HIL_INF;
    if (x < EXP_SMALL)
        return 0;
    exp_parts e = exp_split(x, x_lo);
    return hil_scale(exp_significand(e).hi, e.k + k);
}

double hil_exp(double x)
{
    if (HIL_UNLIKELY(!(hil_abs(x) < 700)))
        return x == x ? exp_any(x, 0, 0) : HIL_NAN;
    double shifted = x * exp_steps_per_unit + HIL_ROUND_SHIFT;
    double n = shifted - HIL_ROUND_SHIFT;
    double r = (x - n * exp_step_hi) - n * exp_step_lo;
    uint64_t steps = hil_bits(shifted), index = steps & 127;
    double r2 = r * r;
    double series = (exp_table[index][1] + r) + r2 * ((0.5 + r * exp_poly[0]) + r2 * (exp_poly[1] + r * exp_poly[2]));
    /* 2^k by adding k to the exponent of the table's entry */
    double factor = hil_from_bits(hil_bits(exp_table[index][0]) + ((steps - index) << 45));
    return factor + factor * series;
}

double hil_expm1(double x)
{
    if (x != x)
        return HIL_NAN;
    if (hil_abs(x) < 0.125) {
        const double *p = expm1_poly;
        double x2 = x * x, high = (p[4] + x * p[5]) + x2 * ((p[6] + x * p[7]) + x2 * p[8]);
        double series = (p[0] + x * p[1]) + x2 * ((p[2] + x * p[3]) + x2 * high);
        return hil_abs(x) < 0x1p-54 ? x : x + (0.5 * x2 + x * x2 * series);
    }
    if (x < -40)
        return -1;
    if (x > 60)
        return hil_exp(x);
    hil_dd e = exp_pair(x), difference = hil_two_sum(e.hi, -1);
    return difference.hi + (difference.lo + e.lo);
}

double hil_sinh(double x)
{
    double ax = hil_abs(x), x2 = x * x;
    const double *p = sinh_poly;
    if (x != x)
        return HIL_NAN;
    if (ax < 0x1p-27)
        return x;
    if (ax < 0.3)
        return x + x * x2 * (p[0] + x2 * (p[1] + x2 * (p[2] + x2 * (p[3] + x2 * (p[4] + x2 * p[5])))));
    if (ax > 40)
        return hil_with_sign(exp_any(ax, 0, -1), x);
    hil_dd up = exp_pair(ax), down = exp_pair(-ax), minus = {-down.hi, -down.lo};
    return hil_with_sign(0.5 * hil_dd_value(hil_dd_add(up, minus)), x);
}

double hil_cosh(double x)
{
    double ax = hil_abs(x);
    if (x != x)
        return HIL_NAN;
    if (ax > 40)
        return exp_any(ax, 0, -1);
    return 0.5 * hil_dd_value(hil_dd_add(exp_pair(ax), exp_pair(-ax)));
}

double hil_tanh(double x)
{
    double ax = hil_abs(x), x2 = x * x;
    const double *p = tanh_poly;
    if (x != x)
        return HIL_NAN;
    if (ax < 0x1p-27)
        return x;
    if (ax < 0.25) {
        double x4 = x2 * x2, high = (p[4] + x2 * p[5]) + x4 * ((p[6] + x2 * p[7]) + x4 * p[8]);
        return x + x * x2 * ((p[0] + x2 * p[1]) + x4 * ((p[2] + x2 * p[3]) + x4 * high));
    }
    if (ax > 22)
        return hil_with_sign(1, x);
    /* 1 - 2 / (exp(2|x|) + 1) */
    hil_dd one = {1, 0}, two = {2, 0};
    hil_dd q = hil_dd_div(two, hil_dd_add(exp_pair(2 * ax), one));
    hil_dd minus = {-q.hi, -q.lo};
    return hil_with_sign(hil_dd_value(hil_dd_add(one, minus)), x);
}

/* ---- logarithm ---- */

/* x = 2^k * z; sum = k*ln2 + log c + r; r_hi + r_lo = z/c - 1 exactly; r_hi is a multiple of 2^-30 */
typedef struct {
    hil_dd sum;
    double r, r_hi, r_lo;
} log_parts;

/* bits: of a positive normal number; bias: taken from its power of 2. The right shift must keep the sign: gcc, clang do. */
static inline log_parts log_split(uint64_t bits, int32_t bias)
{
    uint64_t offset = bits - LOG_OFFSET;
    const double *t = log_table[(offset >> 45) & 127];
    double k = ((int32_t)(uint32_t)(offset >> 32) >> 20) - bias;
    uint64_t z_bits = bits - (offset & 0xfff0000000000000u);
    double z_hi = hil_from_bits((z_bits + 0x80000000u) & 0xffffffff00000000u);
    log_parts p = {.r_hi = z_hi * t[0] - 1, .r_lo = (hil_from_bits(z_bits) - z_hi) * t[0]};
    p.r = p.r_hi + p.r_lo;
    /* log_ln2_hi, t[1] and r_hi are multiples of 2^-42, so these two sums are exact */
    p.sum = hil_fast_two_sum((k * log_ln2_hi + t[1]) + p.r_hi, p.r_lo);
    p.sum.lo += k * log_ln2_lo + t[2];
    return p;
}

/* log of a positive finite number, to about 2^-67 */
static hil_dd log_pair(double x)
{
    const double *q = log_poly;
    int tiny = hil_exponent(x) == 0;
    log_parts p = log_split(hil_bits(tiny ? x * 0x1p52 : x), tiny ? 52 : 0);
    double r = p.r, r2 = r * r;
    double series = (q[0] + r * q[1]) + r2 * ((q[2] + r * q[3]) + r2 * ((q[4] + r * q[5]) + r2 * q[6]));
    /* r^2 / 2, the larger part exactly */
    hil_dd s = hil_fast_two_sum(p.sum.hi, -0.5 * p.r_hi * p.r_hi);
    double low = p.sum.lo - 0.5 * p.r_lo * (p.r_hi + r) + r * r2 * series;
    return hil_fast_two_sum(s.hi, s.lo + low);
}

/* Logarithm, to any base, of what is not a positive finite number. */
static double log_special(double x)
{
    if (x == 0)
        return -HIL_INF;
    return x == HIL_INF ? HIL_INF : HIL_NAN;
}

static inline int log_is_special(double x) { return !(x > 0 && x < HIL_INF); }

double hil_log(double x)
{
    uint64_t bits = hil_bits(x);
    if (HIL_UNLIKELY(bits - LOG_NORMAL >= LOG_INF - LOG_NORMAL))
        return log_is_special(x) ? log_special(x) : hil_dd_value(log_pair(x));
    const double *q = log_short_poly;
    log_parts p = log_split(bits, 0);
    double r = p.r, r2 = r * r;
    double series = (-0.5 + r * q[0]) + r2 * ((q[1] + r * q[2]) + r2 * (q[3] + r * q[4]));
    return p.sum.hi + (p.sum.lo + r2 * series);
}

/* log(x.hi + x.lo), x.hi positive and finite */
static hil_dd log_of_sum(hil_dd x)
{
    hil_dd l = log_pair(x.hi);
    return hil_two_sum(l.hi, l.lo + x.lo / x.hi);
}

double hil_log1p(double x)
{
    if (hil_abs(x) < 0x1p-30)
        return x - 0.5 * x * x;
    if (log_is_special(1 + x))
        return log_special(1 + x);
    return hil_dd_value(log_of_sum(hil_two_sum(1, x)));
}

double hil_log2(double x)
{
    hil_dd scale = {log_per_ln2_hi, log_per_ln2_lo};
    return log_is_special(x) ? log_special(x) : hil_dd_value(hil_dd_mul(log_pair(x), scale));
}

double hil_log10(double x)
{
    hil_dd scale = {log_per_ln10_hi, log_per_ln10_lo};
    return log_is_special(x) ? log_special(x) : hil_dd_value(hil_dd_mul(log_pair(x), scale));
}

/* log(x + sqrt(x*x + one)), one = 1 or -1, the sum not 0 */
static double log_of_root(double x, double one)
{
    if (x > 0x1p60) { /* log(2x) */
        hil_dd ln2 = {log_ln2_hi, log_ln2_lo};
        return hil_dd_value(hil_dd_add(log_pair(x), ln2));
    }
    hil_dd square = hil_two_prod(x, x), part = {one, 0}, argument = {x, 0};
    hil_dd sum = x < 1 ? hil_dd_add(part, square) : hil_dd_add(square, part);
    if (sum.hi == 0)
        return 0;
    hil_dd root = hil_dd_sqrt(sum);
    return hil_dd_value(log_of_sum(x < root.hi ? hil_dd_add(root, argument) : hil_dd_add(argument, root)));
}

double hil_asinh(double x)
{
    double ax = hil_abs(x);
    if (!(ax < HIL_INF))
        return x == x ? x : HIL_NAN;
    return ax < 0x1p-27 ? x : hil_with_sign(log_of_root(ax, 1), x);
}

double hil_acosh(double x)
{
    if (!(x >= 1))
        return HIL_NAN;
    return x == HIL_INF ? x : log_of_root(x, -1);
}

double hil_atanh(double x)
{
    double ax = hil_abs(x);
    if (!(ax <= 1))
        return HIL_NAN;
    if (ax == 1 || ax < 0x1p-27)
        return ax == 1 ? hil_with_sign(HIL_INF, x) : x;
    hil_dd up = log_of_sum(hil_two_sum(1, ax)), down = log_of_sum(hil_two_sum(1, -ax));
    hil_dd minus = {-down.hi, -down.lo};
    return hil_with_sign(0.5 * hil_dd_value(hil_dd_add(minus, up)), x);
}

/* ---- power ---- */

/* 2: even integer, 1: odd integer, 0: no integer; y finite or infinite */
static int pow_parity(double y)
{
    unsigned e = hil_exponent(y);
    if (e < 1023)
        return y == 0 ? 2 : 0;
    if (e > 1075)
        return 2;
    uint64_t unit = 1ull << (1075 - e), m = hil_bits(y) | 1ull << 52;
    if (e == 1023) /* the implicit bit is the unit */
        return (hil_bits(y) << 12) ? 0 : 1;
    if (m & (unit - 1))
        return 0;
    return m & unit ? 1 : 2;
}

/* x or y is NaN, infinite or 0, or |x| = 1 */
static double pow_special(double x, double y)
{
    double ax = hil_abs(x), ay = hil_abs(y);
    if (y == 0 || x == 1)
        return 1;
    if (x != x || y != y)
        return HIL_NAN;
    if (ax == 1)
        return pow_parity(y) == 0 ? HIL_NAN : pow_parity(y) == 1 ? x : 1;
    if (ay == HIL_INF)
        return (ax > 1) == (y > 0) ? HIL_INF : 0;
    /* x is 0 or infinite */
    double magnitude = (ax == 0) == (y < 0) ? HIL_INF : 0;
    return pow_parity(y) == 1 ? hil_with_sign(magnitude, x) : magnitude;
}

/* x^y, x > 0 and not 1 */
static double pow_positive(double x, double y)
{
    double ay = hil_abs(y);
    if (ay < 0x1p-65)
        return 1;
    if (ay > 0x1p65)
        return (x > 1) == (y > 0) ? HIL_INF : 0;
    hil_dd l = log_pair(x), p = hil_two_prod(y, l.hi);
    return exp_any(p.hi, p.lo + y * l.lo, 0);
}

double hil_pow(double x, double y)
{
    double ax = hil_abs(x);
    if (HIL_UNLIKELY(!(ax > 0 && ax < HIL_INF && ax != 1) || !(hil_abs(y) < HIL_INF) || y == 0))
        return pow_special(x, y);
    if (x > 0)
        return pow_positive(x, y);
    int parity = pow_parity(y);
    if (parity == 0)
        return HIL_NAN;
    return parity == 1 ? -pow_positive(ax, y) : pow_positive(ax, y);
}
