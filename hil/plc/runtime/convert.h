/* Conversions between numbers, bit strings and times. Integers keep their low bits; a real number that an integer cannot hold becomes the
 * nearest that it can, NaN becomes 0. */
#ifndef ST_CONVERT_H
#define ST_CONVERT_H

#include "arithmetic.h"
#include "types.h"

#define ST_DAY_NS INT64_C(86400000000000)

/* ---- real numbers ---- */

#define ST_ROUNDING 6755399441055744.0 /* 1.5 * 2^52: no fraction has room in a sum with it */

/* Half to even, as IEC 60559; from 2^52 on every double is whole. */
static inline double st_round(double x)
{
    double size = hil_fabs(x);
    if (size < 2251799813685248.0)
        return x + ST_ROUNDING - ST_ROUNDING;
    if (!(size < 4503599627370496.0))
        return x;
    size = size + 4503599627370496.0 - 4503599627370496.0;
    return x < 0 ? -size : size;
}

static inline int64_t st_saturated(double x)
{
    if (hil_fabs(x) < 9223372036854775808.0)
        return (int64_t)x;
    return x < 0 ? INT64_MIN : x > 0 ? INT64_MAX : 0; /* NaN: 0 */
}

static inline uint64_t st_saturated_unsigned(double x)
{
    if (!(x > 0)) /* or NaN */
        return 0;
    return x >= 18446744073709551616.0 ? UINT64_MAX : (uint64_t)x;
}

#define ST_SIGNED_OF(tag, type, bits)                                                                                  \
    static inline type st_##tag##_within(int64_t x)                                                                    \
    {                                                                                                                  \
        const type most = (type)((bits) ~(bits)0 >> 1), least = (type)(-most - 1);                                     \
        return x > most ? most : x < least ? least : (type)x;                                                          \
    }                                                                                                                  \
    static inline type st_##tag##_of_real(double x)                                                                    \
    {                                                                                                                  \
        const double most = (double)((bits) ~(bits)0 >> 1);                                                            \
        if (sizeof(type) < 8 && x > -most - 1.5 && x < most + 0.5) /* the usual case, in a few instructions */         \
            return (type)(x + ST_ROUNDING - ST_ROUNDING);                                                              \
        return st_##tag##_within(st_saturated(st_round(x)));                                                           \
    }                                                                                                                  \
    static inline type st_##tag##_trunc(double x) { return st_##tag##_within(st_saturated(x)); }
ST_SIGNED(ST_SIGNED_OF)

#define ST_UNSIGNED_OF(tag, type, bits)                                                                                \
    static inline type st_##tag##_within(uint64_t x) { return x > (type) ~(type)0 ? (type) ~(type)0 : (type)x; }       \
    static inline type st_##tag##_of_real(double x) { return st_##tag##_within(st_saturated_unsigned(st_round(x))); }  \
    static inline type st_##tag##_trunc(double x) { return st_##tag##_within(st_saturated_unsigned(x)); }
ST_UNSIGNED(ST_UNSIGNED_OF)

static inline float st_f32_of_i64(int64_t x) { return (float)x; }
static inline float st_f32_of_u64(uint64_t x) { return (float)x; }
static inline float st_f32_of_f64(double x) { return (float)x; }
static inline double st_f64_of_i64(int64_t x) { return (double)x; }
static inline double st_f64_of_u64(uint64_t x) { return (double)x; }
static inline double st_f64_of_f32(float x) { return (double)x; }
static inline uint8_t st_bool_of_real(double x) { return x != 0; }
static inline uint8_t st_is_valid(double x) { return hil_fabs(x) < __builtin_inf(); }

/* ---- bits ---- */

#define ST_OF_BITS(tag, type, bits)                                                                                    \
    static inline type st_##tag##_of_bits(uint64_t x) { return (type)(bits)x; }                                        \
    /* A duration or a time of day in ms, a date in s since 1970. */                                                   \
    static inline type st_##tag##_of_ms(int64_t ns) { return (type)(bits)(uint64_t)(ns / 1000000); }                   \
    static inline type st_##tag##_of_s(int64_t ns) { return (type)(bits)(uint64_t)(ns / 1000000000); }
ST_INTEGERS(ST_OF_BITS)

/* An integer's bits in a bit string, without its sign. */
#define ST_OF_LOW(tag, type, bits)                                                                                     \
    static inline type st_##tag##_of_low8(uint8_t x) { return (type)x; }                                               \
    static inline type st_##tag##_of_low16(uint16_t x) { return (type)x; }                                             \
    static inline type st_##tag##_of_low32(uint32_t x) { return (type)x; }                                             \
    static inline type st_##tag##_of_low64(uint64_t x) { return (type)x; }
ST_UNSIGNED(ST_OF_LOW)

static inline uint8_t st_bool_of_bits(uint64_t x) { return x & 1; }
static inline uint8_t st_bool_of_number(uint64_t x) { return x != 0; }

static inline float st_f32_of_pattern(uint32_t bits)
{
    float x;
    __builtin_memcpy(&x, &bits, sizeof x);
    return x;
}

static inline double st_f64_of_pattern(uint64_t bits)
{
    double x;
    __builtin_memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t st_pattern_of_f32(float x)
{
    uint32_t bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline uint64_t st_pattern_of_f64(double x)
{
    uint64_t bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* ---- times ---- */

/* The rest of a time in its day, 0 .. 24 h. */
static inline int64_t st_tod_of_ns(int64_t ns)
{
    int64_t rest = ns % ST_DAY_NS;
    return rest < 0 ? rest + ST_DAY_NS : rest;
}

/* Where the day of a time begins. */
static inline int64_t st_date_of_ns(int64_t ns) { return st_sub_i64(ns, st_tod_of_ns(ns)); }

static inline int64_t st_time_of_ms(int64_t ms) { return st_mul_i64(ms, 1000000); }
static inline int64_t st_tod_of_ms(int64_t ms) { return st_tod_of_ns(st_time_of_ms(ms)); }
static inline int64_t st_dt_of_s(int64_t s) { return st_mul_i64(s, 1000000000); }
static inline int64_t st_date_of_s(int64_t s) { return st_date_of_ns(st_dt_of_s(s)); }

static inline int64_t st_time_of_real(double ms) { return st_i64_of_real(ms * 1e6); }
static inline int64_t st_tod_of_real(double ms) { return st_tod_of_ns(st_time_of_real(ms)); }
static inline int64_t st_ltod_of_real(double ns) { return st_tod_of_ns(st_i64_of_real(ns)); }
static inline int64_t st_dt_of_real(double s) { return st_i64_of_real(s * 1e9); }
static inline int64_t st_date_of_real(double s) { return st_date_of_ns(st_dt_of_real(s)); }
static inline int64_t st_ldate_of_real(double ns) { return st_date_of_ns(st_i64_of_real(ns)); }

static inline double st_f64_of_ms(int64_t ns) { return (double)ns / 1e6; }
static inline double st_f64_of_s(int64_t ns) { return (double)ns / 1e9; }
static inline float st_f32_of_ms(int64_t ns) { return (float)st_f64_of_ms(ns); }
static inline float st_f32_of_s(int64_t ns) { return (float)st_f64_of_s(ns); }

#endif
