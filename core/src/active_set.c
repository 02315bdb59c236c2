/* The dual active set of active_set.h. */
#include "active_set.h"

#include <string.h>

#define VIOLATED 1e-10 /* of a bound, in rows of the order of one: two decades above the rounding of v */
#define SINGULAR 1e-11 /* pivots of a matrix with a unit diagonal: the row depends on the other active rows */
#define NOBODY   0xffffffffu

uint32_t hil_active_size(uint32_t rows, uint32_t most) { return 2 + 5 * most + most * (most - 1) / 2 + rows; }

struct hil_active hil_active_at(double *mem, uint32_t rows, uint32_t most)
{
    struct hil_active a = {.n = mem, .patched = mem + 1, .row = mem + 2};
    a.lambda = a.row + most;
    a.pivot = a.lambda + most;
    a.forward = a.pivot + most;
    a.aim = a.forward + most;
    a.v = a.aim + most;
    a.factor = a.v + rows;
    return a;
}

static uint32_t count(const struct hil_active *a) { return (uint32_t)*a->n; }

/* Row i of L: i elements. */
static double *factor_row(const struct hil_active *a, uint32_t i) { return a->factor + i * (i - 1) / 2; }

static double bound(const struct hil_qp *q, double named)
{
    return named > 0.0 ? q->hi[(uint32_t)named - 1] : q->lo[(uint32_t)-named - 1];
}

static double dot(const double *a, const double *b, uint32_t n)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void forward_from(const struct hil_qp *q, const struct hil_active *a, uint32_t first)
{
    for (uint32_t i = first, n = count(a); i < n; i++) {
        double rest = q->v0[hil_active_row(a, i)] - bound(q, a->row[i]);
        a->forward[i] = rest - dot(factor_row(a, i), a->forward, i);
    }
}

/* The row becomes the last active one; its multiplier is where it starts. */
static void enter(const struct hil_qp *q, const struct hil_active *a, double named, double lambda)
{
    uint32_t n = count(a), row = (uint32_t)(named < 0.0 ? -named : named) - 1;
    const double *column = q->gram + (size_t)row * q->rows;
    double *l = factor_row(a, n), pivot = column[row];
    for (uint32_t i = 0; i < n; i++)
        l[i] = column[hil_active_row(a, i)] - dot(factor_row(a, i), l, i);
    for (uint32_t i = 0; i < n; i++) {
        double unscaled = l[i];
        l[i] /= a->pivot[i];
        pivot -= unscaled * l[i];
    }
    a->row[n] = named;
    a->lambda[n] = lambda;
    a->pivot[n] = pivot < SINGULAR ? 0.0 : pivot;
    *a->n = n + 1;
    forward_from(q, a, n);
}

/* L D L' of what is left gets d l l' of the row that has gone: method C1 of P. Gill, G. Golub, W. Murray, M. Saunders,
 * "Methods for modifying matrix factorizations", Mathematics of Computation 28 (1974). l lies in a->aim. */
static void patch(const struct hil_active *a, uint32_t first, double weight)
{
    double *l = a->aim;
    for (uint32_t i = first, n = count(a); i < n; i++) {
        double was = a->pivot[i], now = was + weight * l[i] * l[i];
        a->pivot[i] = now < SINGULAR ? 0.0 : now;
        if (a->pivot[i] == 0.0)
            continue;
        double share = weight * l[i] / now;
        weight *= was / now;
        for (uint32_t k = i + 1; k < n; k++) {
            double *below = &factor_row(a, k)[i];
            l[k] -= l[i] * *below;
            *below += share * l[k];
        }
    }
}

static void leave(const struct hil_qp *q, const struct hil_active *a, uint32_t out)
{
    uint32_t last = count(a) - 1;
    double weight = a->pivot[out];
    for (uint32_t i = out; i < last; i++) {
        const double *from = factor_row(a, i + 1);
        double *to = factor_row(a, i);
        a->row[i] = a->row[i + 1];
        a->lambda[i] = a->lambda[i + 1];
        a->pivot[i] = a->pivot[i + 1];
        a->aim[i] = from[out];
        memmove(to, from, out * sizeof *to);
        memmove(to + out, from + out + 1, (i - out) * sizeof *to);
    }
    *a->n = last;
    if (out < last)
        *a->patched = 1.0;
    patch(a, out, weight);
    forward_from(q, a, out);
}

/* The last problem's factor serves again unless it was patched: then it is made anew, so that rounding never adds up.
 * Rows that depend on others are let go. */
static void start(const struct hil_qp *q, const struct hil_active *a)
{
    uint32_t n = count(a);
    if (*a->patched == 0.0 && (n == 0 || a->pivot[n - 1] > 0.0)) {
        forward_from(q, a, 0);
        return;
    }
    *a->n = *a->patched = 0.0;
    for (uint32_t i = 0; i < n; i++) {
        enter(q, a, a->row[i], a->lambda[i]);
        if (a->pivot[count(a) - 1] == 0.0)
            *a->n -= 1.0;
    }
}

static int is_singular(const struct hil_active *a) { return *a->n > 0.0 && a->pivot[count(a) - 1] == 0.0; }

/* Multipliers with which the active rows lie at their bounds; or, when the last row depends on the others, the
 * direction along which no row moves and the dual cost grows for ever. */
static void take_aim(const struct hil_active *a, int singular)
{
    uint32_t n = count(a);
    for (uint32_t i = 0; i < n; i++)
        a->aim[i] = singular ? 0.0 : a->forward[i] / a->pivot[i];
    if (singular)
        a->aim[n - 1] = a->row[n - 1] > 0.0 ? 1.0 : -1.0;
    for (uint32_t i = n; i-- > 1;) {
        const double *l = factor_row(a, i);
        for (uint32_t j = 0; j < i; j++)
            a->aim[j] -= l[j] * a->aim[i];
    }
}

/* Goes to the aim, or to where the first multiplier would change its sign: that one's number. */
static uint32_t go(const struct hil_active *a, int singular)
{
    uint32_t n = count(a), out = NOBODY;
    double part = 1.0;
    for (uint32_t i = 0; i < n; i++)
        if (a->row[i] * a->aim[i] < 0.0) {
            double until = a->lambda[i] / (singular ? -a->aim[i] : a->lambda[i] - a->aim[i]);
            if (out == NOBODY || until < part) {
                part = until;
                out = i;
            }
        }
    if (out == NOBODY && !singular)
        memcpy(a->lambda, a->aim, n * sizeof *a->lambda);
    else if (out != NOBODY)
        for (uint32_t i = 0; i < n; i++)
            a->lambda[i] += part * (singular ? a->aim[i] : a->aim[i] - a->lambda[i]);
    return out;
}

/* v = v0 - gram lambda, element by element in the order of the active rows: two rows of gram in one pass. */
static void find_rows(const struct hil_qp *q, const struct hil_active *a)
{
    uint32_t n = count(a), j = 0, rows = q->rows;
    memcpy(a->v, q->v0, rows * sizeof *a->v);
    for (; j + 2 <= n; j += 2) {
        const double *g0 = q->gram + (size_t)hil_active_row(a, j) * rows;
        const double *g1 = q->gram + (size_t)hil_active_row(a, j + 1) * rows;
        double l0 = a->lambda[j], l1 = a->lambda[j + 1], *restrict v = a->v;
        for (uint32_t i = 0; i < rows; i++)
            v[i] = v[i] - g0[i] * l0 - g1[i] * l1;
    }
    if (j < n) {
        const double *g = q->gram + (size_t)hil_active_row(a, j) * rows;
        for (uint32_t i = 0; i < rows; i++)
            a->v[i] -= g[i] * a->lambda[j];
    }
    for (j = 0; j < n; j++)
        a->v[hil_active_row(a, j)] = bound(q, a->row[j]);
}

/* The row farthest outside its bounds, named as in a->row; 0: none is. */
static double find_worst(const struct hil_qp *q, const struct hil_active *a)
{
    double worst = VIOLATED, named = 0.0;
    for (uint32_t i = 0; i < q->rows; i++) {
        double above = a->v[i] - q->hi[i], below = q->lo[i] - a->v[i];
        double most = above > below ? above : below;
        if (most > worst) {
            worst = most;
            named = above > below ? i + 1.0 : -(i + 1.0);
        }
    }
    return named;
}

enum hil_qp_status hil_qp_solve(const struct hil_qp *q, const struct hil_active *a, uint32_t *done)
{
    start(q, a);
    for (*done = 1; *done <= q->iterations; ++*done) {
        int singular = is_singular(a);
        take_aim(a, singular);
        uint32_t out = go(a, singular);
        if (out != NOBODY) {
            leave(q, a, out);
            continue;
        }
        find_rows(q, a);
        double named = singular ? 0.0 : find_worst(q, a);
        if (named == 0.0)
            return singular ? HIL_QP_INFEASIBLE : HIL_QP_OPTIMAL;
        if (count(a) == q->most)
            return HIL_QP_INFEASIBLE;
        enter(q, a, named, 0.0);
    }
    *done = q->iterations;
    return HIL_QP_ITERATIONS;
}
