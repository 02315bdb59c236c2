/* A test FMU, FMI 2.0 co-simulation; see lag.h. What it has no use for is added by fmu_maker.py. */
#include "fmi2Functions.h"

#include "lag.h"

struct instance {
    struct lag m;
    const fmi2CallbackFunctions *callbacks;
};
#define LAG(c) (&((struct instance *)(c))->m)

const char *fmi2GetTypesPlatform(void) { return fmi2TypesPlatform; }
const char *fmi2GetVersion(void) { return fmi2Version; }

fmi2Component fmi2Instantiate(fmi2String name, fmi2Type type, fmi2String guid, fmi2String resources,
                              const fmi2CallbackFunctions *callbacks, fmi2Boolean visible, fmi2Boolean logging)
{
    if (strcmp(guid, "{hil-lag}"))
        return NULL;
    struct instance *i = callbacks->allocateMemory(1, sizeof *i);
    lag_start(&i->m);
    i->callbacks = callbacks;
    return i;
}
void fmi2FreeInstance(fmi2Component c) { ((struct instance *)c)->callbacks->freeMemory(c); }
fmi2Status fmi2SetupExperiment(fmi2Component c, fmi2Boolean t, fmi2Real tol, fmi2Real s, fmi2Boolean e, fmi2Real stop)
{
    return fmi2OK;
}
fmi2Status fmi2EnterInitializationMode(fmi2Component c) { return fmi2OK; }
fmi2Status fmi2ExitInitializationMode(fmi2Component c)
{
    LAG(c)->x = LAG(c)->x_start;
    return fmi2OK;
}
fmi2Status fmi2Terminate(fmi2Component c) { return fmi2OK; }
fmi2Status fmi2Reset(fmi2Component c) { return fmi2OK; }

static double *real(struct lag *m, unsigned r)
{
    return r == REF_U ? &m->u : r == REF_GAIN ? &m->gain : r == REF_X_START ? &m->x_start : &m->x;
}
fmi2Status fmi2GetReal(fmi2Component c, const fmi2ValueReference r[], size_t n, fmi2Real v[])
{
    for (size_t i = 0; i < n; i++)
        v[i] = *real(LAG(c), r[i]);
    return fmi2OK;
}
fmi2Status fmi2SetReal(fmi2Component c, const fmi2ValueReference r[], size_t n, const fmi2Real v[])
{
    for (size_t i = 0; i < n; i++)
        *real(LAG(c), r[i]) = v[i];
    return fmi2OK;
}
fmi2Status fmi2GetInteger(fmi2Component c, const fmi2ValueReference r[], size_t n, fmi2Integer v[])
{
    for (size_t i = 0; i < n; i++)
        v[i] = r[i] == REF_STEPS ? LAG(c)->steps : LAG(c)->mischief;
    return fmi2OK;
}
fmi2Status fmi2SetInteger(fmi2Component c, const fmi2ValueReference r[], size_t n, const fmi2Integer v[])
{
    for (size_t i = 0; i < n; i++)
        LAG(c)->mischief = v[i];
    return fmi2OK;
}
fmi2Status fmi2GetBoolean(fmi2Component c, const fmi2ValueReference r[], size_t n, fmi2Boolean v[])
{
    for (size_t i = 0; i < n; i++)
        v[i] = LAG(c)->x > 0.5;
    return fmi2OK;
}

fmi2Status fmi2DoStep(fmi2Component c, fmi2Real t, fmi2Real dt, fmi2Boolean no_going_back)
{
    struct instance *i = c;
    if (!lag_step(&i->m, dt))
        return fmi2OK;
    i->callbacks->logger(i->callbacks->componentEnvironment, "lag", fmi2Error, "error", "step %d refused at %g s",
                         i->m.steps, t);
    return fmi2Error;
}

#ifndef NO_STATE
fmi2Status fmi2GetFMUstate(fmi2Component c, fmi2FMUstate *s)
{
    *s = memcpy(*s ? *s : malloc(sizeof(struct lag)), LAG(c), sizeof(struct lag));
    return fmi2OK;
}
fmi2Status fmi2SetFMUstate(fmi2Component c, fmi2FMUstate s)
{
    *LAG(c) = *(struct lag *)s;
    return fmi2OK;
}
fmi2Status fmi2FreeFMUstate(fmi2Component c, fmi2FMUstate *s)
{
    free(*s);
    *s = NULL;
    return fmi2OK;
}
fmi2Status fmi2SerializedFMUstateSize(fmi2Component c, fmi2FMUstate s, size_t *n)
{
    *n = sizeof(struct lag);
    return fmi2OK;
}
fmi2Status fmi2SerializeFMUstate(fmi2Component c, fmi2FMUstate s, fmi2Byte bytes[], size_t n)
{
    memcpy(bytes, s, n);
    return fmi2OK;
}
fmi2Status fmi2DeSerializeFMUstate(fmi2Component c, const fmi2Byte bytes[], size_t n, fmi2FMUstate *s)
{
    if (n != sizeof(struct lag))
        return fmi2Error;
    *s = memcpy(malloc(n), bytes, n);
    lag_forget(*s);
    return fmi2OK;
}
#endif
