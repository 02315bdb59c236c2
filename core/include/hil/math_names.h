/*
 * Gives the names of <math.h> to the core's libm. To be force-included (-include hil/math_names.h) when generated C is compiled,
 * so that `sin` means hil_sin. What the core does not have becomes an unknown name, never libm's: no model may quietly
 * depend on the host's libm.
 */
#ifndef HIL_MATH_NAMES_H
#define HIL_MATH_NAMES_H

#include "hil/math.h"
#include <math.h> /* before the names below, or its own declarations would be renamed */

#define sin      hil_sin
#define cos      hil_cos
#define tan      hil_tan
#define asin     hil_asin
#define acos     hil_acos
#define atan     hil_atan
#define atan2    hil_atan2
#define exp      hil_exp
#define expm1    hil_expm1
#define log      hil_log
#define log1p    hil_log1p
#define log2     hil_log2
#define log10    hil_log10
#define pow      hil_pow
#define sinh     hil_sinh
#define cosh     hil_cosh
#define tanh     hil_tanh
#define asinh    hil_asinh
#define acosh    hil_acosh
#define atanh    hil_atanh
#define hypot    hil_hypot
#define floor    hil_floor
#define ceil     hil_ceil
#define fmod     hil_fmod
#define fmin     hil_fmin
#define fmax     hil_fmax
#define fabs     hil_fabs
#define copysign hil_copysign
#define sqrt     hil_sqrt

#define erf       hil_has_no_erf
#define erfc      hil_has_no_erfc
#define tgamma    hil_has_no_tgamma
#define lgamma    hil_has_no_lgamma
#define cbrt      hil_has_no_cbrt
#define exp2      hil_has_no_exp2
#define fma       hil_has_no_fma
#define remainder hil_has_no_remainder

#endif
