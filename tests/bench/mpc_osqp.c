/* OSQP's generated code over a series of problems that differ in their vectors. For test_mpc_speed.py. */
#define _POSIX_C_SOURCE 199309L
#include <time.h>

#include "mpc_workspace.h"
#include "osqp.h"

void set_tolerance(double tolerance) { mpc_solver.settings->eps_abs = mpc_solver.settings->eps_rel = tolerance; }

/* Nanoseconds a sample over `repeats` passes, warm-started from the sample before. q may be NULL: it stays. u gets the
 * solution's elements from `first` on, n_u of them, of the last pass. */
double run_osqp(const double *q, const double *l, const double *u, int n, int m, int samples, int repeats, int first,
                int n_u, double *found, double *iterations)
{
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int r = 0; r < repeats; r++)
        for (int k = 0; k < samples; k++) {
            osqp_update_data_vec(&mpc_solver, q ? q + (size_t)k * n : NULL, l + (size_t)k * m, u + (size_t)k * m);
            osqp_solve(&mpc_solver);
            for (int i = 0; i < n_u; i++)
                found[k * n_u + i] = mpc_solver.solution->x[first + i];
            iterations[k] = mpc_solver.info->iter;
        }
    clock_gettime(CLOCK_MONOTONIC, &to);
    return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / samples / repeats;
}
