/* The yardstick of the block pid: the same equations as one bare function, called for many controllers in turn.
 *
 * The arithmetic is that of core/src/blocks/pid.c in automatic, so both end in the same bits; what a block has besides is
 * the checks of its inputs, manual, and parameters that may change. */
#include "yardstick.h"

enum { CONTROLLERS = 64 };

struct pid {
    double kp, ki, kd, filter_s, weight, lo, hi, per_time, tracking;
    double integral, rate, last;
};

static double clamp(double v, double lo, double hi) { return v < lo ? lo : v > hi ? hi : v; }

__attribute__((noinline)) static double pid_step(struct pid *p, double r, double y, double feed_forward, double h)
{
    p->rate = (p->filter_s * p->rate + (y - p->last)) * p->per_time;
    p->last = y;
    double rest = p->kp * (p->weight * r - y) - p->kd * p->rate + feed_forward;
    double v = p->integral + rest, u = clamp(v, p->lo, p->hi);
    p->integral += p->ki * h * (r - y) + p->tracking * (u - v);
    return u;
}

void pid_run(const double *r, const double *y, double *u, int count, uint64_t n);

/* n samples of `count` controllers, at most CONTROLLERS; set-points r, measurements y; the last outputs go to u. */
__attribute__((visibility("default"))) void pid_run(const double *r, const double *y, double *u, int count, uint64_t n)
{
    const double h = 1000000 * 1e-9;
    struct pid p[CONTROLLERS];
    for (int i = 0; i < count; i++)
        p[i] = (struct pid){.kp = 2.0,
                            .ki = 0.5,
                            .kd = 0.1,
                            .filter_s = 0.01,
                            .weight = 0.8,
                            .lo = -10.0,
                            .hi = 10.0,
                            .per_time = 1.0 / (0.01 + h),
                            .tracking = h / (2.0 / 0.5),
                            .last = y[i]};
    for (uint64_t k = 0; k < n; k++)
        for (int i = 0; i < count; i++)
            u[i] = pid_step(&p[i], r[i], y[i], 0.0, h);
}
