/* A test FMU, FMI 3.0 co-simulation; see lag.h. What it has no use for is added by fmu_maker.py. */
#include "fmi3Functions.h"

#include "lag.h"

struct instance {
    struct lag m;
    fmi3LogMessageCallback log;
    fmi3InstanceEnvironment environment;
};
#define LAG(c) (&((struct instance *)(c))->m)

const char *fmi3GetVersion(void) { return fmi3Version; }

fmi3Instance fmi3InstantiateCoSimulation(fmi3String name, fmi3String token, fmi3String resources, fmi3Boolean visible,
                                         fmi3Boolean logging, fmi3Boolean event_mode, fmi3Boolean early,
                                         const fmi3ValueReference required[], size_t n,
                                         fmi3InstanceEnvironment environment, fmi3LogMessageCallback log,
                                         fmi3IntermediateUpdateCallback update)
{
    if (strcmp(token, "{hil-lag}"))
        return NULL;
    struct instance *i = calloc(1, sizeof *i);
    lag_start(&i->m);
    i->log = log;
    i->environment = environment;
    return i;
}
void fmi3FreeInstance(fmi3Instance c) { free(c); }
fmi3Status fmi3EnterInitializationMode(fmi3Instance c, fmi3Boolean t, fmi3Float64 tol, fmi3Float64 start, fmi3Boolean s,
                                       fmi3Float64 stop)
{
    return fmi3OK;
}
fmi3Status fmi3ExitInitializationMode(fmi3Instance c)
{
    LAG(c)->x = LAG(c)->x_start;
    return fmi3OK;
}
fmi3Status fmi3Terminate(fmi3Instance c) { return fmi3OK; }
fmi3Status fmi3Reset(fmi3Instance c) { return fmi3OK; }

static double *real(struct lag *m, unsigned r)
{
    return r == REF_U ? &m->u : r == REF_GAIN ? &m->gain : r == REF_X_START ? &m->x_start : &m->x;
}
fmi3Status fmi3GetFloat64(fmi3Instance c, const fmi3ValueReference r[], size_t n, fmi3Float64 v[], size_t m)
{
    for (size_t i = 0; i < n; i++)
        v[i] = *real(LAG(c), r[i]);
    return fmi3OK;
}
fmi3Status fmi3SetFloat64(fmi3Instance c, const fmi3ValueReference r[], size_t n, const fmi3Float64 v[], size_t m)
{
    for (size_t i = 0; i < n; i++)
        *real(LAG(c), r[i]) = v[i];
    return fmi3OK;
}
fmi3Status fmi3GetFloat32(fmi3Instance c, const fmi3ValueReference r[], size_t n, fmi3Float32 v[], size_t m)
{
    for (size_t i = 0; i < n; i++)
        v[i] = LAG(c)->small;
    return fmi3OK;
}
fmi3Status fmi3GetInt64(fmi3Instance c, const fmi3ValueReference r[], size_t n, fmi3Int64 v[], size_t m)
{
    for (size_t i = 0; i < n; i++)
        v[i] = LAG(c)->steps;
    return fmi3OK;
}
fmi3Status fmi3SetInt8(fmi3Instance c, const fmi3ValueReference r[], size_t n, const fmi3Int8 v[], size_t m)
{
    for (size_t i = 0; i < n; i++)
        LAG(c)->mischief = v[i];
    return fmi3OK;
}
fmi3Status fmi3GetInt8(fmi3Instance c, const fmi3ValueReference r[], size_t n, fmi3Int8 v[], size_t m)
{
    for (size_t i = 0; i < n; i++)
        v[i] = (fmi3Int8)LAG(c)->mischief;
    return fmi3OK;
}
fmi3Status fmi3GetBoolean(fmi3Instance c, const fmi3ValueReference r[], size_t n, fmi3Boolean v[], size_t m)
{
    for (size_t i = 0; i < n; i++)
        v[i] = LAG(c)->x > 0.5;
    return fmi3OK;
}

fmi3Status fmi3DoStep(fmi3Instance c, fmi3Float64 t, fmi3Float64 dt, fmi3Boolean no_going_back, fmi3Boolean *event,
                      fmi3Boolean *terminate, fmi3Boolean *early, fmi3Float64 *last)
{
    struct instance *i = c;
    *event = *terminate = *early = fmi3False;
    *last = t + dt;
    if (!lag_step(&i->m, dt))
        return fmi3OK;
    if (i->log)
        i->log(i->environment, fmi3Error, "error", "step refused");
    return fmi3Error;
}

#ifndef NO_STATE
fmi3Status fmi3GetFMUState(fmi3Instance c, fmi3FMUState *s)
{
    *s = memcpy(*s ? *s : malloc(sizeof(struct lag)), LAG(c), sizeof(struct lag));
    return fmi3OK;
}
fmi3Status fmi3SetFMUState(fmi3Instance c, fmi3FMUState s)
{
    *LAG(c) = *(struct lag *)s;
    return fmi3OK;
}
fmi3Status fmi3FreeFMUState(fmi3Instance c, fmi3FMUState *s)
{
    free(*s);
    *s = NULL;
    return fmi3OK;
}
fmi3Status fmi3SerializedFMUStateSize(fmi3Instance c, fmi3FMUState s, size_t *n)
{
    *n = sizeof(struct lag);
    return fmi3OK;
}
fmi3Status fmi3SerializeFMUState(fmi3Instance c, fmi3FMUState s, fmi3Byte bytes[], size_t n)
{
    memcpy(bytes, s, n);
    return fmi3OK;
}
fmi3Status fmi3DeserializeFMUState(fmi3Instance c, const fmi3Byte bytes[], size_t n, fmi3FMUState *s)
{
    if (n != sizeof(struct lag))
        return fmi3Error;
    *s = memcpy(malloc(n), bytes, n);
    lag_forget(*s);
    return fmi3OK;
}
#endif
