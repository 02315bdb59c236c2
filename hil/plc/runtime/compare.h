/* GT GE EQ LE LT NE of two arguments; st_gt_all_i16 and so on of more: every neighbouring pair. Nothing compares with NaN but by NE. */
#ifndef ST_COMPARE_H
#define ST_COMPARE_H

#include "text.h"
#include "types.h"

#define ST_CHAIN(tag, type, name, ordered)                                                                             \
    static inline uint8_t st_##name##_##tag(type a, type b) { return ordered; }                                        \
    static inline uint8_t st_##name##_all_##tag(uint32_t count, type const *values)                                    \
    {                                                                                                                  \
        for (uint32_t i = 1; i < count; i++)                                                                           \
            if (!st_##name##_##tag(values[i - 1], values[i]))                                                          \
                return 0;                                                                                              \
        return 1;                                                                                                      \
    }

#define ST_COMPARISONS(tag, type, bits)                                                                                \
    ST_CHAIN(tag, type, gt, a > b)                                                                                     \
    ST_CHAIN(tag, type, ge, a >= b)                                                                                    \
    ST_CHAIN(tag, type, eq, a == b)                                                                                    \
    ST_CHAIN(tag, type, le, a <= b)                                                                                    \
    ST_CHAIN(tag, type, lt, a < b)                                                                                     \
    ST_CHAIN(tag, type, ne, a != b)
ST_SCALARS(ST_COMPARISONS)

ST_CHAIN(string, st_text, gt, st_order(a, b) > 0)
ST_CHAIN(string, st_text, ge, st_order(a, b) >= 0)
ST_CHAIN(string, st_text, eq, st_order(a, b) == 0)
ST_CHAIN(string, st_text, le, st_order(a, b) <= 0)
ST_CHAIN(string, st_text, lt, st_order(a, b) < 0)
ST_CHAIN(string, st_text, ne, st_order(a, b) != 0)

#endif
