/* Private to kalman.c: one step of a linear Kalman filter, written once for all sizes. Inlined with a constant number of
 * states it becomes straight code; with a variable one it is what small targets use. The bits are the same.
 *
 * Predict x = A x + B u, P = A P A' + Q; then one measurement after the other, which needs no matrix of innovations when R
 * is diagonal (Bierman, Factorization Methods for Discrete Sequential Estimation, 1977, section II.6): with h = P c',
 * s = c h + r, e = y - c x - d u it is x += h e / s, P -= h h' / s. The last is g g' with g = h / sqrt(s), which is
 * symmetric to the last bit. "joseph" takes P = (1 - k c) P (1 - k c)' + k r k' with k = h / s instead.
 *
 * Rows are lanes: two elements side by side by the compiler's vector types, in the order that a plain loop has. Zeros of A
 * and C are skipped: they are most of the elements of most models, and always the same ones. */
#ifndef HIL_KALMAN_STEP_H
#define HIL_KALMAN_STEP_H

#include <string.h>

#include "describe.h"
#include "hil/math.h"

#define KALMAN_MAX_N  32
#define KALMAN_ALWAYS static inline __attribute__((always_inline))

typedef double kalman_lane __attribute__((vector_size(16), may_alias, aligned(8)));

struct kalman_model {
    const double *A, *B, *C, *D, *Q, *R; /* row after row; B, D may be NULL; R is the diagonal */
    uint32_t m, n_u;
    int joseph;
};

/* Elements of a row in memory of one's own: an even number, so that it is a row of lanes. */
KALMAN_ALWAYS uint32_t kalman_row(uint32_t n) { return (n + 1u) & ~1u; }

/* From so many states on lanes pay; below, a pair that is read behind two single writes waits for them. */
#define KALMAN_LANES 8

/* to += f from, up to element n, or over whole lanes. */
KALMAN_ALWAYS void kalman_add(uint32_t size, double *to, double f, const double *from, uint32_t n)
{
    if (size < KALMAN_LANES) {
        for (uint32_t j = 0; j < n; j++)
            to[j] += f * from[j];
        return;
    }
    kalman_lane *t = (kalman_lane *)(void *)to;
    const kalman_lane *v = (const kalman_lane *)(const void *)from;
    kalman_lane factor = {f, f};
#pragma GCC unroll 16
    for (uint32_t j = 0; j < kalman_row(n) / 2; j++)
        t[j] += factor * v[j];
}

/* x+ = A x + B u */
KALMAN_ALWAYS void kalman_predict_state(uint32_t n, const struct kalman_model *k, const double *u, const double *x,
                                        double *to)
{
    for (uint32_t i = 0; i < n; i++) {
        double sum = 0.0;
        for (uint32_t j = 0; j < n; j++)
            sum += k->A[i * n + j] * x[j];
        for (uint32_t j = 0; j < k->n_u; j++)
            sum += k->B[i * k->n_u + j] * u[j];
        to[i] = sum;
    }
}

/* P+ = A (A P)' + Q; rows are whole lanes, AP and T are room to work in. As P is symmetric, so is the result, of which the lower half is
 * computed and copied. */
KALMAN_ALWAYS void kalman_predict_covariance(uint32_t n, const struct kalman_model *k, double *P, double *AP, double *T)
{
    const uint32_t row = kalman_row(n);
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < row; j++)
            AP[i * row + j] = 0.0;
        for (uint32_t l = 0; l < n; l++)
            if (k->A[i * n + l] != 0.0)
                kalman_add(n, AP + i * row, k->A[i * n + l], P + l * row, n);
    }
    for (uint32_t i = 0; n < KALMAN_LANES && i < n; i++)
        for (uint32_t j = 0; j <= i; j++) {
            double sum = k->Q[i * n + j];
            for (uint32_t l = 0; l < n; l++)
                if (k->A[i * n + l] != 0.0)
                    sum += k->A[i * n + l] * AP[j * row + l];
            P[i * row + j] = P[j * row + i] = sum;
        }
    if (n < KALMAN_LANES)
        return;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++)
            T[i * row + j] = AP[j * row + i];
    if (row > n)
        for (uint32_t i = 0; i < n; i++)
            T[i * row + n] = 0.0;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < n; j++)
            P[i * row + j] = k->Q[i * n + j];
        for (uint32_t l = 0; l < n; l++)
            if (k->A[i * n + l] != 0.0)
                kalman_add(n, P + i * row, k->A[i * n + l], T + l * row, i + 1);
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < i; j++)
            P[j * row + i] = P[i * row + j];
}

/* P -= g g' */
KALMAN_ALWAYS void kalman_subtract_square(uint32_t n, const double *g, double *P)
{
    for (uint32_t i = 0; i < n; i++)
        kalman_add(n, P + i * kalman_row(n), -g[i], g, n);
}

/* P = (1 - k c) P (1 - k c)' + k r k'. */
KALMAN_ALWAYS void kalman_joseph(uint32_t n, const double *c, const double *h, double s, double r, double *P)
{
    const uint32_t row = kalman_row(n);
    double Pc[KALMAN_MAX_N];
    for (uint32_t i = 0; i < n; i++)
        kalman_add(n, P + i * row, -(h[i] / s), h, n);
    for (uint32_t i = 0; i < n; i++) {
        Pc[i] = 0.0;
        for (uint32_t j = 0; j < n; j++)
            Pc[i] += P[i * row + j] * c[j];
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j <= i; j++) {
            double ki = h[i] / s, kj = h[j] / s;
            P[i * row + j] = P[j * row + i] = P[i * row + j] - Pc[i] * kj + ki * kj * r;
        }
}

/* h = P c' of measurement i; returns the variance of its innovation, c h + r. */
KALMAN_ALWAYS double kalman_variance(uint32_t n, const struct kalman_model *k, uint32_t i, const double *P, double *h)
{
    const double *c = k->C + i * n;
    const uint32_t row = kalman_row(n);
    for (uint32_t j = 0; j < row; j++)
        h[j] = 0.0;
    for (uint32_t j = 0; j < n; j++)
        if (c[j] != 0.0)
            kalman_add(n, h, c[j], P + j * row, n);
    double s = k->R[i];
    for (uint32_t j = 0; j < n; j++)
        s += c[j] * h[j];
    return s;
}

/* Takes up measurement i, which lies e off its prediction, with the h and s of kalman_variance; h is destroyed. */
KALMAN_ALWAYS void kalman_take(uint32_t n, const struct kalman_model *k, uint32_t i, double e, double *h, double s,
                               double *x, double *P)
{
    double step = e / s;
    for (uint32_t j = 0; j < n; j++)
        x[j] += h[j] * step;
    if (k->joseph) {
        kalman_joseph(n, k->C + i * n, h, s, k->R[i], P);
        return;
    }
    double over = 1.0 / hil_sqrt(s);
    for (uint32_t j = 0; j < n; j++)
        h[j] *= over;
    kalman_subtract_square(n, h, P);
}

/* y - c x - d u */
KALMAN_ALWAYS double kalman_off(uint32_t n, const struct kalman_model *k, uint32_t i, double y, const double *u,
                                const double *x)
{
    double rest = y;
    for (uint32_t j = 0; j < n; j++)
        rest -= k->C[i * n + j] * x[j];
    for (uint32_t j = 0; k->D && j < k->n_u; j++)
        rest -= k->D[i * k->n_u + j] * u[j];
    return rest;
}

#endif
