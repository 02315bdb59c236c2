/* A strictly convex quadratic program, solved exactly by a dual active set.
 *
 *   minimise 1/2 z'H z + f'z   subject to   lo <= A z <= hi
 *
 * The solver sees rows v = A z only: v0 = -A H^-1 f, their values without constraints, and gram = A H^-1 A'. With
 * multipliers lambda (> 0 at an upper, < 0 at a lower bound) the optimum has v = v0 - gram lambda. A row that may be
 * broken at the cost of 1/2 rho slack^2 has 1/rho added to its diagonal element; its slack is lambda / rho, and v then
 * stands for the row less its slack.
 *
 * Method: D. Goldfarb, A. Idnani, "A numerically stable dual method for solving strictly convex quadratic programs",
 * Mathematical Programming 27 (1983), in the form of D. Arnstrom, A. Bemporad, D. Axehill, "A dual active-set solver for
 * embedded quadratic programming using recursive LDL' updates", IEEE Trans. Automatic Control 67 (2022). Each iteration
 * solves for the multipliers of the active rows; the dual cost never falls, so it ends. It starts from the rows that
 * were active last, with their multipliers. */
#ifndef HIL_ACTIVE_SET_H
#define HIL_ACTIVE_SET_H

#include <stdint.h>

/* Rows must be scaled so that gram has ones on its diagonal and bounds are of the order of one. */
struct hil_qp {
    uint32_t rows, most; /* most: rows that can be active at once, one more than the rank of gram at most */
    uint32_t iterations; /* never more */
    const double *gram;  /* rows x rows, symmetric */
    const double *lo, *hi;
    const double *v0;
};

/* The active rows. All arrays lie in the caller's buffer and survive from one problem to the next. */
struct hil_active {
    double *n, *patched; /* how many; whether the factor has seen a row leave, so that it is made anew next time */
    double *row;         /* row number + 1, negative at its lower bound: most */
    double *lambda;      /* multipliers: most */
    double *pivot,
        *factor;           /* gram of the active rows = L D L': most, and most (most - 1) / 2 below the unit diagonal */
    double *forward, *aim; /* L^-1 (v0 - bound), and the multipliers aimed at: most each */
    double *v;             /* rows at the optimum: rows */
};

enum hil_qp_status { HIL_QP_OPTIMAL = 0, HIL_QP_ITERATIONS = 1, HIL_QP_INFEASIBLE = 2 };

/* Doubles that the arrays of struct hil_active need together. */
uint32_t hil_active_size(uint32_t rows, uint32_t most);
/* Places the arrays in `mem`. In a tick: yes. */
struct hil_active hil_active_at(double *mem, uint32_t rows, uint32_t most);
/* Solves; `done` gets the number of iterations, 1 .. q->iterations. a->v and a->lambda hold the optimum when there is
 * one. In a tick: yes; time is bounded by iterations x (rows + most) x most. */
enum hil_qp_status hil_qp_solve(const struct hil_qp *q, const struct hil_active *a, uint32_t *done);
/* Row number of the active row j. */
static inline uint32_t hil_active_row(const struct hil_active *a, uint32_t j)
{
    double named = a->row[j];
    return (uint32_t)(named < 0.0 ? -named : named) - 1;
}

#endif
