/* Classical Runge-Kutta of order 4 (W. Kutta, 1901; E. Hairer, S. Norsett, G. Wanner, "Solving Ordinary Differential
 * Equations I", table II.1.2). Inputs are held over the step.
 *
 * All steps work on x in place: gcc would make a 16-byte load of a loop that copies it, and that load waits for the 8-byte
 * stores of the step before, a quarter of a cart-pole's step. */
HIL_STEP void model_step(double *x, const double *u, const double *p, double dt_s, uint32_t substeps)
{
    const double h = dt_s / substeps;
    double at[N_X], k1[N_X], k2[N_X], k3[N_X], k4[N_X];
    for (uint32_t s = 0; s < substeps; s++) {
        model_f(x, u, p, k1);
        for (int i = 0; i < N_X; i++)
            at[i] = x[i] + 0.5 * h * k1[i];
        model_f(at, u, p, k2);
        for (int i = 0; i < N_X; i++)
            at[i] = x[i] + 0.5 * h * k2[i];
        model_f(at, u, p, k3);
        for (int i = 0; i < N_X; i++)
            at[i] = x[i] + h * k3[i];
        model_f(at, u, p, k4);
        for (int i = 0; i < N_X; i++)
            x[i] += h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]);
        model_clamp(x);
    }
}
