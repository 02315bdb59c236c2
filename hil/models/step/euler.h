/* Explicit Euler: x+ = x + h f(x, u). */
HIL_STEP void model_step(double *x, const double *u, const double *p, double dt_s, uint32_t substeps)
{
    const double h = dt_s / substeps;
    double k[N_X];
    for (uint32_t s = 0; s < substeps; s++) {
        model_f(x, u, p, k);
        for (int i = 0; i < N_X; i++)
            x[i] += h * k[i];
        model_clamp(x);
    }
}
