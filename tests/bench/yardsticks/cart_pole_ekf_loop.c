/* A closed loop by hand: Runge-Kutta plant, extended Kalman filter and state feedback of a cart-pole, as est.c has them. */
#define main est_main
#include "est.c"
#undef main

/* Advances the plant by n samples from x on; at the end x is the plant's state, `estimate` the filter's. */
__attribute__((visibility("default"))) void cart_pole_ekf_run(double *x, double *estimate, uint64_t n)
{
    const double h = 1000000 * 1e-9;
    double Q[16], u = 0.0;
    struct kf4_filter k;

    kf4_init(&k);
    memcpy(Q, k.Q, sizeof Q);
    memset(k.Q, 0, sizeof k.Q); /* the first sample has no prediction */
    for (uint64_t i = 0; i < n; i++) {
        double z[2] = {x[0], x[2]};
        ekf_step(&k, u, z, i ? h : 0.0);
        if (i == 0)
            memcpy(k.Q, Q, sizeof Q);
        u = limit(1.0 * k.x[0] + 2.0 * k.x[1] + 40.0 * k.x[2] + 4.0 * k.x[3], 20.0);
        rk4(x, u, h);
    }
    memcpy(estimate, k.x, sizeof k.x);
}
