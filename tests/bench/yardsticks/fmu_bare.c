/* The least that steps an FMU of FMI 2.0: dlopen, then set, doStep, get in a loop. One instance a process. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

struct callbacks {
    void (*logger)(void *, const char *, int, const char *, const char *, ...);
    void *(*allocate)(size_t, size_t);
    void (*release)(void *);
    void *step_finished, *environment;
};
static void logger(void *e, const char *i, int s, const char *c, const char *m, ...)
{
    (void)e, (void)i, (void)s, (void)c, (void)m;
}
static const struct callbacks callbacks = {logger, calloc, free, NULL, NULL};

static void *instance;
static int (*do_step)(void *, double, double, int);
static int (*set_real)(void *, const uint32_t *, size_t, const double *);
static int (*get_real)(void *, const uint32_t *, size_t, double *);
static double t;

/* 0 when the FMU is initialised. */
int bare_open(const char *library, const char *guid, const char *resources)
{
    void *l = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!l)
        return 1;
    void *(*make)(const char *, int, const char *, const char *, const struct callbacks *, int, int) =
        dlsym(l, "fmi2Instantiate");
    int (*setup)(void *, int, double, double, int, double) = dlsym(l, "fmi2SetupExperiment");
    int (*enter)(void *) = dlsym(l, "fmi2EnterInitializationMode");
    int (*leave)(void *) = dlsym(l, "fmi2ExitInitializationMode");
    do_step = dlsym(l, "fmi2DoStep");
    set_real = dlsym(l, "fmi2SetReal");
    get_real = dlsym(l, "fmi2GetReal");
    instance = make("bare", 1, guid, resources, &callbacks, 0, 0);
    t = 0.0;
    return !instance || setup(instance, 0, 0, 0.0, 0, 0) || enter(instance) || leave(instance);
}

/* Mean time of n steps in ns; the last outputs in y. */
double bare_run(int n, double dt, const uint32_t *inputs, int n_u, const double *u, const uint32_t *outputs, int n_y,
                double *y)
{
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int k = 0; k < n; k++) {
        if (n_u)
            set_real(instance, inputs, (size_t)n_u, u);
        if (do_step(instance, t, dt, 1) > 1)
            return -1.0;
        get_real(instance, outputs, (size_t)n_y, y);
        t += dt;
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    return ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / n;
}
