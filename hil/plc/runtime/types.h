/* Lists of the C types behind the elementary types: EACH(F) expands F(tag, type, unsigned type) for each. */
#ifndef ST_TYPES_H
#define ST_TYPES_H

#include <stdint.h>

#define ST_SIGNED(F)                                                                                                   \
    F(i8, int8_t, uint8_t)                                                                                             \
    F(i16, int16_t, uint16_t)                                                                                          \
    F(i32, int32_t, uint32_t)                                                                                          \
    F(i64, int64_t, uint64_t)

#define ST_UNSIGNED(F)                                                                                                 \
    F(u8, uint8_t, uint8_t)                                                                                            \
    F(u16, uint16_t, uint16_t)                                                                                         \
    F(u32, uint32_t, uint32_t)                                                                                         \
    F(u64, uint64_t, uint64_t)

#define ST_REALS(F)                                                                                                    \
    F(f32, float, float)                                                                                               \
    F(f64, double, double)

#define ST_INTEGERS(F) ST_SIGNED(F) ST_UNSIGNED(F)
#define ST_SCALARS(F)  ST_INTEGERS(F) ST_REALS(F)

#endif
