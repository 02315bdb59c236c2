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

#define KALMAN_MAX_N  16
#define KALMAN_FEW    6 /* up to so many, single elements in registers are faster than lanes */
#define KALMAN_ALWAYS static inline __attribute__((always_inline))

typedef double kalman_lane __attribute__((vector_size(16), may_alias));

struct kalman_model {
    const double *A, *B, *C, *D, *Q, *R; /* row after row; B, D may be NULL; R is the diagonal */
    uint32_t m, n_u;
    int joseph;
};

/* Elements of a row in memory of one's own: an even number, so that it is a row of lanes. */
KALMAN_ALWAYS uint32_t kalman_row(uint32_t n) { return (n + 1u) & ~1u; }

/* to += f from, over whole lanes up to element `count`. */
KALMAN_ALWAYS void kalman_add(double *to, double f, const double *from, uint32_t count)
{
    kalman_lane *t = (kalman_lane *)(void *)to;
    const kalman_lane *v = (const kalman_lane *)(const void *)from;
    kalman_lane factor = {f, f};
#pragma GCC unroll 16
    for (uint32_t j = 0; j < kalman_row(count) / 2; j++)
        t[j] += factor * v[j];
}

/* to = sum of f[l] times row l of `rows`, the first `count` elements. */
KALMAN_ALWAYS void kalman_sum_rows(uint32_t n, uint32_t count, const double *f, const double *rows, double *to)
{
    const uint32_t lanes = kalman_row(count) / 2;
    kalman_lane sum[KALMAN_MAX_N / 2] = {{0.0, 0.0}};
    for (uint32_t l = 0; l < n; l++) {
        if (f[l] == 0.0)
            continue;
        const kalman_lane *v = (const kalman_lane *)(const void *)(rows + l * kalman_row(n)), factor = {f[l], f[l]};
#pragma GCC unroll 16
        for (uint32_t j = 0; j < lanes; j++)
            sum[j] += factor * v[j];
    }
#pragma GCC unroll 16
    for (uint32_t j = 0; j < lanes; j++)
        ((kalman_lane *)(void *)to)[j] = sum[j];
}

/* x+ = A x + B u */
KALMAN_ALWAYS void kalman_predict_state(uint32_t n, const struct kalman_model *k, const double *u, const double *x,
                                        double *to)
{
    for (uint32_t i = 0; i < n; i++) {
        double sum = k->A[i * n] * x[0];
        for (uint32_t j = 1; j < n; j++)
            sum += k->A[i * n + j] * x[j];
        for (uint32_t j = 0; j < k->n_u; j++)
            sum += k->B[i * k->n_u + j] * u[j];
        to[i] = sum;
    }
}

/* P+ = A P A' + Q for few states, element by element: the lower half, then its copy. */
KALMAN_ALWAYS void kalman_predict_few(uint32_t n, const struct kalman_model *k, const double *P, double *to)
{
    double AP[KALMAN_FEW * KALMAN_FEW] = {0.0};
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++) {
            double sum = k->A[i * n] * P[j];
            for (uint32_t l = 1; l < n; l++)
                sum += k->A[i * n + l] * P[l * kalman_row(n) + j];
            AP[i * n + j] = sum;
        }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j <= i; j++) {
            double sum = k->Q[i * n + j];
            for (uint32_t l = 0; l < n; l++)
                sum += AP[i * n + l] * k->A[j * n + l];
            to[i * kalman_row(n) + j] = to[j * kalman_row(n) + i] = sum;
        }
}

/* The same for many states, by rows. */
KALMAN_ALWAYS void kalman_predict_many(uint32_t n, const struct kalman_model *k, const double *P, double *to)
{
    _Alignas(16) double AP[KALMAN_MAX_N * KALMAN_MAX_N], T[KALMAN_MAX_N * KALMAN_MAX_N];
    const uint32_t row = kalman_row(n);
    for (uint32_t i = 0; i < n; i++)
        kalman_sum_rows(n, n, k->A + i * n, P, AP + i * row);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++)
            T[i * row + j] = AP[j * row + i];
    if (row > n)
        for (uint32_t i = 0; i < n; i++)
            T[i * row + n] = 0.0;
    for (uint32_t i = 0; i < n; i++) {
        kalman_sum_rows(n, i + 1, k->A + i * n, T, to + i * row);
        for (uint32_t j = 0; j <= i; j++)
            to[i * row + j] += k->Q[i * n + j];
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < i; j++)
            to[j * row + i] = to[i * row + j];
}

KALMAN_ALWAYS void kalman_predict_covariance(uint32_t n, const struct kalman_model *k, const double *P, double *to)
{
    if (n <= KALMAN_FEW)
        kalman_predict_few(n, k, P, to);
    else
        kalman_predict_many(n, k, P, to);
}

/* P -= h h' / s: the lower half, then its copy. */
KALMAN_ALWAYS void kalman_subtract(uint32_t n, const double *h, double over, double *P)
{
    const uint32_t row = kalman_row(n);
    for (uint32_t i = 0; i < n; i++) {
        double f = h[i] * over;
        if (n <= KALMAN_FEW)
            for (uint32_t j = 0; j <= i; j++)
                P[i * row + j] -= f * h[j];
        else
            kalman_add(P + i * row, -f, h, i + 1);
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < i; j++)
            P[j * row + i] = P[i * row + j];
}

/* P = (1 - k c) P (1 - k c)' + k r k'. */
KALMAN_ALWAYS void kalman_joseph(uint32_t n, const double *c, const double *h, double over, double r, double *P)
{
    const uint32_t row = kalman_row(n);
    double Pc[KALMAN_MAX_N];
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++)
            P[i * row + j] -= h[i] * over * h[j];
    for (uint32_t i = 0; i < n; i++) {
        Pc[i] = 0.0;
        for (uint32_t j = 0; j < n; j++)
            Pc[i] += P[i * row + j] * c[j];
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j <= i; j++) {
            double ki = h[i] * over, kj = h[j] * over;
            P[i * row + j] = P[j * row + i] = P[i * row + j] - Pc[i] * kj + ki * kj * r;
        }
}

/* h = P c' */
KALMAN_ALWAYS void kalman_times(uint32_t n, const double *c, const double *P, double *h)
{
    if (n > KALMAN_FEW) {
        kalman_sum_rows(n, n, c, P, h);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        double sum = P[i * kalman_row(n)] * c[0];
        for (uint32_t j = 1; j < n; j++)
            sum += P[i * kalman_row(n) + j] * c[j];
        h[i] = sum;
    }
}

/* Takes up measurement i, variance r, which lies e off the prediction. Returns the variance of e. */
KALMAN_ALWAYS double kalman_take(uint32_t n, const struct kalman_model *k, uint32_t i, double r, double e, double *x,
                                 double *P)
{
    _Alignas(16) double h[KALMAN_MAX_N] = {0.0};
    const double *c = k->C + i * n;
    kalman_times(n, c, P, h);
    double s = r;
    for (uint32_t j = 0; j < n; j++)
        s += c[j] * h[j];
    double over = 1.0 / s, step = e * over;
    for (uint32_t j = 0; j < n; j++)
        x[j] += h[j] * step;
    if (k->joseph)
        kalman_joseph(n, c, h, over, r, P);
    else
        kalman_subtract(n, h, over, P);
    return s;
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
