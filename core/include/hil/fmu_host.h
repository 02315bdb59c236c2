/* Opens FMUs on Linux: in this process, or each instance in a process of its own that may crash. All calls outside the
 * loop but those of struct hil_fmu that say otherwise. */
#ifndef HIL_FMU_HOST_H
#define HIL_FMU_HOST_H

#include "hil/fmu.h"

#define HIL_FMU_TEXT 256 /* longest message that is kept, with its zero */

/* Types of variables; FMI 2 knows FLOAT64 (Real), INT32 (Integer, Enumeration) and BOOLEAN. 64-bit integers are exact to
 * +-2^53. */
enum hil_fmu_type {
    HIL_FMU_FLOAT64,
    HIL_FMU_FLOAT32,
    HIL_FMU_INT8,
    HIL_FMU_UINT8,
    HIL_FMU_INT16,
    HIL_FMU_UINT16,
    HIL_FMU_INT32,
    HIL_FMU_UINT32,
    HIL_FMU_INT64,
    HIL_FMU_UINT64,
    HIL_FMU_BOOLEAN,
    HIL_FMU_STRING, /* start values only */
    HIL_FMU_TYPES
};

struct hil_fmu_variable {
    uint32_t reference; /* the FMU's value reference */
    uint32_t type;      /* enum hil_fmu_type */
};

/* A value that the FMU is given before it is initialised. */
struct hil_fmu_start {
    struct hil_fmu_variable variable;
    double value;
    const char *text; /* of a string */
};

/* What is opened. All of it stays the caller's and must live as long as the FMU. */
struct hil_fmu_description {
    const char *library;   /* path of the shared object */
    const char *name;      /* of the block; instances carry it */
    const char *token;     /* GUID or instantiation token */
    const char *resources; /* FMI 2: URI; FMI 3: path with a slash at its end */
    uint32_t version;      /* 2 or 3 */
    uint32_t abilities;    /* enum hil_fmu_ability, as far as the FMU says and a trial has shown */
    uint64_t hash;         /* of the FMU, the chosen variables and the start values */
    double tolerance;      /* relative, for its solver; 0: the FMU's own */
    const struct hil_fmu_variable *u, *y, *p;
    const struct hil_model_name *p_names; /* ranges of the parameters */
    const struct hil_fmu_start *starts;
    uint32_t n_u, n_y, n_p, n_starts;
    /* Program and arguments, ended by NULL, of a process that gets a socket as descriptor 3 and calls hil_fmu_serve with
     * the same description; NULL: instances live in this process. */
    const char *const *host;
    int timeout_ms; /* longest wait for that process */
};

/* Loads the library and finds its functions. On an error `text` (HIL_FMU_TEXT bytes) says which. HIL_E_UNSUPPORTED: a
 * function is missing; HIL_E_OS: it does not load or there is no memory. */
int hil_fmu_open(const struct hil_fmu_description *description, struct hil_fmu **out, char *text);
/* Instances are made (reset) and ended (release) while no loop with one of the same FMU runs. */

/* Ends all instances. The library stays loaded, as many do not survive to be unloaded. */
void hil_fmu_close(struct hil_fmu *fmu);
/* In the process of `host`: serves one instance until the other side closes the socket. HIL_OK, or why not. */
int hil_fmu_serve(struct hil_fmu *fmu, int fd);
/* Time of each of up to `n` steps of dt_s, with u at `u`, at most so many ns in all; the number of steps made in *made. The
 * instance is the owner's and has been reset. */
int hil_fmu_measure(struct hil_fmu *fmu, const void *owner, const double *u, double dt_s, uint32_t n, int64_t most_ns,
                    int64_t *step_ns, uint32_t *made);

#endif
