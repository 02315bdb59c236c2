/* FMI 3.0 for co-simulation, without event mode, early return and intermediate update. */
#include <stdio.h>
#include <string.h>

#include "fmu_private.h"

/* Of the types with numbers, in the order of enum hil_fmu_type. */
static const char *const type_names[] = {"Float64", "Float32", "Int8",  "UInt8",  "Int16",  "UInt16",
                                         "Int32",   "UInt32",  "Int64", "UInt64", "Boolean"};

static int find_numbers(struct fmu *f, char *text)
{
    char name[32];
    for (int type = HIL_FMU_FLOAT64; type <= HIL_FMU_BOOLEAN; type++) {
        snprintf(name, sizeof name, "Get%s", type_names[type]);
        int err = fmu_find(f, &f->fmi3.get_number[type], "fmi3", name, text);
        snprintf(name, sizeof name, "Set%s", type_names[type]);
        if (err || fmu_find(f, &f->fmi3.set_number[type], "fmi3", name, text))
            return HIL_E_UNSUPPORTED;
    }
    return HIL_OK;
}

int fmu3_find_all(struct fmu *f, char *text)
{
    struct fmi3 *m = &f->fmi3;
    const struct {
        void *to;
        const char *name;
        int optional;
    } all[] = {
        {&m->instantiate, "InstantiateCoSimulation", 0},
        {&m->free_instance, "FreeInstance", 0},
        {&m->enter_init, "EnterInitializationMode", 0},
        {&m->exit_init, "ExitInitializationMode", 0},
        {&m->terminate, "Terminate", 0},
        {&m->set_string, "SetString", 0},
        {&m->step, "DoStep", 0},
        {&m->get_state, "GetFMUState", 1},
        {&m->set_state, "SetFMUState", 1},
        {&m->free_state, "FreeFMUState", 1},
        {&m->state_size, "SerializedFMUStateSize", 1},
        {&m->serialise, "SerializeFMUState", 1},
        {&m->deserialise, "DeserializeFMUState", 1},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (fmu_find(f, all[i].to, "fmi3", all[i].name, text) && (!all[i].optional || f->d->abilities))
            return HIL_E_UNSUPPORTED;
    return find_numbers(f, text);
}

static void logger(void *environment, int status, const char *category, const char *message)
{
    (void)category;
    fmu_keep_message(environment, status, message ? message : "");
}

/* ---- values ---- */

static int set(struct fmu_instance *i, const struct fmu_values *v, const double *from)
{
    const struct fmi3 *m = &i->fmu->fmi3;
    int status = FMI_OK;
    for (const struct fmu_group *g = v->groups, *end = g + v->n_groups; g < end && status <= FMI_WARNING; g++)
        status = m->set_number[g->type](i->c, g->references, g->n, fmu_pack(v, g, from), g->n);
    return fmu_status(i, status, "setting a value");
}

static int get(struct fmu_instance *i, double *to)
{
    const struct fmi3 *m = &i->fmu->fmi3;
    const struct fmu_values *v = &i->fmu->y;
    int status = FMI_OK;
    for (const struct fmu_group *g = v->groups, *end = g + v->n_groups; g < end && status <= FMI_WARNING; g++) {
        status = m->get_number[g->type](i->c, g->references, g->n, g->whole ? to : v->scratch, g->n);
        if (!g->whole)
            fmu_unpack(v, g, to);
    }
    return fmu_status(i, status, "getting a value");
}

static int set_starts(struct fmu_instance *i)
{
    const struct hil_fmu_description *d = i->fmu->d;
    int err = HIL_OK;
    for (const struct hil_fmu_start *s = d->starts, *end = s + d->n_starts; s < end && !err; s++) {
        uint32_t vr = s->variable.reference;
        uint64_t scratch;
        uint16_t index = 0;
        struct fmu_group one = {s->variable.type, 1, &vr, &index, 0};
        struct fmu_values values = {&one, 1, &scratch};
        if (s->variable.type == HIL_FMU_STRING)
            err = fmu_status(i, i->fmu->fmi3.set_string(i->c, &vr, 1, &s->text, 1), "fmi3SetString");
        else
            err = set(i, &values, &s->value);
    }
    return err;
}

/* ---- life ---- */

static int initialise(struct fmu_instance *i, const double *p)
{
    const struct fmi3 *m = &i->fmu->fmi3;
    double tolerance = i->fmu->d->tolerance;
    int err = set_starts(i);
    if (!err)
        err = set(i, &i->fmu->p, p);
    if (!err)
        err = fmu_status(i, m->enter_init(i->c, tolerance > 0, tolerance, 0.0, false, 0.0),
                         "fmi3EnterInitializationMode");
    return err ? err : fmu_status(i, m->exit_init(i->c), "fmi3ExitInitializationMode");
}

static int start(struct fmu_instance *i, const double *p, double *y)
{
    const struct hil_fmu_description *d = i->fmu->d;
    i->c =
        i->fmu->fmi3.instantiate(d->name, d->token, d->resources, false, false, false, false, NULL, 0, i, logger, NULL);
    if (!i->c)
        return fmu_say(i, HIL_E_OS, "fmi3InstantiateCoSimulation gives no instance");
    int err = initialise(i, p);
    return err ? err : get(i, y);
}

static int step(struct fmu_instance *i, const double *u, const double *p, double t_s, double dt_s, double *y)
{
    bool event = false, terminate = false, early = false;
    double last = 0.0;
    int err = set(i, &i->fmu->u, u);
    if (p && !err)
        err = set(i, &i->fmu->p, p);
    if (!err)
        err = fmu_status(i, i->fmu->fmi3.step(i->c, t_s, dt_s, true, &event, &terminate, &early, &last), "fmi3DoStep");
    if (!err && terminate)
        err = fmu_say(i, HIL_E_UNSUPPORTED, "it asks to end the simulation");
    if (!err && early)
        err = fmu_say(i, HIL_E_UNSUPPORTED, "it returns before the end of the step, which was not allowed");
    return err ? err : get(i, y);
}

static void end(struct fmu_instance *i)
{
    if (!i->c)
        return;
    if (!i->failed)
        i->fmu->fmi3.terminate(i->c);
    i->fmu->fmi3.free_instance(i->c);
    i->c = NULL;
}

/* ---- state ---- */

static int save(struct fmu_instance *i)
{
    const struct fmi3 *m = &i->fmu->fmi3;
    void *state = NULL;
    size_t n = 0;
    int err = fmu_status(i, m->get_state(i->c, &state), "fmi3GetFMUState");
    if (err)
        return err;
    err = fmu_status(i, m->state_size(i->c, state, &n), "fmi3SerializedFMUStateSize");
    if (!err)
        err = fmu_make_blob(i, n);
    if (!err)
        err = fmu_status(i, m->serialise(i->c, state, i->blob, n), "fmi3SerializeFMUState");
    m->free_state(i->c, &state);
    return err;
}

static int load(struct fmu_instance *i, const void *bytes, size_t n)
{
    const struct fmi3 *m = &i->fmu->fmi3;
    void *state = NULL;
    int err = fmu_status(i, m->deserialise(i->c, bytes, n, &state), "fmi3DeserializeFMUState");
    if (err)
        return err;
    err = fmu_status(i, m->set_state(i->c, state), "fmi3SetFMUState");
    m->free_state(i->c, &state);
    return err;
}

const struct fmu_kind fmu_kind_3 = {start, step, save, load, end};
