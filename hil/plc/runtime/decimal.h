/* Decimal text to the nearest REAL or LREAL (half to even), and back to the shortest text that reads as the same number.
 * Source: G. Steele and J. White, "How to Print Floating-Point Numbers Accurately" (1990); exact arithmetic throughout. */
#ifndef ST_DECIMAL_H
#define ST_DECIMAL_H

#include "big.h"
#include "convert.h"
#include "text.h"

/* A half-way point between two doubles has at most 768 digits. */
#define ST_DIGITS 770

struct st_format {
    int32_t precision; /* bits of the significand */
    int32_t least;     /* exponent of the smallest number's bit */
    double infinite;   /* the first number too large; 0: the type's own arithmetic tells */
};

static const struct st_format st_real_format = {24, -149, 340282366920938463463374607431768211456.0};
static const struct st_format st_lreal_format = {53, -1074, 0};

/* 2^exponent, -1074 .. 1023. */
static inline double st_power_of_two(int32_t exponent)
{
    if (exponent < -1022)
        return st_f64_of_pattern(UINT64_C(1) << (exponent + 1074));
    return st_f64_of_pattern((uint64_t)(exponent + 1023) << 52);
}

/* quotient * 2^exponent, of which more is cut off if `rest`, rounded to the format. */
static inline double st_rounded(uint64_t quotient, int32_t exponent, uint8_t rest, const struct st_format *format)
{
    int32_t unit = exponent + (int32_t)st_bit_length(quotient) - format->precision;
    unit = unit < format->least ? format->least : unit;
    int32_t drop = unit - exponent; /* at least 1, as the quotient has 63 bits */
    if (drop > 64)
        return 0;
    if (unit > 1000)
        return __builtin_inf();
    uint64_t kept = drop == 64 ? 0 : quotient >> drop, half = UINT64_C(1) << (drop - 1);
    uint64_t cut = drop == 64 ? quotient : quotient & ((half << 1) - 1);
    kept += cut > half || (cut == half && (rest || (kept & 1)));
    double x = (double)kept * st_power_of_two(unit);
    return format->infinite > 0 && x >= format->infinite ? __builtin_inf() : x;
}

/* a / b; changes both. */
static inline double st_big_ratio(struct st_big *a, struct st_big *b, const struct st_format *format)
{
    int32_t shift = -1 - (st_big_length(a) - st_big_length(b));
    uint64_t quotient = 0;
    if (a->n == 0)
        return 0;
    if (shift > 0)
        st_big_shift(a, (uint32_t)shift);
    else
        st_big_shift(b, (uint32_t)-shift);
    for (int i = 0; i < 64; i++) { /* 1/4 < a/b < 1 before */
        st_big_shift(a, 1);
        quotient <<= 1;
        if (st_big_order(a, b) >= 0) {
            st_big_subtract(a, b);
            quotient |= 1;
        }
    }
    return st_rounded(quotient, -64 - shift, a->n > 0, format);
}

/* Digits after one another, as they are read. */
struct st_digits {
    struct st_big value;
    int32_t count;    /* significant ones taken */
    int32_t exponent; /* the number is value * 10^exponent */
    uint8_t any;
};

static inline void st_take_digits(struct st_digits *d, st_text *at, uint8_t fraction)
{
    uint32_t digit;
    while (st_accept_digit(at, 10, &digit)) {
        d->any = 1;
        if (d->count < ST_DIGITS) {
            st_big_multiply(&d->value, 10, digit);
            d->count += d->value.n > 0;
            d->exponent -= fraction;
        } else {
            /* Behind the last digit only matters whether there is anything. */
            d->value.word[0] |= digit > 0;
            d->exponent += !fraction;
        }
    }
}

static inline int32_t st_take_exponent(st_text *at)
{
    st_text from = *at;
    uint64_t size;
    if (!st_accept(at, "E"))
        return 0;
    int sign = st_accept_sign(at);
    if (st_accept_number(at, 10, &size))
        return sign * (int32_t)(size > 100000 ? 100000 : size);
    *at = from;
    return 0;
}

static inline double st_digits_value(struct st_digits *d, const struct st_format *format)
{
    struct st_big divisor;
    int32_t magnitude = d->count + d->exponent; /* the number is below 10^magnitude */
    if (d->value.n == 0 || magnitude < -350)
        return 0;
    if (magnitude > 350)
        return __builtin_inf();
    st_big_set(&divisor, 1);
    if (d->exponent >= 0)
        st_big_multiply_by_power_of_ten(&d->value, (uint32_t)d->exponent);
    else
        st_big_multiply_by_power_of_ten(&divisor, (uint32_t)-d->exponent);
    return st_big_ratio(&d->value, &divisor, format);
}

/* A literal such as -1_000.5E-3 with blanks around it, or INF; anything else is 0. */
static inline double st_read_real(st_text text, const struct st_format *format)
{
    struct st_digits d = {.count = 0};
    st_text at = st_skip_blanks(text);
    double sign = st_accept_sign(&at);
    if (st_accept(&at, "INF"))
        return st_at_end(at) ? sign * __builtin_inf() : 0;
    st_take_digits(&d, &at, 0);
    if (st_accept(&at, "."))
        st_take_digits(&d, &at, 1);
    d.exponent += st_take_exponent(&at);
    return d.any && st_at_end(at) ? sign * st_digits_value(&d, format) : 0;
}

static inline float st_f32_of_string(st_text text) { return (float)st_read_real(text, &st_real_format); }
static inline double st_f64_of_string(st_text text) { return st_read_real(text, &st_lreal_format); }

#endif
