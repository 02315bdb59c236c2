/* An FMU (co-simulation, FMI 2.0 or 3.0) as the core sees it: names and counts as a model has them, and functions of an
 * adapter that owns its instances. The core calls the adapter through pointers and never learns how it runs.
 *
 * What the FMU keeps lies outside the state buffer. The buffer holds its outputs, the parameters it was last given and
 * its step count, so that hashes and recordings see all that the bench sees. Each buffer has an instance of its own, found
 * by the buffer's address. */
#ifndef HIL_FMU_H
#define HIL_FMU_H

#include "hil/model.h"
#include "hil/program.h"

#define HIL_FMU_ABI 1

enum hil_fmu_ability {
    HIL_FMU_SAVES = 1, /* its state can be saved and loaded: snapshot and restore */
    HIL_FMU_COPIES = 2 /* and loaded into another instance: fork */
};

struct hil_fmu {
    struct hil_model model; /* names and counts of u, y, p, hash; n_x = 0, no functions. First, as blocks point to it */
    uint32_t abi;
    uint32_t abilities; /* enum hil_fmu_ability; none: the block is opaque */
    void *self;
    /* Makes the owner's instance, or starts the one it has anew, and writes y at time 0. Outside the loop. enum hil_err */
    int (*reset)(void *self, const void *owner, const double *p, double *y);
    /* One step from t_s to t_s + dt_s with u held; p is NULL while no parameter has changed. In a tick: yes; it may allocate,
     * as it runs foreign code. Writes y. */
    int (*step)(void *self, const void *owner, const double *u, const double *p, double t_s, double dt_s, double *y);
    /* The instance's state as bytes that stay until the next call for this owner. Outside the loop. */
    int (*save)(void *self, const void *owner, const void **bytes, size_t *n);
    int (*load)(void *self, const void *owner, const void *bytes, size_t n);
    /* Ends the owner's instance; without one nothing happens. */
    void (*release)(void *self, const void *owner);
    /* `*stop` becomes 1 when a step of this owner's instance fails: the loop ends after its tick. NULL: nobody waits. */
    void (*watch)(void *self, const void *owner, _Atomic int *stop);
    /* Why the owner's instance failed, "" when it has not. Valid until the instance ends. */
    const char *(*failure)(void *self, const void *owner);
};

/* The FMU of a block, by its number in the description; NULL: its state lies in the buffer. */
const struct hil_fmu *hil_program_fmu(const struct hil_program *p, uint16_t block);

#endif
