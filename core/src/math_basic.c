/* The exact functions, and hypot. See hil/math.h. */
#include "math_bits.h"

double hil_copysign(double x, double y) { return hil_with_sign(x, y); }

double hil_fmin(double x, double y)
{
    if (x != x || y != y)
        return x == x ? x : (y == y ? y : HIL_NAN);
    if (x == y) /* both may be 0 */
        return hil_bits(x) >> 63 ? x : y;
    return x < y ? x : y;
}

double hil_fmax(double x, double y)
{
    if (x != x || y != y)
        return x == x ? x : (y == y ? y : HIL_NAN);
    if (x == y)
        return hil_bits(x) >> 63 ? y : x;
    return x > y ? x : y;
}

/* Towards 0; the sign stays, also that of 0. */
static double basic_truncate(double x)
{
    unsigned e = hil_exponent(x);
    if (e < 1023)
        return hil_with_sign(0, x);
    if (e >= 1075)
        return x == x ? x : HIL_NAN;
    return hil_from_bits(hil_bits(x) & ~((1ull << (1075 - e)) - 1));
}

double hil_floor(double x)
{
    double whole = basic_truncate(x);
    return whole > x ? whole - 1 : whole;
}

double hil_ceil(double x)
{
    double whole = basic_truncate(x);
    return whole < x ? hil_with_sign(whole + 1, x) : whole; /* -0.5 becomes -0 */
}

/* significand * 2^(exponent - 1075), the significand with 53 bits */
typedef struct {
    uint64_t significand;
    int exponent;
} basic_parts;

static basic_parts basic_split(double x)
{
    basic_parts p = {hil_bits(x) & 0xfffffffffffffu, (int)hil_exponent(x)};
    if (p.exponent > 0) {
        p.significand |= 1ull << 52;
        return p;
    }
    p.exponent = 1;
    while (p.significand >> 52 == 0) {
        p.significand <<= 1;
        p.exponent--;
    }
    return p;
}

/* The inverse of basic_split, for numbers that are doubles: bits shifted out are 0. */
static double basic_join(basic_parts p)
{
    while (p.significand >> 52 == 0) {
        p.significand <<= 1;
        p.exponent--;
    }
    if (p.exponent <= 0)
        return hil_from_bits(p.significand >> (1 - p.exponent));
    return hil_from_bits((p.significand & 0xfffffffffffffu) | (uint64_t)p.exponent << 52);
}

double hil_fmod(double x, double y)
{
    double ax = hil_abs(x), ay = hil_abs(y);
    if (!(ax < HIL_INF) || y != y || y == 0)
        return HIL_NAN;
    if (ax < ay)
        return x;
    basic_parts a = basic_split(ax), b = basic_split(ay);
    for (; a.exponent > b.exponent; a.exponent--) {
        if (a.significand >= b.significand)
            a.significand -= b.significand;
        a.significand <<= 1;
    }
    if (a.significand >= b.significand)
        a.significand -= b.significand;
    return hil_with_sign(a.significand == 0 ? 0 : basic_join(a), x);
}

/* One bit of the root a step. */
double hil_sqrt_soft(double x)
{
    if (x == 0 || x == HIL_INF)
        return x;
    if (!(x > 0))
        return HIL_NAN;
    basic_parts p = basic_split(x);
    int odd = (p.exponent + 1) & 1; /* x = m * 2^even, 2^52 <= m < 2^54 */
    uint64_t rest = 0, root = 0, m = p.significand << odd;
    for (int bit = 52; bit >= -54; bit -= 2) { /* root = floor(sqrt(m * 2^54)) in 54 bits, from 54 pairs of digits */
        uint64_t digits = bit >= 0 ? (m >> bit) & 3 : 0;
        rest = rest << 2 | digits;
        root <<= 1;
        if (rest >= 2 * root + 1) {
            rest -= 2 * root + 1;
            root++;
        }
    }
    /* the lowest bit decides the rounding; a tie is impossible */
    basic_parts result = {(root >> 1) + (root & 1), (p.exponent - 1075 - odd) / 2 + 1075 - 26};
    return basic_join(result);
}

double hil_hypot(double x, double y)
{
    double a = hil_abs(x), b = hil_abs(y);
    if (a == HIL_INF || b == HIL_INF)
        return HIL_INF;
    if (x != x || y != y)
        return HIL_NAN;
    if (a < b) {
        double smaller = a;
        a = b;
        b = smaller;
    }
    if (b == 0 || (int)hil_exponent(a) - (int)hil_exponent(b) >= 60)
        return a;
    int up = hil_make_moderate(&a, &b);
    hil_dd sum = hil_dd_add(hil_two_prod(a, a), hil_two_prod(b, b));
    return hil_scale(hil_dd_value(hil_dd_sqrt(sum)), -up);
}
