/* A block that wastes time: each tick `slope` nanoseconds more than the one before. Its state is what it wastes. */
#include <time.h>

/* Models are compiled as plain C11, for which time.h keeps the clock of POSIX to itself; 1 is Linux's monotonic clock. */
extern int clock_gettime(int clock, struct timespec *now);
enum { MONOTONIC = 1 };

static long long now_ns(void)
{
    struct timespec t;

    clock_gettime(MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static const struct hil_model_name x[] = {{"wasted", "ns", "", 0, 0, 1e12}};
static const struct hil_model_name y[] = {{"wasted", "ns", "", 0, 0, 0}};
static const struct hil_model_name p[] = {{"slope", "ns", "", 0, 0, 1e9}};

static void step(double *x, const double *u, const double *p, double dt_s, uint32_t substeps)
{
    long long end = now_ns() + (long long)x[0];

    (void)u, (void)dt_s, (void)substeps;
    x[0] += p[0];
    while (now_ns() < end)
        ;
}

static void output(const double *x, const double *u, const double *p, double *y)
{
    (void)u, (void)p;
    y[0] = x[0];
}

const struct hil_model hil_model_v1 = {
    HIL_MODEL_ABI, 1, 0, 1, 1, 0, HIL_MODEL_HASH, "Burn", "discrete", x, NULL, y, p, step, NULL, output, NULL,
};
