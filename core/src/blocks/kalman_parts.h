/* Private to kalman.c: what the steps for few and for many states share. */
#ifndef HIL_KALMAN_PARTS_H
#define HIL_KALMAN_PARTS_H

#include <string.h>

#include "describe.h"
#include "estimator.h"

#define KALMAN_MAX_N  16
#define KALMAN_FEW    6 /* up to so many, single elements in registers are faster than lanes */
#define KALMAN_ALWAYS static inline __attribute__((always_inline))

#if !defined(__ARM_ARCH_PROFILE) || __ARM_ARCH_PROFILE != 'M' /* flash is dearer than time there */
#define KALMAN_FIXED_SIZES 1
#endif

struct kalman_model {
    const double *A, *B, *C, *D, *Q, *R; /* row after row; B, D may be NULL; R is the diagonal */
    uint32_t m, n_u;
    int joseph;
};

/* Where a step starts: x, P in rows of kalman_row(n), and the u that acted since; not `started`: without a prediction. */
struct kalman_from {
    const double *x, *P, *u;
    int started;
};

/* What a step makes. x and P (in rows) are written when it came out right, and may lie where the step started. */
struct kalman_result {
    double *x, *P, innovation[ESTIMATOR_MAX_Y];
    double nis, determinant; /* sum of e^2 / s, product of s */
    uint32_t n;              /* measurements taken up */
    int fine;                /* it came out right */
};

/* Elements of a row in memory of one's own: an even number, so that it is a row of lanes. */
KALMAN_ALWAYS uint32_t kalman_row(uint32_t n) { return (n + 1u) & ~1u; }

#endif
