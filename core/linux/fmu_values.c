/* Doubles of the loop as the types of an FMU's variables, one array for each type. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fmu_private.h"

static void fill(struct fmu_group *g, const struct hil_fmu_variable *list, uint32_t n, uint32_t type)
{
    g->type = type;
    for (uint32_t i = 0; i < n; i++) {
        if (list[i].type != type)
            continue;
        g->references[g->n] = list[i].reference;
        g->index[g->n++] = (uint16_t)i;
    }
    g->whole = type == HIL_FMU_FLOAT64 && g->n == n;
}

int fmu_values_make(struct fmu_values *v, const struct hil_fmu_variable *list, uint32_t n)
{
    int used[HIL_FMU_TYPES] = {0};
    for (uint32_t i = 0; i < n; i++)
        used[list[i].type] = 1;
    v->groups = calloc(HIL_FMU_TYPES, sizeof *v->groups);
    v->scratch = calloc(n + 1u, sizeof(double));
    if (!v->groups || !v->scratch)
        return HIL_E_OS;
    for (uint32_t type = 0; type < HIL_FMU_TYPES; type++) {
        struct fmu_group *g = &v->groups[v->n_groups];
        if (!used[type])
            continue;
        v->n_groups++;
        g->references = calloc(n, sizeof *g->references);
        g->index = calloc(n, sizeof *g->index);
        if (!g->references || !g->index)
            return HIL_E_OS;
        fill(g, list, n, type);
    }
    return HIL_OK;
}

void fmu_values_free(struct fmu_values *v)
{
    for (uint32_t i = 0; i < v->n_groups; i++) {
        free(v->groups[i].references);
        free(v->groups[i].index);
    }
    free(v->groups);
    free(v->scratch);
}

/* A whole number inside the type; NaN becomes the lower end. */
static double whole(double v, double lo, double hi) { return v >= hi ? hi : v >= lo ? nearbyint(v) : lo; }

/* One line for each type: its C type, how a double becomes one. */
#define EACH_TYPE(X)                                                                                                   \
    X(HIL_FMU_FLOAT64, double, v)                                                                                      \
    X(HIL_FMU_FLOAT32, float, v)                                                                                       \
    X(HIL_FMU_INT8, int8_t, whole(v, INT8_MIN, INT8_MAX))                                                              \
    X(HIL_FMU_UINT8, uint8_t, whole(v, 0, UINT8_MAX))                                                                  \
    X(HIL_FMU_INT16, int16_t, whole(v, INT16_MIN, INT16_MAX))                                                          \
    X(HIL_FMU_UINT16, uint16_t, whole(v, 0, UINT16_MAX))                                                               \
    X(HIL_FMU_INT32, int32_t, whole(v, INT32_MIN, INT32_MAX))                                                          \
    X(HIL_FMU_UINT32, uint32_t, whole(v, 0, UINT32_MAX))                                                               \
    X(HIL_FMU_INT64, int64_t, whole(v, -0x1p53, 0x1p53))                                                               \
    X(HIL_FMU_UINT64, uint64_t, whole(v, 0, 0x1p53))

const void *fmu_pack(const struct fmu_values *values, const struct fmu_group *g, const double *from)
{
    if (g->whole)
        return from;
    for (uint32_t i = 0; i < g->n; i++) {
        double v = from[g->index[i]];
        switch (g->type) {
#define PACK(type, ctype, value)                                                                                       \
    case type: ((ctype *)values->scratch)[i] = (ctype)(value); break;
            EACH_TYPE(PACK)
#undef PACK
        case HIL_FMU_BOOLEAN: /* FMI 2 has it as int; see fmu2.c */ ((bool *)values->scratch)[i] = v >= 0.5;
        }
    }
    return values->scratch;
}

void fmu_unpack(const struct fmu_values *values, const struct fmu_group *g, double *to)
{
    for (uint32_t i = 0; i < g->n; i++) {
        double *v = &to[g->index[i]];
        switch (g->type) {
#define UNPACK(type, ctype, value)                                                                                     \
    case type: *v = (double)((const ctype *)values->scratch)[i]; break;
            EACH_TYPE(UNPACK)
#undef UNPACK
        case HIL_FMU_BOOLEAN: *v = ((const bool *)values->scratch)[i];
        }
    }
}
