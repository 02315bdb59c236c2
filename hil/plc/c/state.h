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

/* Loading and storing, named by the C type's tag. Only a word's low bytes are touched: the others are zero from the start on and stay so
 * (in words of a call's own frame nobody looks at them), and a value that is loaded again has the size that was stored. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define ST_LOW(w, size) ((unsigned char *)(uintptr_t)(w) + 8 - (size))
#else
#define ST_LOW(w, size) ((unsigned char *)(uintptr_t)(w))
#endif

#define ST_NARROW(tag, type)                                                                                           \
    static inline type st_load_##tag(const uint64_t *w)                                                                \
    {                                                                                                                  \
        type value;                                                                                                    \
        __builtin_memcpy(&value, ST_LOW(w, sizeof value), sizeof value);                                               \
        return value;                                                                                                  \
    }                                                                                                                  \
    static inline void st_raw_##tag(uint64_t *w, type value)                                                           \
    {                                                                                                                  \
        __builtin_memcpy(ST_LOW(w, sizeof value), &value, sizeof value);                                               \
    }
ST_NARROW(i8, int8_t)
ST_NARROW(i16, int16_t)
ST_NARROW(i32, int32_t)
ST_NARROW(u8, uint8_t)
ST_NARROW(u16, uint16_t)
ST_NARROW(u32, uint32_t)
ST_NARROW(f32, float)
ST_NARROW(f64, double)

#define ST_WHOLE(tag, type)                                                                                            \
    static inline void st_store_##tag(uint64_t *w, type value) { st_raw_##tag(w, value); }
ST_WHOLE(i8, int8_t)
ST_WHOLE(i16, int16_t)
ST_WHOLE(i32, int32_t)
ST_WHOLE(u8, uint8_t)
ST_WHOLE(u16, uint16_t)
ST_WHOLE(u32, uint32_t)

/* Every NaN is the one quiet NaN. st_raw_f32 and st_raw_f64 are for what needs no look: it was stored before, or its words end
 * with the call. */
static inline void st_store_f32(uint64_t *w, float value)
{
    st_raw_f32(w, ST_UNLIKELY(value != value) ? __builtin_nanf("") : value);
}

static inline void st_store_f64(uint64_t *w, double value)
{
    st_raw_f64(w, ST_UNLIKELY(value != value) ? __builtin_nan("") : value);
}

#define ST_WIDE(tag, type)                                                                                             \
    static inline type st_load_##tag(const uint64_t *w)                                                                \
    {                                                                                                                  \
        return (type)(st_load_u32(w) | (uint64_t)st_load_u32(w + 1) << 32);                                            \
    }                                                                                                                  \
    static inline void st_store_##tag(uint64_t *w, type value)                                                         \
    {                                                                                                                  \
        st_raw_u32(w, (uint32_t)(uint64_t)value);                                                                      \
        st_raw_u32(w + 1, (uint32_t)((uint64_t)value >> 32));                                                          \
    }
ST_WIDE(i64, int64_t)
ST_WIDE(u64, uint64_t)

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

/* Numbers of the input image as a variable's: rounded towards zero, held within the type. NaN leaves a variable as it is: nobody drives it. */
#define ST_INPUT(tag, type, low, high)                                                                                 \
    static inline void st_input_##tag(uint64_t *w, double value)                                                       \
    {                                                                                                                  \
        if (value >= (double)(low) && value < (double)(high) + 1)                                                      \
            st_store_##tag(w, (type)value);                                                                            \
        else if (value == value)                                                                                       \
            st_store_##tag(w, (type)(value < 0 ? (low) : (high)));                                                     \
    }
ST_INPUT(i8, int8_t, INT8_MIN, INT8_MAX)
ST_INPUT(i16, int16_t, INT16_MIN, INT16_MAX)
ST_INPUT(i32, int32_t, INT32_MIN, INT32_MAX)
ST_INPUT(u8, uint8_t, 0, UINT8_MAX)
ST_INPUT(u16, uint16_t, 0, UINT16_MAX)
ST_INPUT(u32, uint32_t, 0, UINT32_MAX)
ST_INPUT(i64, int64_t, INT64_MIN, INT64_MAX)
ST_INPUT(u64, uint64_t, 0, UINT64_MAX)

static inline void st_input_f32(uint64_t *w, double value)
{
    if (value == value)
        st_raw_f32(w, (float)value);
}

static inline void st_input_f64(uint64_t *w, double value)
{
    if (value == value)
        st_raw_f64(w, value);
}

static inline void st_input_bool(uint64_t *w, double value)
{
    if (value == value)
        st_raw_u8(w, value >= 0.5);
}

#endif
