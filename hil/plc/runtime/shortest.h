/* REAL_TO_STRING and LREAL_TO_STRING: the shortest decimal number that reads as the same REAL or LREAL, and of those the nearest:
 * 0.1, -25.0, 1.0E+20. From 1.0E-4 to below 1.0E+15 without an exponent. INF, -INF, NAN. */
#ifndef ST_SHORTEST_H
#define ST_SHORTEST_H

#include "decimal.h"

/* x = r / s; numbers nearer than `above` / s and `below` / s read as x. */
struct st_printing {
    struct st_big r, s, above, below;
    uint8_t even; /* the half-way points read as x as well */
};

static inline void st_print_begin(struct st_printing *p, uint64_t significand, int32_t exponent, uint8_t closer)
{
    st_big_set(&p->r, significand);
    st_big_set(&p->s, 1);
    st_big_set(&p->above, 1);
    st_big_set(&p->below, 1);
    uint32_t up = exponent > 0 ? (uint32_t)exponent : 0, down = exponent < 0 ? (uint32_t)-exponent : 0;
    st_big_shift(&p->r, up + 1 + closer);
    st_big_shift(&p->s, down + 1 + closer);
    st_big_shift(&p->above, up + closer);
    st_big_shift(&p->below, up);
    p->even = !(significand & 1);
}

/* Whether r + above is at least s: the digits before would round up. */
static inline uint8_t st_reaches(const struct st_printing *p)
{
    struct st_big sum;
    st_big_copy(&sum, &p->r);
    st_big_add(&sum, &p->above);
    int order = st_big_order(&sum, &p->s);
    return p->even ? order >= 0 : order > 0;
}

static inline void st_print_multiply(struct st_printing *p, uint32_t power_of_ten)
{
    st_big_multiply_by_power_of_ten(&p->r, power_of_ten);
    st_big_multiply_by_power_of_ten(&p->above, power_of_ten);
    st_big_multiply_by_power_of_ten(&p->below, power_of_ten);
}

/* Makes r / s the fraction 0.d1 d2 d3 ... and gives the exponent: x = 0.d1 d2 d3 ... * 10^exponent. */
static inline int32_t st_print_scale(struct st_printing *p)
{
    /* 30103 / 100000 is log10(2): three too low at most, never too high. */
    int32_t bits = st_big_length(&p->r) - st_big_length(&p->s) - 1;
    int32_t exponent = bits >= 0 ? bits * 30103 / 100000 : -(-bits * 30103 / 100000 + 1);
    if (exponent >= 0)
        st_big_multiply_by_power_of_ten(&p->s, (uint32_t)exponent);
    else
        st_print_multiply(p, (uint32_t)-exponent);
    for (int i = 0; i < 3 && st_reaches(p); i++, exponent++)
        st_big_multiply(&p->s, 10, 0);
    return exponent;
}

/* The next digit; the last one is rounded, and then 1 is given. */
static inline uint8_t st_print_digit(struct st_printing *p, char *digit)
{
    st_print_multiply(p, 1);
    for (*digit = 0; st_big_order(&p->r, &p->s) >= 0; ++*digit)
        st_big_subtract(&p->r, &p->s);
    int order = st_big_order(&p->r, &p->below);
    uint8_t low = p->even ? order <= 0 : order < 0, high = st_reaches(p);
    if (!low && !high)
        return 0;
    st_big_shift(&p->r, 1);
    int half = st_big_order(&p->r, &p->s);
    *digit = (char)(*digit + (high && (!low || half > 0 || (half == 0 && (*digit & 1)))));
    return 1;
}

/* Digits of significand * 2^exponent, at most 17; returns their count. */
static inline uint32_t st_shortest(uint64_t significand, int32_t exponent, uint8_t closer, char *digits, int32_t *point)
{
    struct st_printing p;
    uint32_t n = 0;
    uint8_t last = 0;
    st_print_begin(&p, significand, exponent, closer);
    *point = st_print_scale(&p);
    while (!last && n < 18) {
        last = st_print_digit(&p, &digits[n]);
        digits[n++] += '0';
    }
    return n;
}

/* 0.d1 d2 ... dn * 10^point, without an exponent. */
static inline void st_put_plain(struct st_out *out, const char *digits, int32_t n, int32_t point)
{
    if (point <= 0)
        st_put_text(out, "0.");
    for (int32_t i = point; i < 0; i++)
        st_put(out, '0');
    for (int32_t i = 0; i < n || i <= point; i++) {
        if (i == point && point > 0)
            st_put(out, '.');
        if (i < n || point > 0)
            st_put(out, i < n ? digits[i] : '0');
    }
}

static inline void st_put_exponent(struct st_out *out, const char *digits, int32_t n, int32_t point)
{
    st_put_plain(out, digits, n, 1);
    st_put_text(out, point < 1 ? "E-" : "E+");
    st_put_number(out, (uint64_t)(point < 1 ? 1 - point : point - 1), 10, 2);
}

static inline void st_put_real(struct st_out *out, uint64_t significand, int32_t exponent, uint8_t closer)
{
    char digits[18];
    int32_t point = 1, n = 1;
    digits[0] = '0';
    if (significand)
        n = (int32_t)st_shortest(significand, exponent, closer, digits, &point);
    if (point >= -3 && point <= 15)
        st_put_plain(out, digits, n, point);
    else
        st_put_exponent(out, digits, n, point);
}

/* The value with these parts of its bit pattern. */
static inline void st_put_pattern(struct st_out *out, uint64_t fraction, int32_t biased, uint8_t negative,
                                  const struct st_format *format)
{
    uint64_t hidden = UINT64_C(1) << (format->precision - 1);
    int32_t bias = 2 - format->least - format->precision, special = 2 * bias + 1; /* of infinities and NaN */
    if (biased == special && fraction) {
        st_put_text(out, "NAN");
        return;
    }
    if (negative)
        st_put(out, '-');
    if (biased == special)
        st_put_text(out, "INF");
    else if (biased == 0)
        st_put_real(out, fraction, format->least, 0);
    else
        st_put_real(out, fraction | hidden, format->least + biased - 1, fraction == 0 && biased > 1);
}

static inline void st_string_of_f32(char *to, uint32_t capacity, float x)
{
    struct st_out out = st_write(to, capacity);
    uint32_t bits = st_pattern_of_f32(x);
    st_put_pattern(&out, bits & 0x7fffff, (int32_t)(bits >> 23 & 0xff), bits >> 31, &st_real_format);
}

static inline void st_string_of_f64(char *to, uint32_t capacity, double x)
{
    struct st_out out = st_write(to, capacity);
    uint64_t bits = st_pattern_of_f64(x);
    st_put_pattern(&out, bits & UINT64_C(0xfffffffffffff), (int32_t)(bits >> 52 & 0x7ff), bits >> 63, &st_lreal_format);
}

#endif
