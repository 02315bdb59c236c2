/* AND OR XOR NOT, SHL SHR ROL ROR, byte order. A BOOL is a uint8_t of 0 or 1. A negative N stops the program. */
#ifndef ST_BITS_H
#define ST_BITS_H

#include "scan.h"
#include "types.h"

static inline uint8_t st_not_bool(uint8_t a) { return !a; }

static inline uint8_t st_shifts(struct st_scan *scan, int64_t n)
{
    if (n < 0)
        st_stop(scan, HIL_PLC_RANGE);
    return n >= 0;
}

/* Bits of a type without its sign; a shift by all of them or more leaves none. */
#define ST_BITWISE(tag, type, bits)                                                                                    \
    static inline type st_and_##tag(type a, type b) { return a & b; }                                                  \
    static inline type st_or_##tag(type a, type b) { return a | b; }                                                   \
    static inline type st_xor_##tag(type a, type b) { return a ^ b; }                                                  \
    static inline type st_not_##tag(type a) { return (type)~a; }                                                       \
    static inline type st_shl_##tag(struct st_scan *scan, type a, int64_t n)                                           \
    {                                                                                                                  \
        return !st_shifts(scan, n) || n >= (int64_t)sizeof a * 8 ? 0 : (type)((uint64_t)a << n);                       \
    }                                                                                                                  \
    static inline type st_shr_##tag(struct st_scan *scan, type a, int64_t n)                                           \
    {                                                                                                                  \
        return !st_shifts(scan, n) || n >= (int64_t)sizeof a * 8 ? 0 : (type)((uint64_t)a >> n);                       \
    }                                                                                                                  \
    static inline type st_rol_##tag(struct st_scan *scan, type a, int64_t n)                                           \
    {                                                                                                                  \
        int64_t width = (int64_t)sizeof a * 8, turn = st_shifts(scan, n) ? n % width : 0;                              \
        return turn == 0 ? a : (type)((uint64_t)a << turn | (uint64_t)a >> (width - turn));                            \
    }                                                                                                                  \
    static inline type st_ror_##tag(struct st_scan *scan, type a, int64_t n)                                           \
    {                                                                                                                  \
        int64_t width = (int64_t)sizeof a * 8, turn = st_shifts(scan, n) ? n % width : 0;                              \
        return turn == 0 ? a : (type)((uint64_t)a >> turn | (uint64_t)a << (width - turn));                            \
    }
ST_UNSIGNED(ST_BITWISE)

static inline uint8_t st_shift_bool(struct st_scan *scan, uint8_t a, int64_t n)
{
    return st_shifts(scan, n) && n == 0 ? a : 0;
}

static inline uint8_t st_turn_bool(struct st_scan *scan, uint8_t a, int64_t n) { return st_shifts(scan, n) ? a : 0; }

static inline uint64_t st_bytes_reversed(uint64_t a, uint32_t bytes)
{
    uint64_t reversed = 0;
    for (uint32_t i = 0; i < bytes; i++)
        reversed |= (a >> 8 * i & 0xff) << 8 * (bytes - 1 - i);
    return reversed;
}

/* To the other byte order and back is the same. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ST_BIG(a)    st_bytes_reversed((uint64_t)(a), sizeof(a))
#define ST_LITTLE(a) (a)
#else
#define ST_BIG(a)    (a)
#define ST_LITTLE(a) st_bytes_reversed((uint64_t)(a), sizeof(a))
#endif

#define ST_BYTE_ORDER(tag, type, bits)                                                                                 \
    static inline type st_big_endian_##tag(type a) { return (type)(bits)ST_BIG(a); }                                   \
    static inline type st_little_endian_##tag(type a) { return (type)(bits)ST_LITTLE(a); }
ST_INTEGERS(ST_BYTE_ORDER)

#endif
