/* Small dense linear algebra; the contract is in hil/dense.h. */
#include "hil/dense.h"

#include <string.h>

#include "hil/math.h"

#define ROUNDING 1e-12 /* of the largest diagonal element: what a user's file with 12 digits leaves of symmetry */

int hil_cholesky(double *a, uint32_t n, double least)
{
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j <= i; j++) {
            double sum = a[i * n + j];
            for (uint32_t k = 0; k < j; k++)
                sum -= a[i * n + k] * a[j * n + k];
            if (i != j)
                a[i * n + j] = sum / a[j * n + j];
            else if (sum > least)
                a[i * n + i] = hil_sqrt(sum);
            else
                return 0;
        }
    return 1;
}

void hil_cholesky_semidefinite(double *a, uint32_t n)
{
    for (uint32_t j = 0; j < n; j++) {
        double pivot = a[j * n + j], least = ROUNDING * pivot;
        for (uint32_t k = 0; k < j; k++)
            pivot -= a[j * n + k] * a[j * n + k];
        int counts = pivot > least;
        double root = counts ? hil_sqrt(pivot) : 0.0;
        a[j * n + j] = root;
        for (uint32_t i = j + 1; i < n; i++) {
            double sum = a[i * n + j];
            for (uint32_t k = 0; k < j; k++)
                sum -= a[i * n + k] * a[j * n + k];
            a[i * n + j] = counts ? sum / root : 0.0;
        }
    }
}

#define NOTHING 1e-290 /* a sum of squares whose inverse could overflow is none */

void hil_triangle_add(double *r, uint32_t n, double *d, uint32_t rows)
{
    for (uint32_t i = 0; i < n; i++) {
        double sum = 0.0, was = r[i * n + i];
        for (uint32_t k = 0; k < rows; k++)
            sum += d[k * n + i] * d[k * n + i];
        if (sum < NOTHING)
            continue;
        double root = hil_sqrt(was * was + sum), first = -sum / (was + root); /* = was - root without cancellation */
        double inverse = 1.0 / root, back = -1.0 / (root * first);
        r[i * n + i] = root;
        for (uint32_t j = i + 1; j < n; j++) {
            double dot = first * r[i * n + j];
            for (uint32_t k = 0; k < rows; k++)
                dot += d[k * n + i] * d[k * n + j];
            r[i * n + j] += dot * inverse;
            for (uint32_t k = 0; k < rows; k++)
                d[k * n + j] -= d[k * n + i] * (dot * back);
        }
    }
}

int hil_triangle_subtract(double *r, uint32_t n, double *v)
{
    for (uint32_t i = 0; i < n; i++) {
        double was = r[i * n + i], off = v[i];
        if (off == 0.0)
            continue;
        if (!(hil_fabs(off) < was))
            return 0;
        double root = hil_sqrt((was - off) * (was + off)), c = root / was, s = off / was;
        r[i * n + i] = root;
        for (uint32_t j = i + 1; j < n; j++) {
            r[i * n + j] = (r[i * n + j] - s * v[j]) / c;
            v[j] = c * v[j] - s * r[i * n + j];
        }
    }
    return 1;
}

void hil_multiply(const double *a, const double *b, double *c, uint32_t n, uint32_t k, uint32_t m)
{
    memset(c, 0, (size_t)n * m * sizeof *c);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t l = 0; l < k; l++)
            for (uint32_t j = 0; j < m; j++)
                c[i * m + j] += a[i * k + l] * b[l * m + j];
}

void hil_multiply_transposed(const double *a, const double *b, double *c, uint32_t n, uint32_t k, uint32_t m)
{
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < m; j++) {
            double sum = 0.0;
            for (uint32_t l = 0; l < k; l++)
                sum += a[i * k + l] * b[j * k + l];
            c[i * m + j] = sum;
        }
}

void hil_symmetrise(double *a, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < i; j++)
            a[i * n + j] = a[j * n + i] = 0.5 * (a[i * n + j] + a[j * n + i]);
}

static double largest_diagonal(const double *a, uint32_t n)
{
    double most = 0.0;
    for (uint32_t i = 0; i < n; i++)
        most = a[i * n + i] > most ? a[i * n + i] : most;
    return most;
}

/* Whether a + shift 1 is symmetric and positive definite. */
static int definite(const double *a, uint32_t n, double shift)
{
    double copy[HIL_DENSE_MAX * HIL_DENSE_MAX], slack = ROUNDING * largest_diagonal(a, n);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++) {
            if (!(hil_fabs(a[i * n + j] - a[j * n + i]) <= slack))
                return 0;
            copy[i * n + j] = a[i * n + j] + (i == j ? shift : 0.0);
        }
    return hil_cholesky(copy, n, 0.0);
}

int hil_is_pd(const double *a, uint32_t n) { return definite(a, n, -ROUNDING * largest_diagonal(a, n)); }

int hil_is_psd(const double *a, uint32_t n)
{
    double most = largest_diagonal(a, n);
    if (most > 0.0)
        return definite(a, n, ROUNDING * most);
    for (uint32_t i = 0; i < n * n; i++)
        if (a[i] != 0.0)
            return 0;
    return 1; /* all zero */
}
