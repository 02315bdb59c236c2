/* The yardstick of the control core: a closed loop of a cart-pole at 1 ms, written as one function by hand.
 *
 * Plant with Runge-Kutta steps, noise on position and angle, state feedback, limit. The equations are those of est.c; noise
 * and mathematics are the core's, so a bench with the same parts must end in the same bits.
 *
 * As a shared object: cart_pole_run. As a program: nanoseconds of the Runge-Kutta step alone, the twin of est.c's "rk4 only".
 * -DHOST_LIBM takes the host's sine and cosine, as est.c does; -DALL_INLINE has the core's inlined by force, as only a
 * code generator does it. */
#include "short_runs.h"

#include "hil/hash.h"
#include "hil/math.h"
#include "hil/random.h"

#if defined(HOST_LIBM)
#include <math.h>
static inline void sine_cosine(double x, double *s, double *c)
{
    *s = sin(x);
    *c = cos(x);
}
#elif defined(ALL_INLINE)
#include "math_basic.c"
#include "math_exp.c"
#include "math_trig.c"
#define sine_cosine hil_sincos
#define PLACE       __attribute__((visibility("default"), flatten))
#else
#define sine_cosine hil_sincos
#endif
#ifndef PLACE
#define PLACE __attribute__((visibility("default")))
#endif

static const double GRAVITY = 9.81, CART_KG = 0.5, POLE_KG = 0.2, ROD_M = 0.3;
static const double NOISE = 1e-4, LARGEST_N = 20.0;
static const double STEP_S = 1000000 * 1e-9; /* as the core makes it from its period in nanoseconds */

static inline void cart_pole(const double *x, double u, double *dx)
{
    double s, c, w = x[3];
    sine_cosine(x[2], &s, &c);
    double mass = CART_KG + POLE_KG * s * s;

    dx[0] = x[1];
    dx[1] = (u + POLE_KG * s * (ROD_M * w * w - GRAVITY * c)) / mass;
    dx[2] = x[3];
    dx[3] = (-u * c - POLE_KG * ROD_M * w * w * c * s + (CART_KG + POLE_KG) * GRAVITY * s) / (ROD_M * mass);
}

static inline void rk4(double *x, double u, double h)
{
    double k1[4], k2[4], k3[4], k4[4], y[4];

    cart_pole(x, u, k1);
    for (int i = 0; i < 4; i++)
        y[i] = x[i] + h / 2 * k1[i];
    cart_pole(y, u, k2);
    for (int i = 0; i < 4; i++)
        y[i] = x[i] + h / 2 * k2[i];
    cart_pole(y, u, k3);
    for (int i = 0; i < 4; i++)
        y[i] = x[i] + h * k3[i];
    cart_pole(y, u, k4);
    for (int i = 0; i < 4; i++)
        x[i] += h / 6 * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]);
}

static inline double noise(uint64_t seed, uint64_t stream, uint64_t k)
{
    return NOISE * hil_normal(hil_random(seed, stream, k));
}

/* Advances the state (position, speed, angle, angular speed) by n samples, from sample `first` on: a processor learns the
 * branches of a noise that it meets again. */
PLACE void cart_pole_run(double *state, uint64_t seed, uint64_t first, uint64_t n)
{
    const uint64_t position_noise = hil_hash_text(0, "noise.position"), angle_noise = hil_hash_text(0, "noise.angle");
    double x[4] = {state[0], state[1], state[2], state[3]};

    for (uint64_t k = first; k < first + n; k++) {
        double position = x[0] + noise(seed, position_noise, k), angle = x[2] + noise(seed, angle_noise, k);
        double u = 1.0 * position + 2.0 * x[1] + 40.0 * angle + 4.0 * x[3];
        u = u < -LARGEST_N ? -LARGEST_N : u > LARGEST_N ? LARGEST_N : u;
        rk4(x, u, STEP_S);
    }
    for (int i = 0; i < 4; i++)
        state[i] = x[i];
}

__attribute__((noinline)) static void rk4_alone(double *x, double u, double h) { rk4(x, u, h); }

int main(void)
{
    enum { STEPS = 1000000 };
    double x[4] = {0, 0, 0.05, 0};

    cart_pole_run(x, 1, 0, STEPS); /* as in est.c: from near the upright position on, with the force of that moment */
    double u = x[0] + 2 * x[1] + 40 * x[2] + 4 * x[3];
    MEASURE("rk4 only", 200000, rk4_alone(x, u, STEP_S));
    fprintf(stderr, "%g\n", x[0]);
    return 0;
}
