/* Variables in words of state, as hil/plc.h lays them out. Included by generated C only. */
#ifndef ST_STATE_H
#define ST_STATE_H

#include <stdint.h>

#include "standard.h"

#define ST_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* One scan, and the loop rounds in it. */
struct st_run {
    struct st_scan scan;
    uint32_t rounds;
};

/* Ends the unit that stumbled; its callers end behind their call. The first place stays. `leave` is return or goto. */
#define ST_STOP(why, number, at, leave)                                                                                \
    do {                                                                                                               \
        r->scan.fault.reason = (why);                                                                                  \
        r->scan.fault.file = (number);                                                                                 \
        r->scan.fault.line = (at);                                                                                     \
        leave;                                                                                                         \
    } while (0)

/* Behind a standard function that may have stopped. */
#define ST_CHECK(number, at, leave)                                                                                    \
    do {                                                                                                               \
        if (ST_UNLIKELY(r->scan.fault.reason != HIL_PLC_RUNS))                                                         \
            ST_STOP(r->scan.fault.reason, number, at, leave);                                                          \
    } while (0)

/* Behind a call of a unit, which has said where. */
#define ST_RETURN(leave)                                                                                               \
    do {                                                                                                               \
        if (ST_UNLIKELY(r->scan.fault.reason != HIL_PLC_RUNS))                                                         \
            leave;                                                                                                     \
    } while (0)

#define ST_ROUND(number, at, leave)                                                                                    \
    do {                                                                                                               \
        if (ST_UNLIKELY(++r->rounds > ST_MAX_ROUNDS))                                                                  \
            ST_STOP(HIL_PLC_LOOP, number, at, leave);                                                                  \
    } while (0)

/* Loading and storing, named by the C type's tag. */
#define ST_NARROW(tag, type, bits)                                                                                     \
    static inline type st_load_##tag(const uint64_t *w) { return (type)(bits) * w; }                                   \
    static inline void st_store_##tag(uint64_t *w, type value) { *w = (bits)value; }
ST_NARROW(i8, int8_t, uint8_t)
ST_NARROW(i16, int16_t, uint16_t)
ST_NARROW(i32, int32_t, uint32_t)
ST_NARROW(u8, uint8_t, uint8_t)
ST_NARROW(u16, uint16_t, uint16_t)
ST_NARROW(u32, uint32_t, uint32_t)

#define ST_WIDE(tag, type)                                                                                             \
    static inline type st_load_##tag(const uint64_t *w) { return (type)(w[0] | w[1] << 32); }                          \
    static inline void st_store_##tag(uint64_t *w, type value)                                                         \
    {                                                                                                                  \
        w[0] = (uint64_t)value & 0xffffffffu;                                                                          \
        w[1] = (uint64_t)value >> 32;                                                                                  \
    }
ST_WIDE(i64, int64_t)
ST_WIDE(u64, uint64_t)

static inline float st_load_f32(const uint64_t *w)
{
    union {
        uint32_t bits;
        float value;
    } view = {(uint32_t)*w};
    return view.value;
}

/* Every NaN is the one quiet NaN. Chosen as a float, so that a compiler sees that what is loaded again is the value. */
static inline void st_store_f32(uint64_t *w, float value)
{
    union {
        float value;
        uint32_t bits;
    } view = {ST_UNLIKELY(value != value) ? __builtin_nanf("") : value};
    *w = view.bits;
}

static inline double st_load_f64(const uint64_t *w)
{
    union {
        uint64_t bits;
        double value;
    } view = {*w};
    return view.value;
}

static inline void st_store_f64(uint64_t *w, double value)
{
    union {
        double value;
        uint64_t bits;
    } view = {ST_UNLIKELY(value != value) ? __builtin_nan("") : value};
    *w = view.bits;
}

/* A STRING of `length` characters into length + 1 bytes, and back: cut where it is too long, filled with NUL. */
static inline void st_load_text(const uint64_t *w, uint32_t length, char *to)
{
    for (uint32_t i = 0; i < length; i++)
        to[i] = (char)(uint8_t)(w[i / 4] >> (8 * (i % 4)));
    to[length] = 0;
}

static inline void st_store_text(uint64_t *w, uint32_t length, const char *from)
{
    uint32_t n = 0;
    while (n < length && from[n])
        n++;
    for (uint32_t i = 0; i < length; i++) {
        uint64_t byte = i < n ? (uint8_t)from[i] : 0;
        w[i / 4] = i % 4 ? w[i / 4] | byte << (8 * (i % 4)) : byte;
    }
}

/* Structures and arrays; both may be the same. */
static inline void st_copy(uint64_t *to, const uint64_t *from, uint32_t n)
{
    if (to == from)
        return;
    for (uint32_t i = 0; i < n; i++)
        to[i] = from[i];
}

/* A number of the input image as a variable's: rounded towards zero, held within the type. NaN is dealt with before. */
static inline int64_t st_within(double value, double low, double high)
{
    double held = value < low ? low : value > high ? high : value;
    return held >= 9223372036854775807.0 ? INT64_MAX : (int64_t)held;
}

static inline uint64_t st_within_u64(double value)
{
    return value <= 0 ? 0 : value >= 18446744073709551615.0 ? UINT64_MAX : (uint64_t)value;
}

#endif
