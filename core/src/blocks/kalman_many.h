/* Private to kalman_step.h: the step for many states. Rows are lanes: two elements side by side by the compiler's vector
 * types, in the order that a plain loop has. Zeros of A and C are skipped: they are most of the elements of most models, and
 * always the same ones. */
#ifndef HIL_KALMAN_MANY_H
#define HIL_KALMAN_MANY_H

#include "kalman_parts.h"

typedef double kalman_lane __attribute__((vector_size(16), may_alias));

struct kalman_many {
    _Alignas(16) double x[KALMAN_MAX_N], P[KALMAN_MAX_N * KALMAN_MAX_N];
};

/* x+ = A x + B u */
KALMAN_ALWAYS void kalman_many_state(uint32_t n, const struct kalman_model *k, const double *u, const double *x,
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

/* y - c x - d u */
KALMAN_ALWAYS double kalman_many_off(uint32_t n, const struct kalman_model *k, uint32_t i, double y, const double *u,
                                     const double *x)
{
    double rest = y;
    for (uint32_t j = 0; j < n; j++)
        rest -= k->C[i * n + j] * x[j];
    for (uint32_t j = 0; k->D && j < k->n_u; j++)
        rest -= k->D[i * k->n_u + j] * u[j];
    return rest;
}

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

/* P+ = A P A' + Q, by rows. */
KALMAN_ALWAYS void kalman_many_predict(uint32_t n, const struct kalman_model *k, const double *P, double *to)
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

/* P -= h h' / s: the lower half, then its copy. */
KALMAN_ALWAYS void kalman_many_subtract(uint32_t n, const double *h, double over, double *P)
{
    const uint32_t row = kalman_row(n);
    for (uint32_t i = 0; i < n; i++)
        kalman_add(P + i * row, -(h[i] * over), h, i + 1);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < i; j++)
            P[j * row + i] = P[i * row + j];
}

/* P = (1 - k c) P (1 - k c)' + k r k'. */
KALMAN_ALWAYS void kalman_many_joseph(uint32_t n, const double *c, const double *h, double over, double r, double *P)
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

/* Takes up measurement i, variance r, which lies e off the prediction. Returns the variance of e, and its weighted
 * square. */
KALMAN_ALWAYS double kalman_many_take(uint32_t n, const struct kalman_model *k, uint32_t i, double r, double e,
                                      struct kalman_many *to, double *square)
{
    _Alignas(16) double h[KALMAN_MAX_N] = {0.0};
    const double *c = k->C + i * n;
    kalman_sum_rows(n, n, c, to->P, h);
    double s = r;
    for (uint32_t j = 0; j < n; j++)
        s += c[j] * h[j];
    double over = 1.0 / s, step = e * over;
    *square = e * step;
    for (uint32_t j = 0; j < n; j++)
        to->x[j] += h[j] * step;
    if (k->joseph)
        kalman_many_joseph(n, c, h, over, r, to->P);
    else
        kalman_many_subtract(n, h, over, to->P);
    return s;
}

KALMAN_ALWAYS void kalman_many_start(uint32_t n, const struct kalman_model *k, const struct kalman_from *from,
                                     struct kalman_many *to)
{
    const uint32_t row = kalman_row(n);
    _Alignas(16) double P[KALMAN_MAX_N * KALMAN_MAX_N];
    if (from->started) {
        memcpy(P, from->P, n * row * sizeof *P);
        kalman_many_state(n, k, from->u, from->x, to->x);
        kalman_many_predict(n, k, P, to->P);
    } else {
        memcpy(to->x, from->x, n * sizeof *to->x);
        memcpy(to->P, from->P, n * row * sizeof *P);
    }
    for (uint32_t i = 0; n % 2 && i < n; i++)
        to->P[i * row + n] = 0.0; /* the state has no bytes that nobody set */
}

/* Finite, and no variance below zero: false for NaN. */
KALMAN_ALWAYS int kalman_many_is_fine(uint32_t n, const struct kalman_many *at)
{
    double size = 0.0, spread = 0.0, least = 0.0;
    for (uint32_t i = 0; i < n; i++) {
        double p = at->P[i * kalman_row(n) + i];
        size += fabs(at->x[i]);
        spread += p;
        least = p < least ? p : least;
    }
    return (size <= LARGEST_INPUT) & (spread <= LARGEST_INPUT) & (least >= 0.0);
}

KALMAN_ALWAYS void kalman_many_finish(uint32_t n, const struct kalman_many *at, struct kalman_result *to)
{
    for (uint32_t i = 0; i < n; i++)
        to->x[i] = settle(at->x[i]);
    memcpy(to->P, at->P, n * kalman_row(n) * sizeof *to->P);
}

#endif
