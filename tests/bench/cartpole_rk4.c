/* The yardstick of compiled models: a cart-pole and its Runge-Kutta step as a person writes them, and the loop that times both.
 *
 * Equations: R. Florian, "Correct equations for the dynamics of the cart-pole system" (2007), without friction. Same libm and
 * same flags as the compiled model; common terms are computed once, as one would by hand. */
#include <time.h>

#include "hil/model.h"

#include "math_basic.c"
#include "math_exp.c"
#include "math_trig.c"

enum { X, V, THETA, OMEGA, N };
enum { CART_KG, POLE_KG, HALF_M, GRAVITY };

static inline void cartpole(const double *x, double force, const double *p, double *dx)
{
    double s, c;
    hil_sincos(x[THETA], &s, &c);
    const double total = p[CART_KG] + p[POLE_KG];
    const double moment = p[POLE_KG] * p[HALF_M];
    const double push = (force + moment * x[OMEGA] * x[OMEGA] * s) / total;
    const double alpha = (p[GRAVITY] * s - c * push) / (p[HALF_M] * (4.0 / 3.0 - p[POLE_KG] * c * c / total));
    dx[X] = x[V];
    dx[V] = push - moment * alpha * c / total;
    dx[THETA] = x[OMEGA];
    dx[OMEGA] = alpha;
}

__attribute__((visibility("default"))) void cartpole_step(double *x, const double *u, const double *p, double dt_s,
                                                          uint32_t substeps)
{
    const double h = dt_s / substeps;
    for (uint32_t s = 0; s < substeps; s++) {
        double k1[N], k2[N], k3[N], k4[N], at[N];
        cartpole(x, u[0], p, k1);
        for (int i = 0; i < N; i++)
            at[i] = x[i] + 0.5 * h * k1[i];
        cartpole(at, u[0], p, k2);
        for (int i = 0; i < N; i++)
            at[i] = x[i] + 0.5 * h * k2[i];
        cartpole(at, u[0], p, k3);
        for (int i = 0; i < N; i++)
            at[i] = x[i] + h * k3[i];
        cartpole(at, u[0], p, k4);
        for (int i = 0; i < N; i++)
            x[i] += h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]);
    }
}

/* Nanoseconds for one call of `step`, which both sides are called through as the core does. */
__attribute__((visibility("default"))) double time_step(void (*step)(double *, const double *, const double *, double,
                                                                     uint32_t),
                                                        double *x, const double *p, double dt_s, int calls)
{
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < calls; i++) {
        const double u = i % 200 < 100 ? 1.0 : -1.0;
        step(x, &u, p, dt_s, 1);
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    return ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / calls;
}
