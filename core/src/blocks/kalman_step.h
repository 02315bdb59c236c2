/* Private to kalman.c: one step of a linear Kalman filter, written once for all sizes. Inlined with a constant number of
 * states it becomes straight code; with a variable one it is what small targets use. The bits are the same.
 *
 * Predict x = A x + B u, P = A P A' + Q; then one measurement after the other, which needs no matrix of innovations when R
 * is diagonal (Bierman, Factorization Methods for Discrete Sequential Estimation, 1977, section II.6): with h = P c',
 * s = c h + r, e = y - c x - d u it is x += h e / s, P -= h h' / s. The last is g g' with g = h / sqrt(s), which is
 * symmetric to the last bit. "joseph" takes P = (1 - k c) P (1 - k c)' + k r k' with k = h / s instead. */
#ifndef HIL_KALMAN_STEP_H
#define HIL_KALMAN_STEP_H

#include "kalman_few.h"
#include "kalman_many.h"

/* What is worked on: one of the two, by the number of states. */
struct kalman_work {
    struct kalman_few few;
    struct kalman_many many;
};

/* y(i) off its prediction */
KALMAN_ALWAYS double kalman_off(uint32_t n, int few, const struct kalman_model *k, uint32_t i, double y,
                                const double *u, const struct kalman_work *w)
{
    return few ? kalman_few_off(n, k, i, y, u, w->few.x) : kalman_many_off(n, k, i, y, u, w->many.x);
}

/* Takes up the measurements of a sample one by one. */
KALMAN_ALWAYS void kalman_take(uint32_t n, int few, const struct kalman_model *k, const double *u,
                               const struct estimator_sample *at, struct kalman_work *w, struct kalman_result *to)
{
    double nis = 0.0, determinant = 1.0, least = HUGE_VAL;
    uint32_t taken = 0;
    for (uint32_t i = 0; i < k->m; i++)
        to->innovation[i] = at->scale[i] > 0.0 ? kalman_off(n, few, k, i, at->y[i], u, w) : 0.0;
    for (uint32_t i = 0; i < k->m; i++) {
        if (!(at->scale[i] > 0.0))
            continue;
        double e = taken ? kalman_off(n, few, k, i, at->y[i], u, w) : to->innovation[i], r = k->R[i] * at->scale[i];
        double square, s = few ? kalman_few_take(n, k, i, r, e, &w->few, &square)
                               : kalman_many_take(n, k, i, r, e, &w->many, &square);
        least = s < least ? s : least; /* NaN shows in nis */
        nis += square;
        determinant *= s;
        taken++;
    }
    to->nis = nis, to->determinant = determinant, to->n = taken;
    to->fine = least > 1e-300 && nis == nis;
}

/* `few` is n <= KALMAN_FEW as a constant. */
KALMAN_ALWAYS void kalman_step(uint32_t n, int few, const struct kalman_model *model, const struct kalman_from *from,
                               const double *u, const struct estimator_sample *at, struct kalman_result *to)
{
    const struct kalman_model k = *model; /* which no store can touch */
    struct kalman_work w;
    if (few)
        kalman_few_start(n, &k, from, &w.few);
    else
        kalman_many_start(n, &k, from, &w.many);
    kalman_take(n, few, &k, u, at, &w, to);
    to->fine &= few ? kalman_few_is_fine(n, &w.few) : kalman_many_is_fine(n, &w.many);
    if (!to->fine)
        return;
    if (few)
        kalman_few_finish(n, &w.few, to);
    else
        kalman_many_finish(n, &w.many, to);
}

#endif
