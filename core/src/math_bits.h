/* Private to the libm: bits of a double, and numbers kept as an unevaluated sum of two doubles. */
#ifndef HIL_MATH_BITS_H
#define HIL_MATH_BITS_H

#include <float.h>
#include <stdint.h>

#include "hil/math.h"

#if defined(__FAST_MATH__) || (defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0)
#error "bit-identical results need double evaluation and no -ffast-math"
#endif

#define HIL_UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define HIL_SIGN_BIT            0x8000000000000000u
#define HIL_INF                 __builtin_inf()
#define HIL_NAN                 __builtin_nan("")
/* Adding it to |x| < 2^51 leaves the nearest integer in the low bits of the sum. */
#define HIL_ROUND_SHIFT 0x1.8p52

/* value = hi + lo, |lo| <= ulp(hi) */
typedef struct {
    double hi, lo;
} hil_dd;

static inline uint64_t hil_bits(double x)
{
    union {
        double value;
        uint64_t bits;
    } view = {x};
    return view.bits;
}

static inline double hil_from_bits(uint64_t bits)
{
    union {
        uint64_t bits;
        double value;
    } view = {bits};
    return view.value;
}

static inline double hil_abs(double x) { return hil_from_bits(hil_bits(x) & ~HIL_SIGN_BIT); }

static inline double hil_with_sign(double magnitude, double sign)
{
    return hil_from_bits((hil_bits(magnitude) & ~HIL_SIGN_BIT) | (hil_bits(sign) & HIL_SIGN_BIT));
}

/* Biased exponent: 0 for zero and subnormals, 0x7ff for infinity and NaN. */
static inline unsigned hil_exponent(double x) { return (unsigned)(hil_bits(x) >> 52) & 0x7ff; }

/* x * 2^k for |k| <= 2,000, rounded once where the result is subnormal and x is not below 2^-20. */
static inline double hil_scale(double x, int k)
{
    int half = k / 2;
    double first = hil_from_bits((uint64_t)(1023 + half) << 52);
    double second = hil_from_bits((uint64_t)(1023 + k - half) << 52);
    return x * first * second;
}

/* |a| >= |b|, or a = 0, or the sum is exact. */
static inline hil_dd hil_fast_two_sum(double a, double b)
{
    hil_dd s = {a + b, 0};
    s.lo = b - (s.hi - a);
    return s;
}

static inline hil_dd hil_two_sum(double a, double b)
{
    hil_dd s = {a + b, 0};
    double b_seen = s.hi - a;
    s.lo = (a - (s.hi - b_seen)) + (b - b_seen);
    return s;
}

/* a = hi + lo with 26 bits each (Veltkamp), |a| < 2^996. */
static inline hil_dd hil_halves(double a)
{
    double scaled = 134217729.0 * a; /* 2^27 + 1 */
    hil_dd h = {scaled - (scaled - a), 0};
    h.lo = a - h.hi;
    return h;
}

/* Exact while nothing over- or underflows (Dekker). */
static inline hil_dd hil_two_prod(double a, double b)
{
    hil_dd x = hil_halves(a), y = hil_halves(b), p = {a * b, 0};
    p.lo = ((x.hi * y.hi - p.hi) + x.hi * y.lo + x.lo * y.hi) + x.lo * y.lo;
    return p;
}

static inline hil_dd hil_dd_mul(hil_dd a, hil_dd b)
{
    hil_dd p = hil_two_prod(a.hi, b.hi);
    return hil_fast_two_sum(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

static inline hil_dd hil_dd_div(hil_dd a, hil_dd b)
{
    double q = a.hi / b.hi;
    hil_dd p = hil_two_prod(q, b.hi);
    hil_dd quotient = {q, ((a.hi - p.hi) - p.lo + (a.lo - q * b.lo)) / b.hi};
    return quotient;
}

/* Square root of a.hi + a.lo > 0. */
static inline hil_dd hil_dd_sqrt(hil_dd a)
{
    double root = hil_sqrt(a.hi);
    hil_dd p = hil_two_prod(root, root);
    hil_dd result = {root, ((a.hi - p.hi) - p.lo + a.lo) / (2 * root)};
    return result;
}

/* a + b for |a.hi| >= |b.hi| */
static inline hil_dd hil_dd_add(hil_dd a, hil_dd b)
{
    hil_dd s = hil_fast_two_sum(a.hi, b.hi);
    return hil_fast_two_sum(s.hi, s.lo + (a.lo + b.lo));
}

static inline double hil_dd_value(hil_dd a) { return a.hi + a.lo; }

/* 1 if two positive numbers can go into hil_two_prod as they are: both between 2^-500 and 2^500. */
static inline int hil_is_moderate(double a, double b)
{
    return hil_exponent(a) - 523u <= 1000u && hil_exponent(b) - 523u <= 1000u;
}

/* Makes two positive numbers within a factor of 2^60 moderate by one power of 2; returns that power. */
static inline int hil_make_moderate(double *a, double *b)
{
    if (hil_is_moderate(*a, *b))
        return 0;
    int up = hil_exponent(*a) < 1023 ? 600 : -600;
    *a = hil_scale(*a, up);
    *b = hil_scale(*b, up);
    return up;
}

#endif
