/* A sampled model: x+ = f(x, u), once a substep. The length of the step is the model's own, dt_s is not used. */
HIL_STEP void model_step(double *x, const double *u, const double *p, double dt_s, uint32_t substeps)
{
    double next[N_X];
    (void)dt_s;
    for (uint32_t s = 0; s < substeps; s++) {
        model_f(x, u, p, next);
        for (int i = 0; i < N_X; i++)
            x[i] = next[i];
        model_clamp(x);
    }
}
