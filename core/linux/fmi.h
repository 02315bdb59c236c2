/* The C interface of FMI 2.0.4 and 3.0.2 as far as co-simulation needs it. Names and order of arguments are the
 * standard's (fmi-standard.org). */
#ifndef HIL_LINUX_FMI_H
#define HIL_LINUX_FMI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of fmi2Status and fmi3Status alike. */
enum fmi_status { FMI_OK, FMI_WARNING, FMI_DISCARD, FMI_ERROR, FMI_FATAL, FMI2_PENDING };
enum { FMI2_CO_SIMULATION = 1, FMI2_TERMINATED = 3 };

struct fmi2_callbacks {
    void (*logger)(void *environment, const char *instance, int status, const char *category, const char *message, ...);
    void *(*allocate)(size_t n, size_t size);
    void (*release)(void *memory);
    void (*step_finished)(void *environment, int status);
    void *environment;
};

struct fmi2 {
    void *(*instantiate)(const char *name, int type, const char *guid, const char *resources,
                         const struct fmi2_callbacks *callbacks, int visible, int logging);
    void (*free_instance)(void *c);
    int (*setup)(void *c, int has_tolerance, double tolerance, double start, int has_stop, double stop);
    int (*enter_init)(void *c);
    int (*exit_init)(void *c);
    int (*terminate)(void *c);
    int (*get_real)(void *c, const uint32_t *vr, size_t n, double *v);
    int (*get_integer)(void *c, const uint32_t *vr, size_t n, int *v);
    int (*get_boolean)(void *c, const uint32_t *vr, size_t n, int *v);
    int (*set_real)(void *c, const uint32_t *vr, size_t n, const double *v);
    int (*set_integer)(void *c, const uint32_t *vr, size_t n, const int *v);
    int (*set_boolean)(void *c, const uint32_t *vr, size_t n, const int *v);
    int (*set_string)(void *c, const uint32_t *vr, size_t n, const char *const *v);
    int (*step)(void *c, double t, double dt, int no_going_back);
    /* Of FMUs whose state can be saved. */
    int (*get_state)(void *c, void **state);
    int (*set_state)(void *c, void *state);
    int (*free_state)(void *c, void **state);
    int (*state_size)(void *c, void *state, size_t *n);
    int (*serialise)(void *c, void *state, char *bytes, size_t n);
    int (*deserialise)(void *c, const char *bytes, size_t n, void **state);
};

struct fmi3 {
    void *(*instantiate)(const char *name, const char *token, const char *resources, bool visible, bool logging,
                         bool event_mode, bool early_return, const uint32_t *intermediate, size_t n, void *environment,
                         void (*log)(void *environment, int status, const char *category, const char *message),
                         void *intermediate_update);
    void (*free_instance)(void *c);
    int (*enter_init)(void *c, bool has_tolerance, double tolerance, double start, bool has_stop, double stop);
    int (*exit_init)(void *c);
    int (*terminate)(void *c);
    int (*get_number[11])(void *c, const uint32_t *vr, size_t n, void *v, size_t n_values); /* by enum hil_fmu_type */
    int (*set_number[11])(void *c, const uint32_t *vr, size_t n, const void *v, size_t n_values);
    int (*set_string)(void *c, const uint32_t *vr, size_t n, const char *const *v, size_t n_values);
    int (*step)(void *c, double t, double dt, bool no_going_back, bool *event, bool *terminate, bool *early,
                double *last);
    int (*get_state)(void *c, void **state);
    int (*set_state)(void *c, void *state);
    int (*free_state)(void *c, void **state);
    int (*state_size)(void *c, void *state, size_t *n);
    int (*serialise)(void *c, void *state, uint8_t *bytes, size_t n);
    int (*deserialise)(void *c, const uint8_t *bytes, size_t n, void **state);
};

#endif
