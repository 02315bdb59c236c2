/* ADD SUB MUL DIV MOD NEG ABS MOVE of numbers. Integers wrap: they are computed as uint64_t, of which the low bits are kept. */
#ifndef ST_ARITHMETIC_H
#define ST_ARITHMETIC_H

#include "hil/math.h"
#include "scan.h"
#include "types.h"

#define ST_WRAPPING(tag, type, bits)                                                                                   \
    static inline type st_add_##tag(type a, type b) { return (type)(bits)((uint64_t)a + (uint64_t)b); }                \
    static inline type st_sub_##tag(type a, type b) { return (type)(bits)((uint64_t)a - (uint64_t)b); }                \
    static inline type st_mul_##tag(type a, type b) { return (type)(bits)((uint64_t)a * (uint64_t)b); }                \
    static inline type st_neg_##tag(type a) { return (type)(bits)(0 - (uint64_t)a); }
ST_INTEGERS(ST_WRAPPING)

/* The least integer by -1 has no quotient in its type: it wraps to itself. */
#define ST_SIGNED_DIVISION(tag, type, bits)                                                                            \
    static inline type st_div_##tag(struct st_scan *scan, type a, type b)                                              \
    {                                                                                                                  \
        if (b == 0)                                                                                                    \
            st_stop(scan, HIL_PLC_DIVISION);                                                                           \
        return b == 0 ? 0 : b == -1 ? st_neg_##tag(a) : (type)(a / b);                                                 \
    }                                                                                                                  \
    static inline type st_mod_##tag(struct st_scan *scan, type a, type b)                                              \
    {                                                                                                                  \
        if (b == 0)                                                                                                    \
            st_stop(scan, HIL_PLC_DIVISION);                                                                           \
        return b == 0 || b == -1 ? 0 : (type)(a % b);                                                                  \
    }                                                                                                                  \
    static inline type st_abs_##tag(type a) { return a < 0 ? st_neg_##tag(a) : a; }
ST_SIGNED(ST_SIGNED_DIVISION)

#define ST_UNSIGNED_DIVISION(tag, type, bits)                                                                          \
    static inline type st_div_##tag(struct st_scan *scan, type a, type b)                                              \
    {                                                                                                                  \
        if (b == 0)                                                                                                    \
            st_stop(scan, HIL_PLC_DIVISION);                                                                           \
        return b == 0 ? 0 : (type)(a / b);                                                                             \
    }                                                                                                                  \
    static inline type st_mod_##tag(struct st_scan *scan, type a, type b)                                              \
    {                                                                                                                  \
        if (b == 0)                                                                                                    \
            st_stop(scan, HIL_PLC_DIVISION);                                                                           \
        return b == 0 ? 0 : (type)(a % b);                                                                             \
    }                                                                                                                  \
    static inline type st_abs_##tag(type a) { return a; }
ST_UNSIGNED(ST_UNSIGNED_DIVISION)

/* Division by 0 gives an infinity or NaN (IEC 60559). */
#define ST_REAL_ARITHMETIC(tag, type, bits)                                                                            \
    static inline type st_add_##tag(type a, type b) { return a + b; }                                                  \
    static inline type st_sub_##tag(type a, type b) { return a - b; }                                                  \
    static inline type st_mul_##tag(type a, type b) { return a * b; }                                                  \
    static inline type st_div_##tag(type a, type b) { return a / b; }                                                  \
    static inline type st_neg_##tag(type a) { return -a; }                                                             \
    static inline type st_abs_##tag(type a) { return (type)hil_fabs((double)a); }
ST_REALS(ST_REAL_ARITHMETIC)

#define ST_MOVE(tag, type, bits)                                                                                       \
    static inline type st_move_##tag(type a) { return a; }
ST_SCALARS(ST_MOVE)

#endif
