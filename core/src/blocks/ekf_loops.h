/* Private to ekf.c: a filter's step in loops over the model's Jacobians, for models whose generated step would be too long.
 * F of a substep is 1 + h A + (h A)^2 / 2 with A at its start, for a linear model with an exact step its differences. */
#ifndef HIL_EKF_LOOPS_H
#define HIL_EKF_LOOPS_H

#include "estimator.h"
#include "hil/dense.h"
#include "hil/model.h"

/* A (column after column, as the model gives it) to F (row after row). */
static inline void ekf_transition(const struct hil_model *model, const double *A, double h, double *F)
{
    double hA[ESTIMATOR_MAX_X * ESTIMATOR_MAX_X], square[ESTIMATOR_MAX_X * ESTIMATOR_MAX_X];
    uint32_t n = model->n_x;
    int discrete = model->method[0] == 'd';
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++)
            hA[i * n + j] = (discrete ? 1.0 : h) * A[j * n + i];
    hil_multiply(hA, hA, square, n, n, n);
    for (uint32_t i = 0; i < n * n; i++)
        F[i] = discrete ? hA[i] : (i % (n + 1) == 0 ? 1.0 : 0.0) + hA[i] + 0.5 * square[i];
}

/* Of a step that is linear in x: column j is what a step makes of e_j more. */
static inline void ekf_differences(const struct hil_model *model, const double *x, const double *u, const double *p,
                                   double h, double *F)
{
    double base[ESTIMATOR_MAX_X], other[ESTIMATOR_MAX_X];
    uint32_t n = model->n_x;
    memcpy(base, x, n * sizeof *x);
    model->step(base, u, p, h, 1);
    for (uint32_t j = 0; j < n; j++) {
        memcpy(other, x, n * sizeof *x);
        other[j] += 1.0;
        model->step(other, u, p, h, 1);
        for (uint32_t i = 0; i < n; i++)
            F[i * n + j] = other[i] - base[i];
    }
}

/* x and P (n x n) one substep on, without noise. */
static inline void ekf_predict(const struct hil_model *model, const double *u, const double *p, double h, double *x,
                               double *P)
{
    double A[ESTIMATOR_MAX_X * ESTIMATOR_MAX_X], B[ESTIMATOR_MAX_X * ESTIMATOR_MAX_U],
        C[ESTIMATOR_MAX_Y * ESTIMATOR_MAX_X], D[ESTIMATOR_MAX_Y * ESTIMATOR_MAX_U];
    double F[ESTIMATOR_MAX_X * ESTIMATOR_MAX_X];
    uint32_t n = model->n_x;
    if (strcmp(model->method, "exact") == 0) {
        ekf_differences(model, x, u, p, h, F);
    } else {
        model->jacobian(x, u, p, A, B, C, D);
        ekf_transition(model, A, h, F);
    }
    model->step(x, u, p, h, 1);
    hil_multiply(F, P, A, n, n, n);
    hil_multiply_transposed(A, F, P, n, n, n);
    hil_symmetrise(P, n);
}

/* Takes up output i: h = P c'. `moved` is what x has moved since its prediction. */
static inline double ekf_take(uint32_t n, uint32_t m, uint32_t i, const double *C, double r, double e, double *moved,
                              double *P, double *square)
{
    double gain[ESTIMATOR_MAX_X], s = r;
    for (uint32_t j = 0; j < n; j++) {
        gain[j] = 0.0;
        for (uint32_t l = 0; l < n; l++)
            gain[j] += P[j * n + l] * C[l * m + i];
        e -= C[j * m + i] * moved[j];
    }
    for (uint32_t j = 0; j < n; j++)
        s += C[j * m + i] * gain[j];
    double over = 1.0 / s;
    *square = e * (e * over);
    for (uint32_t j = 0; j < n; j++)
        moved[j] += gain[j] * (e * over);
    for (uint32_t a = 0; a < n; a++)
        for (uint32_t b = 0; b <= a; b++)
            P[a * n + b] = P[b * n + a] = P[a * n + b] - gain[a] * over * gain[b];
    return s;
}

/* As hil_model.ekf, in `substeps`. */
static inline void ekf_loops(const struct hil_model *model, uint32_t substeps, const double *x, const double *packed,
                             const double *u, const double *v, const double *p, const double *y, const double *r,
                             const double *q, double h, double *to)
{
    double P[ESTIMATOR_MAX_X * ESTIMATOR_MAX_X], A[ESTIMATOR_MAX_X * ESTIMATOR_MAX_X],
        B[ESTIMATOR_MAX_X * ESTIMATOR_MAX_U], D[ESTIMATOR_MAX_Y * ESTIMATOR_MAX_U];
    double C[ESTIMATOR_MAX_Y * ESTIMATOR_MAX_X], g[ESTIMATOR_MAX_Y], moved[ESTIMATOR_MAX_X] = {0.0};
    uint32_t n = model->n_x, m = model->n_y;
    double *P_to = to + n, *e = P_to + PACKED(n), *s = e + m;
    memcpy(to, x, n * sizeof *x);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j <= i; j++)
            P[i * n + j] = P[j * n + i] = packed[PACKED(i) + j];
    for (uint32_t k = 0; h > 0.0 && k < substeps; k++)
        ekf_predict(model, u, p, h / substeps, to, P);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j <= i; j++)
            P[i * n + j] = P[j * n + i] = P[i * n + j] + q[PACKED(i) + j];
    model->output(to, v, p, g);
    model->jacobian(to, v, p, A, B, C, D);
    for (uint32_t i = 0; i < m; i++) {
        e[i] = y[i] - g[i];
        s[i] = ekf_take(n, m, i, C, r[i], e[i], moved, P, &s[m + i]);
    }
    for (uint32_t i = 0; i < n; i++) {
        to[i] += moved[i];
        for (uint32_t j = 0; j <= i; j++)
            P_to[PACKED(i) + j] = P[i * n + j];
    }
}

#endif
