/* Small dense linear algebra on plain arrays of doubles, row after row, for covariances of a few states: up to HIL_DENSE_MAX.
 *
 * All functions: may be called in a tick (no allocation, no OS, running time fixed by the sizes). The order of every sum is
 * that of the indices, so the bits are the same over compilers and levels. Arrays do not overlap unless it is said.
 * Source: G. H. Golub, C. F. Van Loan, Matrix Computations, 4th ed. 2013, sections 3.1, 4.2, 5.1, 5.2, 6.5. */
#ifndef HIL_DENSE_H
#define HIL_DENSE_H

#include "hil/types.h"

#define HIL_DENSE_MAX 32

/* Replaces the lower half of the symmetric n x n matrix `a` by L with L L' = a; the upper half is neither read nor
 * written. Returns 0 when a pivot is not above `least` (>= 0) or is not a number: a is then not positive definite. */
int hil_cholesky(double *a, uint32_t n, double least);
/* The same for a positive semidefinite a: a pivot that is not above 1e-12 of its element of the diagonal counts as 0, and
 * so does its column of L. */
void hil_cholesky_semidefinite(double *a, uint32_t n);
/* Triangles of a covariance P = r' r: r is n x n, upper, its diagonal >= 0; what is below is neither read nor written.
 * This one becomes that of r' r + d' d, by Householder's reflections of [r; d]. d (rows x n) is used up. */
void hil_triangle_add(double *r, uint32_t n, double *d, uint32_t rows);
/* That of r' r - v v', by hyperbolic rotations. Returns 0 where that is not positive definite; r is then spoilt. An
 * element of v that is 0 meets a 0 in r without harm. v is used up. */
int hil_triangle_subtract(double *r, uint32_t n, double *v);
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

#endif
