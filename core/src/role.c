/* Roles: a role's inputs are what was published at tick k, its outputs are latched at tick k + delay. Who fills stage 0, a
 * simulated role at the end of tick k or a bus before tick k + 1, makes no difference to what follows. */
#include <string.h>

#include "hil/tick.h"
#include "program_private.h"

static double *values_of(int64_t *stage) { return (double *)(void *)(stage + 1); }

static int64_t tick_time(const struct hil_program *p, const unsigned char *s)
{
    return (int64_t)((const struct hil_state *)(const void *)s)->tick * p->period_ns;
}

static void note_stale(const struct hil_program *p, const struct hil_role *role, unsigned char *s, int now, int64_t age)
{
    struct hil_role_state *rs = hil_role_mem(role, s);
    if ((int)rs->stale == now)
        return;
    rs->stale = (uint32_t)now;
    hil_note_add(p, s,
                 (struct hil_note){.kind = now ? HIL_NOTE_STALE_ON : HIL_NOTE_STALE_OFF,
                                   .target = role->index,
                                   .a = (double)age * 1e-9});
}

/* Statuses of all outputs by age and by value; runs while something is or may be wrong. */
static void judge(const struct hil_program *p, const struct hil_role *role, unsigned char *s, int64_t age)
{
    uint8_t *status = hil_statuses(p, s), any = 0;
    for (unsigned i = 0; i < role->n_out; i++) {
        const struct hil_tag_spec *tag = &role->out[i];
        double v = hil_values(s)[tag->outer];
        uint8_t bits =
            (uint8_t)((tag->max_age_ns > 0 && age > tag->max_age_ns ? HIL_STALE : 0) | (v == v ? 0 : HIL_BAD));
        status[tag->outer] = bits;
        any |= bits;
    }
    if (any)
        hil_header(s)->alert = 1;
    note_stale(p, role, s, (any & HIL_STALE) != 0, age);
}

static void begin(const struct hil_program *p, const struct hil_role *role, unsigned char *s)
{
    int64_t *in_force = hil_role_stage(role, s, role->delay - 1u);
    const double *v = values_of(in_force);
    uint64_t bad = 0;
    for (unsigned i = 0; i < role->n_out; i++) {
        hil_values(s)[role->out[i].outer] = v[i];
        hil_times(p, s)[role->out[i].outer] = hil_times(p, s)[role->read[i]] = *in_force;
        bad += !(v[i] == v[i]);
    }
    int64_t age = tick_time(p, s) - (*in_force == HIL_NEVER ? 0 : *in_force); /* start values age from tick 0 on */
    struct hil_role_state *rs = hil_role_mem(role, s);
    rs->bad = bad;
    if (bad || rs->stale || hil_header(s)->alert || age > role->min_age_ns)
        judge(p, role, s, age);
    size_t stride = (1u + role->n_out) * 8u;
    for (unsigned i = role->delay - 1u; i > 0; i--)
        memcpy(hil_role_stage(role, s, (uint16_t)i), hil_role_stage(role, s, (uint16_t)(i - 1)), stride);
}

void hil_roles_begin(const struct hil_program *p, unsigned char *s)
{
    for (uint32_t r = 1; r < p->n_roles; r++)
        begin(p, &p->roles[r], s);
}

void hil_role_begin_simulated(const struct hil_program *p, const struct hil_role *role, unsigned char *s)
{
    (void)p;
    double *v = hil_values(s);
    for (unsigned i = 0; i < role->n_in; i++)
        v[role->in[i].inner] = hil_through_register(&role->in[i].codec, v[role->in[i].outer]);
}

void hil_role_end_simulated(const struct hil_program *p, const struct hil_role *role, unsigned char *s)
{
    int64_t *stage = hil_role_stage(role, s, 0);
    double *v = values_of(stage);
    for (unsigned i = 0; i < role->n_out; i++)
        v[i] = hil_through_register(&role->out[i].codec, hil_values(s)[role->out[i].inner]);
    *stage = tick_time(p, s);
    hil_role_mem(role, s)->images++;
}

/* The same as begin, the role's blocks and end, with the blocks inside the library. */
void hil_role_run_library(const struct hil_program *p, const struct hil_role *role, unsigned char *s)
{
    double in[HIL_LIBRARY_MAX], out[HIL_LIBRARY_MAX], *stage = values_of(hil_role_stage(role, s, 0));
    for (unsigned i = 0; i < role->n_in; i++)
        in[i] = hil_through_register(&role->in[i].codec, hil_values(s)[role->in[i].outer]);
    role->library->step(role->library->self, s + role->context, in, out);
    for (unsigned i = 0; i < role->n_out; i++)
        stage[i] = hil_through_register(&role->out[i].codec, out[i]);
    *hil_role_stage(role, s, 0) = tick_time(p, s);
    hil_role_mem(role, s)->images++;
}

/* A parameter of a role's block has a twin in the library. */
void hil_role_set_param(const struct hil_program *p, unsigned char *s, uint32_t param, double value)
{
    for (uint32_t r = 1; r < p->n_roles; r++) {
        const struct hil_role *role = &p->roles[r];
        uint32_t k = param - role->first_param; /* wraps when it lies before */
        if (role->library && k < role->library->n_params)
            *(double *)(void *)(s + role->context + role->library->params[k]) = value;
    }
}

void hil_role_latch(const struct hil_program *p, unsigned char *s, uint16_t role_number, const double *v,
                    int64_t time_ns)
{
    const struct hil_role *role = &p->roles[role_number];
    int64_t *stage = hil_role_stage(role, s, 0);
    if (role->n_out)
        memcpy(stage + 1, v, role->n_out * sizeof *v);
    *stage = time_ns;
    hil_role_mem(role, s)->images++;
}

/* Latch and begin in one: what comes in is in force in this very tick. */
void hil_role_take(const struct hil_program *p, const struct hil_role *role, unsigned char *s, const double *v)
{
    int64_t *stage = hil_role_stage(role, s, 0), *times = hil_times(p, s), now = tick_time(p, s);
    double *staged = values_of(stage), *values = hil_values(s);
    struct hil_role_state *rs = hil_role_mem(role, s);
    uint64_t bad = 0;
    for (unsigned i = 0, n = role->n_out; i < n; i++) {
        double x = v[i];
        uint16_t outer = role->out[i].outer;
        staged[i] = values[outer] = x;
        times[outer] = times[role->read[i]] = now;
        bad += !(x == x);
    }
    *stage = now;
    rs->images++;
    rs->bad = bad;
    if (bad || rs->stale || hil_header(s)->alert)
        judge(p, role, s, 0);
}

void hil_role_published(const struct hil_program *p, const unsigned char *s, uint16_t role_number, double *v)
{
    const struct hil_role *role = &p->roles[role_number];
    const double *values = (const double *)(const void *)(s + HIL_STATE_HEADER);
    for (unsigned i = 0; i < role->n_in; i++)
        v[i] = values[role->in[i].outer];
}
