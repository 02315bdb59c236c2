/* Small dense linear algebra on plain arrays of doubles, row after row. For covariances, gains and least squares of a few
 * states; sizes up to HIL_DENSE_MAX.
 *
 * All functions: may be called in a tick (no allocation, no OS, running time fixed by the sizes). The order of every sum is
 * that of the indices, so the bits are the same over compilers and levels. Arrays do not overlap unless it is said.
 * Source: G. H. Golub, C. F. Van Loan, Matrix Computations, 4th ed. 2013, sections 3.1, 4.2, 5.2. */
#ifndef HIL_DENSE_H
#define HIL_DENSE_H

#include "hil/types.h"

#define HIL_DENSE_MAX 32

/* Replaces the lower half of the symmetric n x n matrix `a` by L with L L' = a; the upper half is neither read nor
 * written. Returns 0 when a pivot is not above `least` (>= 0) or is not a number: a is then not positive definite. */
int hil_cholesky(double *a, uint32_t n, double least);
/* Solves L x = b in place; `stride` is the distance between elements of x (1, or a row's length for a column). */
void hil_solve_lower(const double *l, uint32_t n, double *x, uint32_t stride);
/* Solves L' x = b in place. */
void hil_solve_lower_transposed(const double *l, uint32_t n, double *x, uint32_t stride);
/* c (n x m) = a (n x k) b (k x m). */
void hil_multiply(const double *a, const double *b, double *c, uint32_t n, uint32_t k, uint32_t m);
/* c (n x m) = a (n x k) b' with b (m x k). */
void hil_multiply_transposed(const double *a, const double *b, double *c, uint32_t n, uint32_t k, uint32_t m);
/* Makes a = (a + a') / 2. */
void hil_symmetrise(double *a, uint32_t n);
/* Whether a is symmetric to the last bits and all x' a x >= 0, but for roundings of 1e-12 of the largest diagonal element.
 * n <= HIL_DENSE_MAX. */
int hil_is_psd(const double *a, uint32_t n);
/* The same with > 0. */
int hil_is_pd(const double *a, uint32_t n);
/* Lower triangle L (n x n, diagonal >= 0) with L L' = a a', for a (n x k), k >= n; `a` is destroyed. Householder's
 * reflections of the rows, so that no square of `a` is formed. */
void hil_lower_factor(double *a, uint32_t n, uint32_t k, double *l);
/* L with L L' of before + sign v v', in place; v is destroyed. Returns 0, L then unusable, when that is not positive
 * definite (sign -1). */
int hil_cholesky_update(double *l, uint32_t n, double *v, double sign);

#endif
