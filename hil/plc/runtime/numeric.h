/* EXPT and the numeric functions of one variable, by the core's libm: computed as LREAL, rounded once. */
#ifndef ST_NUMERIC_H
#define ST_NUMERIC_H

#include "hil/math.h"
#include "types.h"

#define ST_NUMERIC(tag, type, bits)                                                                                    \
    static inline type st_sqrt_##tag(type x) { return (type)hil_sqrt((double)x); }                                     \
    static inline type st_log_##tag(type x) { return (type)hil_log((double)x); }                                       \
    static inline type st_log10_##tag(type x) { return (type)hil_log10((double)x); }                                   \
    static inline type st_exp_##tag(type x) { return (type)hil_exp((double)x); }                                       \
    static inline type st_sin_##tag(type x) { return (type)hil_sin((double)x); }                                       \
    static inline type st_cos_##tag(type x) { return (type)hil_cos((double)x); }                                       \
    static inline type st_tan_##tag(type x) { return (type)hil_tan((double)x); }                                       \
    static inline type st_asin_##tag(type x) { return (type)hil_asin((double)x); }                                     \
    static inline type st_acos_##tag(type x) { return (type)hil_acos((double)x); }                                     \
    static inline type st_atan_##tag(type x) { return (type)hil_atan((double)x); }                                     \
    static inline type st_atan2_##tag(type y, type x) { return (type)hil_atan2((double)y, (double)x); }                \
    static inline type st_expt_##tag(type x, double y) { return (type)hil_pow((double)x, y); }
ST_REALS(ST_NUMERIC)

#endif
