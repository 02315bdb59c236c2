/* A compiled model: one table, exported by a shared object under the name `hil_model_v1`, everything else hidden.
 *
 *   dx/dt = f(x, u, p),  y = g(x, u, p)        (or x+ = f(x, u, p) with method "discrete")
 *
 * Re-entrant: no statics that change. Functions may be called in a tick. Arrays never overlap. Matrices are column-major, dense. */
#ifndef HIL_MODEL_H
#define HIL_MODEL_H

#include "hil/types.h"

#define HIL_MODEL_ABI   3
#define HIL_MODEL_MAX_U 64 /* largest number of inputs, and of outputs: a step gathers them on the stack */
#define HIL_MODEL_MAX_Y 64

struct hil_model_name {
    const char *name, *unit, *doc;
    double value, min, max; /* states: initial value; parameters: nominal; inputs, outputs: value unused */
};

struct hil_model {
    uint32_t abi;
    uint32_t n_x, n_u, n_y, n_p;
    uint32_t feedthrough;      /* g depends on u */
    uint64_t hash;             /* of the generated source and the flags; enters the program's hash */
    const char *name, *method; /* "rk4" "euler" "semi_implicit" "exact" "discrete" */
    const struct hil_model_name *x, *u, *y, *p;
    /* Advances x in place by dt_s in `substeps` equal steps of the model's method. */
    void (*step)(double *x, const double *u, const double *p, double dt_s, uint32_t substeps);
    void (*ode)(const double *x, const double *u, const double *p, double *dx);
    void (*output)(const double *x, const double *u, const double *p, double *y);
    /* A = df/dx, B = df/du, C = dg/dx, D = dg/du */
    void (*jacobian)(const double *x, const double *u, const double *p, double *a, double *b, double *c, double *d);
    /* One step of an extended Kalman filter, or NULL: then loops over `jacobian` do it. P and q are lower triangles, row after
     * row; u acted over the step of *h, v acts at its end; measurements y with the variances r (infinite: left out).
     * to = x, P, innovations; variance and weighted square of each beside those before it. *h = 0 with q = 0 is the update alone. `to` overlaps nothing. */
    void (*ekf)(const double *x, const double *P, const double *u, const double *v, const double *p, const double *y,
                const double *r, const double *q, const double *h, double *to);
    /* Holds x within the bounds that `step` holds it in; NaN stays. NULL: the states have none. */
    void (*clamp)(double *x);
};

#endif
