/* Nanoseconds a step of hand-written estimators and controllers with sizes known to the compiler.
 *
 * Kalman filters 4/2 and 12/6, the EKF of a cart-pole, PID, LQR, and a closed loop at 1 ms of an RK4 cart-pole, its EKF and
 * a state feedback. One alone with the argument kf4, kf12, ekf or loop. */
#include "short_runs.h"

#include <math.h>
#include <string.h>

#define KERNEL __attribute__((noinline)) static

#define KF(name) kf4_##name
#define KF_N     4
#define KF_M     2
#include "kalman_template.h"

#define KF(name) kf12_##name
#define KF_N     12
#define KF_M     6
#include "kalman_template.h"

/* ---- cart-pole: position, speed, angle, angular speed; input is the force on the cart. A point mass on a rod. ---- */

static const double GRAVITY = 9.81, CART_KG = 0.5, POLE_KG = 0.2, ROD_M = 0.3;

#if defined(CORE_MATHS)
#include "hil/math.h"
#define sine_cosine hil_sincos
#else
static inline void sine_cosine(double angle, double *s, double *c)
{
    *s = sin(angle);
    *c = cos(angle);
}
#endif

/* s, c: sine and cosine of the angle */
static inline void cart_pole_of(const double *x, double s, double c, double u, double *dx)
{
    double w = x[3];
    double mass = CART_KG + POLE_KG * s * s;

    dx[0] = x[1];
    dx[1] = (u + POLE_KG * s * (ROD_M * w * w - GRAVITY * c)) / mass;
    dx[2] = x[3];
    dx[3] = (-u * c - POLE_KG * ROD_M * w * w * c * s + (CART_KG + POLE_KG) * GRAVITY * s) / (ROD_M * mass);
}

static inline void cart_pole(const double *x, double u, double *dx)
{
    double s, c;
    sine_cosine(x[2], &s, &c);
    cart_pole_of(x, s, c, u, dx);
}

/* F = I + dt d(dx)/dx: n1 and n3 are the numerators of the two accelerations, dn1 and dn3 their slopes in the angle. */
static inline void cart_pole_jacobian(const double *x, double s, double c, double u, double dt, double *F)
{
    double w = x[3];
    double mass = CART_KG + POLE_KG * s * s, inverse = 1 / mass, dmass = 2 * POLE_KG * s * c;
    double n1 = u + POLE_KG * s * (ROD_M * w * w - GRAVITY * c);
    double dn1 = POLE_KG * (ROD_M * w * w * c - GRAVITY * (c * c - s * s));
    double n3 = -u * c - POLE_KG * ROD_M * w * w * c * s + (CART_KG + POLE_KG) * GRAVITY * s;
    double dn3 = u * s - POLE_KG * ROD_M * w * w * (c * c - s * s) + (CART_KG + POLE_KG) * GRAVITY * c;

    memset(F, 0, 16 * sizeof *F);
    F[0] = F[5] = F[10] = F[15] = 1;
    F[1] = F[11] = dt;
    F[6] = dt * (dn1 * inverse - n1 * dmass * inverse * inverse);
    F[7] = dt * 2 * POLE_KG * s * ROD_M * w * inverse;
    F[14] = dt * (dn3 * inverse - n3 * dmass * inverse * inverse) / ROD_M;
    F[15] += dt * (-2 * POLE_KG * ROD_M * w * c * s) * inverse / ROD_M;
}

KERNEL void rk4(double *x, double u, double h)
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

/* ---- EKF of the cart-pole: Euler prediction, analytic Jacobian, position and angle measured ---- */

static inline void ekf_predict_covariance(const struct kf4_filter *k, double *P)
{
    double FP[16], Ft[16];

    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++)
            FP[i * 4 + j] = 0;
        for (int l = 0; l < 4; l++)
            for (int j = 0; j < 4; j++)
                FP[i * 4 + j] += k->F[i * 4 + l] * k->P[l * 4 + j];
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            Ft[i * 4 + j] = k->F[j * 4 + i];
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++)
            P[i * 4 + j] = k->Q[i * 4 + j];
        for (int l = 0; l < 4; l++)
            for (int j = 0; j < 4; j++)
                P[i * 4 + j] += FP[i * 4 + l] * Ft[l * 4 + j];
    }
}

/* H picks the states 0 and 2, so the inverse of S is that of a 2 by 2 matrix. */
static inline void ekf_gain(const struct kf4_filter *k, const double *P, double *K)
{
    double s00 = P[0] + k->R[0], s01 = P[2], s11 = P[10] + k->R[3];
    double inverse = 1 / (s00 * s11 - s01 * s01);

    for (int i = 0; i < 4; i++) {
        double a = P[i * 4], b = P[i * 4 + 2];
        K[i * 2] = (a * s11 - b * s01) * inverse;
        K[i * 2 + 1] = (b * s00 - a * s01) * inverse;
    }
}

KERNEL void ekf_step(struct kf4_filter *k, double u, const double *z, double dt)
{
    double dx[4], x[4], P[16], K[8], row0[4], row2[4], s, c;

    sine_cosine(k->x[2], &s, &c);
    cart_pole_jacobian(k->x, s, c, u, dt, k->F);
    cart_pole_of(k->x, s, c, u, dx);
    for (int i = 0; i < 4; i++)
        x[i] = k->x[i] + dt * dx[i];
    ekf_predict_covariance(k, P);
    ekf_gain(k, P, K);

    double y0 = z[0] - x[0], y1 = z[1] - x[2];
    memcpy(row0, P, sizeof row0);
    memcpy(row2, P + 8, sizeof row2);
    for (int i = 0; i < 4; i++) {
        k->x[i] = x[i] + K[i * 2] * y0 + K[i * 2 + 1] * y1;
        for (int j = 0; j < 4; j++)
            P[i * 4 + j] = P[i * 4 + j] - K[i * 2] * row0[j] - K[i * 2 + 1] * row2[j];
    }
    kf4_keep_symmetric(P, k->P);
}

/* ---- controllers ---- */

struct pid {
    double kp, ki, kd, integral, last_error, low, high, dt, slope;
};

/* The slope of the error is filtered; the integral stands still while the output is at a limit. */
KERNEL double pid_step(struct pid *p, double error)
{
    double slope = (error - p->last_error) / p->dt;

    p->slope += 0.1 * (slope - p->slope);
    p->last_error = error;
    double integral = p->integral + p->ki * error * p->dt;
    double u = p->kp * error + integral + p->kd * p->slope;
    if (u > p->high)
        u = p->high;
    else if (u < p->low)
        u = p->low;
    else
        p->integral = integral;
    return u;
}

KERNEL double lqr_step(const double *K, const double *x, const double *reference)
{
    double u = 0;

    for (int i = 0; i < 4; i++)
        u -= K[i] * (x[i] - reference[i]);
    return u;
}

/* ---- measurement ---- */

static double sink; /* keeps the compiler from dropping the work */

static const double measured[6] = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6};

static void measure_small_kalman(void)
{
    static struct kf4_filter small;

    kf4_init(&small);
    MEASURE("kf n4m2", 200000, kf4_step(&small, measured));
    sink += small.x[0];
}

static void measure_large_kalman(void)
{
    static struct kf12_filter large;

    kf12_init(&large);
    MEASURE("kf n12m6", 20000, kf12_step(&large, measured));
    sink += large.x[0];
}

static void measure_ekf(void)
{
    struct kf4_filter k;
    double z[2];

    kf4_init(&k);
    MEASURE("ekf cartpole", 200000, {
        z[0] = 1e-3 * (double)(i & 7);
        z[1] = 1e-3 * (double)(i & 3);
        ekf_step(&k, 0.0, z, 1e-3);
    });
    sink += k.x[0];
}

static void measure_controllers(void)
{
    struct pid p = {.kp = 1, .ki = 2, .kd = 0.1, .low = -10, .high = 10, .dt = 1e-3};
    double K[4] = {1, 2, 3, 4}, x[4] = {1, 1, 1, 1}, reference[4] = {0};

    MEASURE("pid", 10000000, sink += pid_step(&p, 0.1 * (double)(i & 3)));
    MEASURE("lqr4", 10000000, {
        x[0] = (double)(i & 3);
        sink += lqr_step(K, x, reference);
    });
}

/* Marsaglia's xorshift, 13-7-17. */
static inline uint64_t xorshift(uint64_t s)
{
    s ^= s << 13;
    s ^= s >> 7;
    return s ^ s << 17;
}

static inline double noise_of(uint64_t bits) { return 1e-4 * ((double)(int64_t)bits / 9.2e18); }

static inline double limit(double u, double bound) { return u > bound ? bound : u < -bound ? -bound : u; }

static void measure_closed_loop(void)
{
    double x[4] = {0, 0, 0.05, 0}, u = 0;
    struct pid p = {.kp = 40, .ki = 20, .kd = 4, .low = -20, .high = 20, .dt = 1e-3};
    struct kf4_filter k;
    uint64_t random = 88172645463325252ULL;

    kf4_init(&k);
    k.x[2] = 0.05;
    /* The PID runs for its cost; the state feedback is what acts. */
    MEASURE("vtime rk4+ekf+pid", 200000, {
        rk4(x, u, 1e-3);
        random = xorshift(random);
        double z[2] = {x[0] + noise_of(random), x[2] + noise_of(random << 7)};
        ekf_step(&k, u, z, 1e-3);
        sink += pid_step(&p, k.x[2]);
        u = limit(k.x[2] * 40 + k.x[3] * 4 + k.x[1] * 2 + k.x[0], 20);
    });
    printf("final %g %g %g %g\n", x[0], x[1], x[2], x[3]);
    MEASURE("rk4 only", 200000, rk4(x, u, 1e-3));
}

int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : "";

    if (!*only || strcmp(only, "kf4") == 0)
        measure_small_kalman();
    if (!*only || strcmp(only, "kf12") == 0)
        measure_large_kalman();
    if (!*only || strcmp(only, "ekf") == 0)
        measure_ekf();
    if (!*only)
        measure_controllers();
    if (!*only || strcmp(only, "loop") == 0)
        measure_closed_loop();
    fprintf(stderr, "%g\n", sink);
    return 0;
}
