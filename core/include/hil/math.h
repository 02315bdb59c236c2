/*
 * The core's own small libm. The same argument gives the same bits on every x86-64 and Arm, with gcc and clang, at every
 * optimisation level, provided that the code is compiled with -ffp-contract=off and without fast-math.
 *
 * All functions: may be called in a tick (no OS, no errno, no floating-point flags, no mutable state; bounded time).
 * Angles are in radians. The rounding mode is "to nearest". Special cases are those of C11 Annex F, except that every
 * NaN result is the one positive quiet NaN 0x7ff8000000000000, whatever NaN came in. Errors are below 0.6 ulp for normal results
 * and below 0.8 ulp for subnormal ones; those under "exact" are correctly rounded (tests/unit/test_math.py).
 *
 * Sources: own code, on tables computed by tools/make_math_tables.py. Ideas taken from W. Cody and W. Waite, "Software Manual for the
 * Elementary Functions" (1980); M. Payne and R. Hanek, "Radian Reduction for Trigonometric Functions" (1983);
 * T. Dekker, "A Floating-Point Technique for Extending the Available Precision" (1971); P. T. P. Tang, "Table-Driven
 * Implementation of the Exponential Function" (1989); S. Nagy's exp, log and pow in Arm's optimized-routines (MIT).
 */
#ifndef HIL_MATH_H
#define HIL_MATH_H

double hil_sin(double x);
double hil_cos(double x);
double hil_tan(double x);
void hil_sincos(double x, double *sine, double *cosine); /* same bits as hil_sin and hil_cos, for about one of them */
double hil_asin(double x);                               /* |x| <= 1, else NaN */
double hil_acos(double x);                               /* |x| <= 1, else NaN; 0 .. pi */
double hil_atan(double x);
double hil_atan2(double y, double x); /* angle of the point (x, y), -pi .. pi */

double hil_exp(double x);
double hil_expm1(double x); /* exp(x) - 1 */
double hil_log(double x);   /* x < 0: NaN; 0: -inf */
double hil_log1p(double x); /* log(1 + x) */
double hil_log2(double x);
double hil_log10(double x);
double hil_pow(double x, double y);
double hil_sinh(double x);
double hil_cosh(double x);
double hil_tanh(double x);
double hil_asinh(double x);
double hil_acosh(double x); /* x >= 1, else NaN */
double hil_atanh(double x); /* |x| <= 1, else NaN */
double hil_hypot(double x, double y);

/* Exact. */
double hil_floor(double x);
double hil_ceil(double x);
double hil_fmod(double x, double y); /* bounded by 2,100 steps, one for each power of 2 between x and y */
double hil_fmin(double x, double y); /* NaN counts as absent; -0 < +0 */
double hil_fmax(double x, double y);
double hil_copysign(double x, double y);
double hil_sqrt_soft(double x); /* for processors without a square root; same bits as hil_sqrt */

static inline double hil_fabs(double x) { return __builtin_fabs(x); }

/* Here, so that it becomes one instruction. Not __builtin_sqrt on hosts: that calls libm's sqrt to set errno. */
static inline double hil_sqrt(double x)
{
    double root;
    if (!(x >= 0))
        return __builtin_nan("");
#if defined(HIL_SOFT_SQRT)
    root = hil_sqrt_soft(x);
#elif defined(__x86_64__) && defined(__AVX__)
    __asm__("vsqrtsd %1, %1, %0" : "=x"(root) : "x"(x));
#elif defined(__x86_64__)
    __asm__("sqrtsd %1, %0" : "=x"(root) : "x"(x));
#elif defined(__aarch64__)
    __asm__("fsqrt %d0, %d1" : "=w"(root) : "w"(x));
#elif defined(__ARM_FP) && (__ARM_FP & 8)
    __asm__("vsqrt.f64 %P0, %P1" : "=w"(root) : "w"(x));
#else
    root = hil_sqrt_soft(x);
#endif
    return root;
}

#endif
