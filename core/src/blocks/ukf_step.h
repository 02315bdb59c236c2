/* Private to ukf.c: one step of the square-root unscented Kalman filter with additive noise.
 *
 * R. van der Merwe, E. A. Wan, The square-root unscented Kalman filter for state and parameter-estimation, ICASSP 2001,
 * algorithm 3.1, points drawn anew after the prediction. P = r' r with an upper triangle r; points lie at x +- eta r_j,
 * eta = alpha sqrt(n + kappa). The centre's weight is usually negative and would ask for a downdate; the same sums in
 * differences from the centre's image, a_j and b_j of the pair j, w = 1 / (2 eta^2), are
 *
 *   mean = centre + d,  d = w sum (a_j + b_j)
 *   covariance = sum w (a_j a_j' + b_j b_j') + (beta - alpha^2) d d'
 *
 * where only beta < alpha^2 takes anything off. A pair enters as (a_j - b_j) / (2 eta) and (a_j + b_j) / (2 eta), whose
 * squares have the same sum. Of the states the first are r_j and 0 again; so the triangle of the joint covariance of
 * (y, x) needs no points of x and no downdate, only m n rotations of [Y 0; D r], where Y holds R and what the second ones of
 * y make. P without the measurements' part stands then where r stood (T. Kailath, A. H. Sayed, B. Hassibi, Linear
 * Estimation, 2000, section 12.3). Y itself is positive definite if and only if that P is.
 *
 * The model is asked only within the clamps of its states: a point beyond has the outputs of the point at the bound, and
 * after the step lies as far beyond that one's image. So a bound takes nothing from P, which would else halve in each
 * sample that a parameter stays there. */
#ifndef HIL_UKF_STEP_H
#define HIL_UKF_STEP_H

#include "estimator.h"
#include "hil/dense.h"
#include "hil/math.h"
#include "hil/model.h"

#define UKF_APART static __attribute__((noinline)) /* both use the same stack, one after the other */

struct ukf {
    const struct hil_model *model;
    const double *p;
    double eta, bend; /* bend: beta - alpha^2 */
    double dt_s;
    uint32_t substeps;
};

/* r' (a lower triangle, row after row) to r, and back. */
static inline void ukf_unpack(uint32_t n, const double *packed, double *r)
{
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j <= i; j++)
            r[j * n + i] = packed[PACKED(i) + j];
}

static inline void ukf_pack(uint32_t n, const double *r, double *packed)
{
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j <= i; j++)
            packed[PACKED(i) + j] = r[j * n + i];
}

/* to = x + eta times row j of r */
static inline void ukf_point(const struct ukf *k, const double *x, const double *r, uint32_t j, double eta, double *to)
{
    uint32_t n = k->model->n_x;
    for (uint32_t i = 0; i < n; i++)
        to[i] = i < j ? x[i] : x[i] + eta * r[j * n + i];
}

static inline void ukf_clamp(const struct ukf *k, double *x)
{
    if (k->model->clamp)
        k->model->clamp(x);
}

/* Such a point one sample on. */
static inline void ukf_move(const struct ukf *k, const double *x, const double *r, uint32_t j, double eta,
                            const double *u, double *to)
{
    double point[ESTIMATOR_MAX_X] = {0.0};
    uint32_t n = k->model->n_x;
    ukf_point(k, x, r, j, eta, point);
    memcpy(to, point, n * sizeof *to);
    ukf_clamp(k, to);
    for (uint32_t i = 0; i < n; i++)
        point[i] -= to[i];
    k->model->step(to, u, k->p, k->dt_s, k->substeps);
    for (uint32_t i = 0; i < n; i++)
        to[i] += point[i];
}

/* Outputs at such a point. */
static inline void ukf_see(const struct ukf *k, const double *x, const double *r, uint32_t j, double eta,
                           const double *v, double *y)
{
    double point[ESTIMATOR_MAX_X] = {0.0};
    ukf_point(k, x, r, j, eta, point);
    ukf_clamp(k, point);
    k->model->output(point, v, k->p, y);
}

/* Images a, b of a pair to what enters the triangle; d grows by the pair's part. */
static inline void ukf_fold(const struct ukf *k, uint32_t n, const double *centre, double *a, double *b, double *d)
{
    double scale = 0.5 / k->eta, weight = 0.5 / (k->eta * k->eta);
    for (uint32_t i = 0; i < n; i++) {
        double up = a[i] - centre[i], down = b[i] - centre[i];
        a[i] = scale * (up - down);
        b[i] = scale * (up + down);
        d[i] += weight * (up + down);
    }
}

/* Adds n + 1 or more rows to the triangle, of which the last becomes that of d. 0: it is no covariance. */
static inline int ukf_add(const struct ukf *k, uint32_t n, double *r, double *rows, uint32_t count, const double *d)
{
    double *last = rows + (count - 1) * n, root = hil_sqrt(hil_fabs(k->bend));
    for (uint32_t i = 0; i < n; i++)
        last[i] = root * d[i];
    hil_triangle_add(r, n, rows, k->bend >= 0.0 ? count : count - 1);
    return k->bend >= 0.0 || hil_triangle_subtract(r, n, last);
}

/* x and r one sample on, noise (packed) included. */
UKF_APART int ukf_predict(const struct ukf *k, const double *u, const double *noise, double *x, double *r)
{
    double rows[(2 * ESTIMATOR_MAX_X + 1) * ESTIMATOR_MAX_X], centre[ESTIMATOR_MAX_X], d[ESTIMATOR_MAX_X] = {0.0};
    uint32_t n = k->model->n_x;
    ukf_move(k, x, r, 0, 0.0, u, centre);
    for (uint32_t j = 0; j < n; j++) {
        double *a = rows + 2 * j * n, *b = a + n;
        ukf_move(k, x, r, j, k->eta, u, a);
        ukf_move(k, x, r, j, -k->eta, u, b);
        ukf_fold(k, n, centre, a, b, d);
    }
    for (uint32_t i = 0; i < n; i++)
        x[i] = centre[i] + d[i];
    ukf_unpack(n, noise, r);
    return ukf_add(k, n, r, rows, 2 * n + 1, d);
}

/* What the outputs are at the points: D (n x m), rows of the bends (n + 1 of them), mean. */
static inline void ukf_look(const struct ukf *k, const double *v, const double *x, const double *r, double *D,
                            double *bends, double *mean, double *d)
{
    double centre[ESTIMATOR_MAX_Y];
    uint32_t n = k->model->n_x, m = k->model->n_y;
    ukf_see(k, x, r, 0, 0.0, v, centre);
    memset(d, 0, m * sizeof *d);
    for (uint32_t j = 0; j < n; j++) {
        ukf_see(k, x, r, j, k->eta, v, D + j * m);
        ukf_see(k, x, r, j, -k->eta, v, bends + j * m);
        ukf_fold(k, m, centre, D + j * m, bends + j * m, d);
    }
    for (uint32_t i = 0; i < m; i++)
        mean[i] = centre[i] + d[i];
}

/* to = c to + s from, from = c from - s to. */
static inline void ukf_rotate(uint32_t count, double c, double s, double *to, double *from)
{
    for (uint32_t i = 0; i < count; i++) {
        double was = to[i];
        to[i] = c * was + s * from[i];
        from[i] = c * from[i] - s * was;
    }
}

/* Output i: its row of D goes into Y and W (row i of the gain), its part of P out of r. */
static inline void ukf_take(uint32_t n, uint32_t m, uint32_t i, double *Y, double *D, double *W, double *r)
{
    memset(W, 0, n * sizeof *W);
    for (uint32_t j = n; j-- > 0;) {
        double was = Y[i * m + i], more = D[j * m + i], root = hil_sqrt(was * was + more * more);
        double c = root == 0.0 ? 1.0 : was / root, s = root == 0.0 ? 0.0 : more / root;
        ukf_rotate(m - i, c, s, Y + i * m + i, D + j * m + i);
        ukf_rotate(n - j, c, s, W + j, r + j * n + j);
    }
}

/* Takes up the measurements y, `root` the deviations of their noise, negative for one to be left out. e, variance and square of
 * each as in hil_model.ekf. */
UKF_APART int ukf_update(const struct ukf *k, const double *v, const double *y, const double *root, double *x,
                         double *r, double *e)
{
    double D[ESTIMATOR_MAX_X * ESTIMATOR_MAX_Y], bends[(ESTIMATOR_MAX_X + 1) * ESTIMATOR_MAX_Y],
        Y[ESTIMATOR_MAX_Y * ESTIMATOR_MAX_Y] = {0.0};
    double W[ESTIMATOR_MAX_X], mean[ESTIMATOR_MAX_Y], d[ESTIMATOR_MAX_Y], z[ESTIMATOR_MAX_Y];
    uint32_t n = k->model->n_x, m = k->model->n_y;
    ukf_look(k, v, x, r, D, bends, mean, d);
    for (uint32_t i = 0; i < m; i++) {
        int taken = root[i] >= 0.0;
        e[i] = taken ? y[i] - mean[i] : 0.0;
        Y[i * m + i] = taken ? root[i] : 1.0;
        d[i] = taken ? d[i] : 0.0;
        for (uint32_t j = 0; j < n; j++) {
            D[j * m + i] = taken ? D[j * m + i] : 0.0;
            bends[j * m + i] = taken ? bends[j * m + i] : 0.0;
        }
    }
    int fine = ukf_add(k, m, Y, bends, n + 1, d);
    for (uint32_t i = 0; i < m; i++) {
        double rest = e[i];
        ukf_take(n, m, i, Y, D, W, r);
        for (uint32_t l = 0; l < i; l++)
            rest -= Y[l * m + i] * z[l];
        z[i] = rest / Y[i * m + i];
        for (uint32_t j = 0; j < n; j++)
            x[j] += W[j] * z[i];
        e[m + i] = Y[i * m + i] * Y[i * m + i];
        e[2 * m + i] = z[i] * z[i];
    }
    return fine;
}

#endif
