/* Linearly implicit ("semi-implicit") Euler: (I - h A) d = h f(x, u), x+ = x + d, with A = df/dx at x. L-stable, order 1, one
 * linear solution a step (E. Hairer, G. Wanner, "Solving Ordinary Differential Equations II", section IV.7, the Rosenbrock
 * method with one stage and gamma = 1). A singular matrix gives NaN or infinity, as any division by 0. */

/* Solves m d = d by elimination with row exchange (G. Golub, C. Van Loan, "Matrix Computations", 3.4). m is column-major. */
static void model_solve(double *m, double *d)
{
    for (int k = 0; k < N_X; k++) {
        int pivot = k;
        for (int i = k + 1; i < N_X; i++)
            if (hil_fabs(m[i + k * N_X]) > hil_fabs(m[pivot + k * N_X]))
                pivot = i;
        for (int j = k; j < N_X; j++) {
            const double swapped = m[k + j * N_X];
            m[k + j * N_X] = m[pivot + j * N_X];
            m[pivot + j * N_X] = swapped;
        }
        const double swapped = d[k];
        d[k] = d[pivot];
        d[pivot] = swapped;
        for (int i = k + 1; i < N_X; i++) {
            const double factor = m[i + k * N_X] / m[k + k * N_X];
            for (int j = k + 1; j < N_X; j++)
                m[i + j * N_X] -= factor * m[k + j * N_X];
            d[i] -= factor * d[k];
        }
    }
    for (int k = N_X - 1; k >= 0; k--) {
        for (int j = k + 1; j < N_X; j++)
            d[k] -= m[k + j * N_X] * d[j];
        d[k] /= m[k + k * N_X];
    }
}

HIL_STEP void model_step(double *x, const double *u, const double *p, double dt_s, uint32_t substeps)
{
    const double h = dt_s / substeps;
    double d[N_X], m[N_X * N_X];
    for (uint32_t s = 0; s < substeps; s++) {
        model_f_and_a(x, u, p, d, m);
        for (int i = 0; i < N_X * N_X; i++)
            m[i] = (i % (N_X + 1) == 0 ? 1.0 : 0.0) - h * m[i];
        for (int i = 0; i < N_X; i++)
            d[i] *= h;
        model_solve(m, d);
        for (int i = 0; i < N_X; i++)
            x[i] += d[i];
        model_clamp(x);
    }
}
