/* FMI 2.0 for co-simulation. Enumerations are integers, booleans are ints. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fmu_private.h"

int fmu2_find_all(struct fmu *f, char *text)
{
    struct fmi2 *m = &f->fmi2;
    const struct {
        void *to;
        const char *name;
        int optional;
    } all[] = {
        {&m->instantiate, "Instantiate", 0},
        {&m->free_instance, "FreeInstance", 0},
        {&m->setup, "SetupExperiment", 0},
        {&m->enter_init, "EnterInitializationMode", 0},
        {&m->exit_init, "ExitInitializationMode", 0},
        {&m->terminate, "Terminate", 0},
        {&m->get_real, "GetReal", 0},
        {&m->get_integer, "GetInteger", 0},
        {&m->get_boolean, "GetBoolean", 0},
        {&m->set_real, "SetReal", 0},
        {&m->set_integer, "SetInteger", 0},
        {&m->set_boolean, "SetBoolean", 0},
        {&m->set_string, "SetString", 0},
        {&m->step, "DoStep", 0},
        {&m->get_state, "GetFMUstate", 1},
        {&m->set_state, "SetFMUstate", 1},
        {&m->free_state, "FreeFMUstate", 1},
        {&m->state_size, "SerializedFMUstateSize", 1},
        {&m->serialise, "SerializeFMUstate", 1},
        {&m->deserialise, "DeSerializeFMUstate", 1},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (fmu_find(f, all[i].to, "fmi2", all[i].name, text) && (!all[i].optional || f->d->abilities))
            return HIL_E_UNSUPPORTED;
    return HIL_OK;
}

static void logger(void *environment, const char *instance, int status, const char *category, const char *message, ...)
{
    char text[HIL_FMU_TEXT];
    va_list rest;
    va_start(rest, message);
    vsnprintf(text, sizeof text, message ? message : "", rest);
    va_end(rest);
    (void)instance, (void)category;
    fmu_keep_message(environment, status, text);
}

/* ---- values ---- */

static int set(struct fmu_instance *i, const struct fmu_values *v, const double *from)
{
    const struct fmi2 *m = &i->fmu->fmi2;
    int status = FMI_OK;
    for (const struct fmu_group *g = v->groups, *end = g + v->n_groups; g < end && status <= FMI_WARNING; g++) {
        if (g->type == HIL_FMU_FLOAT64) {
            status = m->set_real(i->c, g->references, g->n, fmu_pack(v, g, from));
            continue;
        }
        int *whole = v->scratch;
        for (uint32_t k = 0; g->type == HIL_FMU_BOOLEAN && k < g->n; k++)
            whole[k] = from[g->index[k]] >= 0.5;
        if (g->type == HIL_FMU_BOOLEAN)
            status = m->set_boolean(i->c, g->references, g->n, whole);
        else
            status = m->set_integer(i->c, g->references, g->n, fmu_pack(v, g, from));
    }
    return fmu_status(i, status, "fmi2SetReal, -Integer or -Boolean");
}

static int get(struct fmu_instance *i, double *to)
{
    const struct fmi2 *m = &i->fmu->fmi2;
    const struct fmu_values *v = &i->fmu->y;
    int status = FMI_OK;
    for (const struct fmu_group *g = v->groups, *end = g + v->n_groups; g < end && status <= FMI_WARNING; g++) {
        if (g->whole) {
            status = m->get_real(i->c, g->references, g->n, to);
            continue;
        }
        int *whole = v->scratch;
        if (g->type == HIL_FMU_FLOAT64)
            status = m->get_real(i->c, g->references, g->n, v->scratch);
        else if (g->type == HIL_FMU_BOOLEAN)
            status = m->get_boolean(i->c, g->references, g->n, whole);
        else
            status = m->get_integer(i->c, g->references, g->n, whole);
        for (uint32_t k = 0; g->type == HIL_FMU_BOOLEAN && k < g->n; k++)
            to[g->index[k]] = whole[k] != 0;
        if (g->type != HIL_FMU_BOOLEAN)
            fmu_unpack(v, g, to);
    }
    return fmu_status(i, status, "fmi2GetReal, -Integer or -Boolean");
}

static int set_starts(struct fmu_instance *i)
{
    const struct fmi2 *m = &i->fmu->fmi2;
    const struct hil_fmu_description *d = i->fmu->d;
    int status = FMI_OK;
    for (const struct hil_fmu_start *s = d->starts, *end = s + d->n_starts; s < end && status <= FMI_WARNING; s++) {
        const uint32_t *vr = &s->variable.reference;
        int whole = s->variable.type == HIL_FMU_BOOLEAN ? s->value >= 0.5 : (int)s->value;
        if (s->variable.type == HIL_FMU_STRING)
            status = m->set_string(i->c, vr, 1, &s->text);
        else if (s->variable.type == HIL_FMU_FLOAT64)
            status = m->set_real(i->c, vr, 1, &s->value);
        else if (s->variable.type == HIL_FMU_BOOLEAN)
            status = m->set_boolean(i->c, vr, 1, &whole);
        else
            status = m->set_integer(i->c, vr, 1, &whole);
    }
    return fmu_status(i, status, "setting a start value");
}

/* ---- life ---- */

static int initialise(struct fmu_instance *i, const double *p)
{
    const struct fmi2 *m = &i->fmu->fmi2;
    double tolerance = i->fmu->d->tolerance;
    int err = fmu_status(i, m->setup(i->c, tolerance > 0, tolerance, 0.0, 0, 0.0), "fmi2SetupExperiment");
    if (!err)
        err = set_starts(i);
    if (!err)
        err = set(i, &i->fmu->p, p);
    if (!err)
        err = fmu_status(i, m->enter_init(i->c), "fmi2EnterInitializationMode");
    return err ? err : fmu_status(i, m->exit_init(i->c), "fmi2ExitInitializationMode");
}

static int start(struct fmu_instance *i, const double *p, double *y)
{
    const struct hil_fmu_description *d = i->fmu->d;
    i->callbacks = (struct fmi2_callbacks){logger, calloc, free, NULL, i};
    i->c = i->fmu->fmi2.instantiate(d->name, FMI2_CO_SIMULATION, d->token, d->resources, &i->callbacks, 0, 0);
    if (!i->c)
        return fmu_say(i, HIL_E_OS, "fmi2Instantiate gives no instance");
    int err = initialise(i, p);
    return err ? err : get(i, y);
}

static int step(struct fmu_instance *i, const double *u, const double *p, double t_s, double dt_s, double *y)
{
    int err = set(i, &i->fmu->u, u);
    if (p && !err)
        err = set(i, &i->fmu->p, p);
    if (!err)
        err = fmu_status(i, i->fmu->fmi2.step(i->c, t_s, dt_s, 1), "fmi2DoStep");
    return err ? err : get(i, y);
}

static void end(struct fmu_instance *i)
{
    if (!i->c)
        return;
    if (!i->failed)
        i->fmu->fmi2.terminate(i->c);
    i->fmu->fmi2.free_instance(i->c);
    i->c = NULL;
}

/* ---- state ---- */

static int save(struct fmu_instance *i)
{
    const struct fmi2 *m = &i->fmu->fmi2;
    void *state = NULL;
    size_t n = 0;
    int err = fmu_status(i, m->get_state(i->c, &state), "fmi2GetFMUstate");
    if (err)
        return err;
    err = fmu_status(i, m->state_size(i->c, state, &n), "fmi2SerializedFMUstateSize");
    if (!err)
        err = fmu_make_blob(i, n);
    if (!err)
        err = fmu_status(i, m->serialise(i->c, state, i->blob, n), "fmi2SerializeFMUstate");
    m->free_state(i->c, &state);
    return err;
}

static int load(struct fmu_instance *i, const void *bytes, size_t n)
{
    const struct fmi2 *m = &i->fmu->fmi2;
    void *state = NULL;
    int err = fmu_status(i, m->deserialise(i->c, bytes, n, &state), "fmi2DeSerializeFMUstate");
    if (err)
        return err;
    err = fmu_status(i, m->set_state(i->c, state), "fmi2SetFMUstate");
    m->free_state(i->c, &state);
    return err;
}

const struct fmu_kind fmu_kind_2 = {start, step, save, load, end};
