/* Private to kalman_step.h: the step for few states. The covariance is a lower triangle in registers: with a constant number
 * of states every loop is straight code, and nothing passes through memory between prediction and result.
 *
 * Zeros of A and C are skipped where that saves a row; the test is one of integers, and always falls the same way. */
#ifndef HIL_KALMAN_FEW_H
#define HIL_KALMAN_FEW_H

#include "kalman_parts.h"

#define KALMAN_LOWER(i, j) ((i) >= (j) ? (i) * ((i) + 1u) / 2u + (j) : (j) * ((j) + 1u) / 2u + (i))
#if defined(KALMAN_FIXED_SIZES)
#define KALMAN_UNROLL _Pragma("GCC unroll 6")
#else
#define KALMAN_UNROLL
#endif
#define KALMAN_EACH(i, n) KALMAN_UNROLL for (uint32_t i = 0; i < (n); i++)

#define KALMAN_IN_MEMORY(it) __asm__ volatile("" : "+m"(it))

struct kalman_few {
    double x[KALMAN_FEW], P[KALMAN_LOWER(KALMAN_FEW - 1, KALMAN_FEW - 1) + 1];
};

KALMAN_ALWAYS int kalman_is_zero(const double *a)
{
    uint64_t bits;
    memcpy(&bits, a, sizeof bits);
    return bits == 0;
}

/* x+ = A x + B u */
KALMAN_ALWAYS void kalman_few_state(uint32_t n, const struct kalman_model *k, const double *u, const double *x,
                                    double *to)
{
    KALMAN_EACH(i, n)
    {
        double sum = 0.0;
        KALMAN_EACH(j, n)
        sum += k->A[i * n + j] * x[j];
        for (uint32_t j = 0; j < k->n_u; j++)
            sum += k->B[i * k->n_u + j] * u[j];
        to[i] = sum;
    }
}

/* y - c x - d u */
KALMAN_ALWAYS double kalman_few_off(uint32_t n, const struct kalman_model *k, uint32_t i, double y, const double *u,
                                    const double *x)
{
    double rest = y;
    KALMAN_EACH(j, n)
    rest -= k->C[i * n + j] * x[j];
    for (uint32_t j = 0; k->D && j < k->n_u; j++)
        rest -= k->D[i * k->n_u + j] * u[j];
    return rest;
}

/* P+ = A P A' + Q; a row of A P at a time. */
KALMAN_ALWAYS void kalman_few_predict(uint32_t n, const struct kalman_model *k, const double *P, double *to)
{
    const double *A = k->A, *Q = k->Q;
    KALMAN_EACH(i, n)
    {
        double AP[KALMAN_FEW] = {0.0};
        KALMAN_EACH(l, n)
        {
            if (kalman_is_zero(&A[i * n + l]))
                continue;
            double a = A[i * n + l];
            KALMAN_EACH(j, n)
            AP[j] += a * P[KALMAN_LOWER(l, j)];
        }
        KALMAN_EACH(j, n)
        {
            if (j > i)
                continue;
            double sum = Q[i * n + j];
            KALMAN_EACH(l, n)
            sum += AP[l] * A[j * n + l];
            to[KALMAN_LOWER(i, j)] = sum;
        }
    }
}

KALMAN_ALWAYS void kalman_few_joseph(uint32_t n, const double *c, const double *h, double over, double r, double *P)
{
    double Pc[KALMAN_FEW], kj[KALMAN_FEW];
    KALMAN_EACH(i, n)
    {
        Pc[i] = 0.0, kj[i] = h[i] * over;
        KALMAN_EACH(j, n)
        Pc[i] += (P[KALMAN_LOWER(i, j)] - kj[i] * h[j]) * c[j];
    }
    KALMAN_EACH(i, n)
    KALMAN_EACH(j, n)
    if (j <= i)
        P[KALMAN_LOWER(i, j)] = P[KALMAN_LOWER(i, j)] - kj[i] * h[j] - Pc[i] * kj[j] + kj[i] * kj[j] * r;
}

/* Takes up measurement i, variance r, which lies e off the prediction. Returns the variance of e, and its weighted
 * square. */
KALMAN_ALWAYS double kalman_few_take(uint32_t n, const struct kalman_model *k, uint32_t i, double r, double e,
                                     struct kalman_few *at, double *square)
{
    double h[KALMAN_FEW] = {0.0}, s = r;
    const double *c = k->C + i * n;
    KALMAN_EACH(l, n)
    {
        if (kalman_is_zero(&c[l]))
            continue;
        KALMAN_EACH(j, n)
        h[j] += c[l] * at->P[KALMAN_LOWER(l, j)];
    }
    KALMAN_EACH(j, n)
    s += c[j] * h[j];
    double over = 1.0 / s, step = e * over;
    KALMAN_IN_MEMORY(*at); /* or gcc carries all of it in registers that there are not, around every loop */
    *square = e * step;
    KALMAN_EACH(j, n)
    at->x[j] += h[j] * step;
    if (__builtin_expect(k->joseph, 0)) {
        kalman_few_joseph(n, c, h, over, r, at->P);
        return s;
    }
    KALMAN_EACH(a, n)
    {
        double f = h[a] * over;
        KALMAN_EACH(b, n)
        if (b <= a)
            at->P[KALMAN_LOWER(a, b)] -= f * h[b];
    }
    return s;
}

KALMAN_ALWAYS void kalman_few_load(uint32_t n, const double *P, double *to)
{
    KALMAN_EACH(i, n)
    KALMAN_EACH(j, n)
    if (j <= i)
        to[KALMAN_LOWER(i, j)] = P[i * kalman_row(n) + j];
}

KALMAN_ALWAYS void kalman_few_start(uint32_t n, const struct kalman_model *k, const struct kalman_from *from,
                                    struct kalman_few *at)
{
    double P[KALMAN_LOWER(KALMAN_FEW - 1, KALMAN_FEW - 1) + 1];
    if (!from->started) {
        KALMAN_EACH(i, n)
        at->x[i] = from->x[i];
        kalman_few_load(n, from->P, at->P);
        return;
    }
    kalman_few_load(n, from->P, P);
    kalman_few_state(n, k, from->u, from->x, at->x);
    kalman_few_predict(n, k, P, at->P);
}

/* Finite, and no variance below zero: false for NaN. */
KALMAN_ALWAYS int kalman_few_is_fine(uint32_t n, const struct kalman_few *at)
{
    double size = 0.0, spread = 0.0, least = 0.0;
    KALMAN_EACH(i, n)
    {
        double p = at->P[KALMAN_LOWER(i, i)];
        size += fabs(at->x[i]);
        spread += p;
        least = p < least ? p : least;
    }
    return (size <= LARGEST_INPUT) & (spread <= LARGEST_INPUT) & (least >= 0.0);
}

/* Both triangles; 0 behind a row of an odd number. */
KALMAN_ALWAYS void kalman_few_finish(uint32_t n, const struct kalman_few *at, struct kalman_result *to)
{
    const uint32_t row = kalman_row(n);
    double *x = to->x, *P = to->P;
    KALMAN_EACH(i, n)
    {
        x[i] = settle(at->x[i]);
        KALMAN_EACH(j, n)
        P[i * row + j] = at->P[KALMAN_LOWER(i, j)];
        if (row > n)
            P[i * row + n] = 0.0;
    }
}

#endif
