/* Every block type, a role behind registers, a compiled-model block, gates, all faults and events, 3,000 ticks: prints the
 * hash of the program and of the state every 500 ticks. One text over all compilers and levels (tests/loop/test_compilers.py). */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hil/fault.h"
#include "hil/math.h"
#include "hil/model.h"
#include "hil/state.h"
#include "hil/tick.h"
#include "plc_program.h"

#define MAX_BLOCKS  96
#define MAX_SIGNALS 256
#define PORTS       7
#define COUNT(a)    (sizeof(a) / sizeof *(a))

static struct hil_signal_spec signals[MAX_SIGNALS];
static struct hil_block_spec blocks[MAX_BLOCKS];
static struct hil_path_spec paths[3];
static struct hil_tag_spec tags_in[1], tags_out[1];
static struct hil_role_spec roles[2];
static uint16_t role_block;
static struct hil_spec spec = {.seed = 42,
                               .period_ns = 1000000,
                               .signals = signals,
                               .blocks = blocks,
                               .paths = paths,
                               .roles = roles,
                               .n_signals = 1,
                               .n_roles = 2,
                               .max_events = 64,
                               .max_faults = 16,
                               .fault_memory = 256};

static void need(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static uint16_t signal_of(const char *name, double start)
{
    for (uint16_t i = 1; i < spec.n_signals; i++)
        if (strcmp(signals[i].name, name) == 0)
            return i;
    need(spec.n_signals < MAX_SIGNALS, "too many signals");
    signals[spec.n_signals] = (struct hil_signal_spec){name, start};
    return spec.n_signals++;
}

/* ---- configuration and parameters that presets do not give ---- */

static const double times[] = {0.0, 0.1, 0.35, 0.6, 1.1}, series[] = {0.2, -0.7, 1.3, 0.4, -0.2};
static const double b3[] = {0.02, 0.04, 0.02}, a3[] = {1.0, -1.56, 0.64}, one[] = {1.0}, half[] = {0.5}, few[] = {7.0};
static const double num[] = {0.1, 0.05}, den[] = {1.0, -0.6, 0.1}, four[] = {4.0}, kind_u16[] = {1.0}, scale[] = {1e-3};
static const double below[] = {-1.0};
static const double two_priors[] = {0.3, 0.7};
static const double two_by_two[] = {0.3, 0.1, 0.1, 0.2}, ukf_beta[] = {0.9};
static const double grid[] = {-1.5, 0.1, 1.7}, table[] = {0.3, -0.2, 0.9, 1.4, -1.1, 0.6, 0.2, 0.05, -0.8};
/* mpc: two samples of one input, its change, and the sum of both as a soft output; theta has two elements. */
static const double two[] = {2.0}, map[] = {-1.1, -0.4, 0.5, 0.9, 0.3, 0.8, 0.6, -0.7}, offset[] = {0.1, 0.0, 0.0, 0.2};
static const double gram[] = {1.0, 0.0, -0.7, 0.6, 0.0, 1.0, 0.7, 0.6, -0.7, 0.7, 1.0, 0.0, 0.6, 0.6, 0.0, 1.0};
static const double lo[] = {-0.8, -0.8, -0.5, -0.6}, hi[] = {0.7, 0.7, 0.5, 0.6}, ones[] = {1.0, 1.0, 1.0, 1.0};
/* stimulus: for ever 10 ms each of a sine plus an exponential, and of noise */
static const double stimulus[] = {11, 34,    0x1p62, 10, 31,    2e+07, 2,   0,     8,   1e+07, 24, 12,
                                  16, 1e+07, 4,      7,  1e+07, 0.1,   1.5, 217.3, 0.4, 7,     6,  1e+07,
                                  1,  -1,    0.004,  8,  7,     1e+07, 0.1, 0.7,   3,   1e+06};
static const struct {
    const char *field;
    const double *data;
    uint32_t n;
} given[] = {
    {"playback.t", times, 5},
    {"playback.u", series, 5},
    {"playback.between", one, 1},
    {"playback.repeat", one, 1},
    {"stimulus.table", stimulus, 34},
    {"authority.low", below, 1},
    {"authority.high", one, 1},
    {"authority.rate_per_s", few, 1},
    {"chirp.law", one, 1},
    {"register.kind", kind_u16, 1},
    {"register.scale", scale, 1},
    {"delay.n", few, 1},
    {"second_order.b", b3, 3},
    {"second_order.a", a3, 3},
    {"transfer_function.num", num, 2},
    {"transfer_function.den", den, 3},
    {"state_space.A", half, 1},
    {"state_space.B", one, 1},
    {"state_space.C", one, 1},
    {"state_space.D", half, 1},
    {"state_space_strict.A", half, 1},
    {"state_space_strict.B", one, 1},
    {"state_space_strict.C", one, 1},
    {"moving_average.n", few, 1},
    {"lookup_1d.x", grid, 3},
    {"lookup_1d.y", table, 3},
    {"lookup_2d.x1", grid, 3},
    {"lookup_2d.x2", grid, 3},
    {"lookup_2d.table", table, 9},
    {"kalman.A", half, 1},
    {"kalman.C", one, 1},
    {"kalman.Q", half, 1},
    {"kalman.R", few, 1},
    {"kalman.P0", one, 1},
    {"kalman.x0", half, 1},
    {"ekf.Q", two_by_two, 4},
    {"ekf.R", few, 1},
    {"ekf.P0", two_by_two, 4},
    {"ukf.Q", two_by_two, 4},
    {"ukf.R", few, 1},
    {"ukf.P0", two_by_two, 4},
    {"ukf.beta", ukf_beta, 1},
    {"luenberger.A", half, 1},
    {"luenberger.C", one, 1},
    {"luenberger.L", half, 1},
    {"luenberger.x0", half, 1},
    {"hypotheses.prior", two_priors, 2},
    {"hypotheses.mean_time_between_changes_s", half, 1},
    {"logic.op", four, 1},
    {"weighted_sum.weights", num, 2},
    {"mpc.horizon", two, 1},
    {"mpc.map", map, 8},
    {"mpc.offset", offset, 4},
    {"mpc.gram", gram, 16},
    {"mpc.lo", lo, 4},
    {"mpc.hi", hi, 4},
    {"mpc.scale", ones, 4},
    {"mpc.u_lo", lo, 1},
    {"mpc.u_hi", hi, 1},
    {"mpc.rate", half, 1},
    {"mpc.soft", half, 1},
    {"scheduled_gain.points", grid, 3},
    {"scheduled_gain.gains", table, 6},
    {"scheduled_gain.bias", grid, 3},
    {"page_hinkley.mean_samples", few, 1},
    {"nis_test.window", few, 1},
    {"whiteness.window", few, 1},
    {"whiteness.lags", one, 1},
    {"plc.in_wires", plc_wires_in, COUNT(plc_wires_in)},
    {"plc.out_wires", plc_wires_out, COUNT(plc_wires_out)},
};
static const struct {
    const char *param;
    double value;
} changed[] = {
    {"sine.frequency_hz", 3.7},
    {"sine.phase_rad", 0.3},
    {"square.frequency_hz", 2.3},
    {"pulse.period_s", 0.3},
    {"pulse.width_s", 0.11},
    {"chirp.duration_s", 2.0},
    {"limit.lo", -0.4},
    {"limit.hi", 0.7},
    {"rate_limit.rise_per_s", 5.0},
    {"rate_limit.fall_per_s", 3.0},
    {"dead_band.lo", -0.1},
    {"dead_band.hi", 0.2},
    {"quantise.interval", 0.03},
    {"lag.time_constant_s", 0.05},
    {"derivative.filter_time_s", 0.02},
    {"gain.gain", 1.7},
    {"integrator.lo", -0.5},
    {"integrator.hi", 0.5},
    {"comparator.hysteresis", 0.1},
    {"on_delay.delay_s", 0.05},
    {"off_delay.delay_s", 0.07},
    {"counter.preset", 5.0},
    {"pid.kp", 0.8},
    {"pid.ki_per_s", 2.0},
    {"pid.kd_s", 0.01},
    {"pid.filter_time_s", 0.02},
    {"pid.lo", -1.0},
    {"pid.hi", 1.0},
    {"noise.deviation", 0.3},
    {"cusum.threshold", 1.5},
    {"page_hinkley.threshold", 1.5},
    {"nis_test.high", 1.2},
    {"whiteness.threshold", 2.0},
    {"data_quality.range_hi", 0.8},
    {"data_quality.rate_per_s", 30.0},
    {"data_quality.spike", 0.4},
};

static int is(const char *dotted, const char *type, const char *name)
{
    size_t n = strlen(type);
    return strncmp(dotted, type, n) == 0 && dotted[n] == '.' && strcmp(dotted + n + 1, name) == 0;
}

static void configure(struct hil_block_spec *b, struct hil_array *cfg, double *params)
{
    const struct hil_block_type *t = b->type;
    for (int i = 0; i < t->n_config; i++) {
        const struct hil_config *c = &t->config[i];
        if (!isnan(c->preset))
            cfg[i] = (struct hil_array){&c->preset, 1};
        for (size_t k = 0; k < COUNT(given); k++)
            if (is(given[k].field, t->name, c->name))
                cfg[i] = (struct hil_array){given[k].data, given[k].n};
    }
    for (int i = 0; i < t->n_params; i++) {
        params[i] = t->params[i].preset;
        for (size_t k = 0; k < COUNT(changed); k++)
            if (is(changed[k].param, t->name, t->params[i].name))
                params[i] = changed[k].value;
    }
    b->cfg = cfg;
    b->params = params;
    b->n_params = t->n_params;
}

/* ---- a model: a driven pendulum with RK4, whose sine is the core's ---- */

static void ode(const double *x, const double *u, const double *p, double *dx)
{
    dx[0] = x[1];
    dx[1] = -p[0] * hil_sin(x[0]) - 0.1 * x[1] + u[0];
}

static void rk4(double *x, const double *u, const double *p, double dt_s, uint32_t substeps)
{
    double k[4][2], at[2], h = dt_s / substeps;
    for (uint32_t n = 0; n < substeps; n++) {
        ode(x, u, p, k[0]);
        for (int s = 1; s < 4; s++) {
            for (int i = 0; i < 2; i++)
                at[i] = x[i] + (s == 3 ? h : h / 2) * k[s - 1][i];
            ode(at, u, p, k[s]);
        }
        for (int i = 0; i < 2; i++)
            x[i] += h / 6 * (k[0][i] + 2 * k[1][i] + 2 * k[2][i] + k[3][i]);
    }
}

static void angle(const double *x, const double *u, const double *p, double *y)
{
    (void)u, (void)p;
    y[0] = x[0];
}

static void slopes(const double *x, const double *u, const double *p, double *a, double *b, double *c, double *d)
{
    (void)u;
    a[0] = 0.0, a[1] = -p[0] * hil_cos(x[0]), a[2] = 1.0, a[3] = -0.1;
    b[0] = 0.0, b[1] = 1.0, c[0] = 1.0, c[1] = 0.0, d[0] = 0.0;
}

static const struct hil_model_name names_x[] = {{"a", "rad", "", 0.4, -9, 9}, {"w", "rad/s", "", 0, -99, 99}};
static const struct hil_model_name names_p[] = {{"g", "1/s**2", "", 9.81, 0, 99}};
static const struct hil_model pendulum = {.abi = HIL_MODEL_ABI,
                                          .n_x = 2,
                                          .n_u = 1,
                                          .n_y = 1,
                                          .n_p = 1,
                                          .hash = 5,
                                          .name = "pendulum",
                                          .method = "rk4",
                                          .x = names_x,
                                          .p = names_p,
                                          .step = rk4,
                                          .ode = ode,
                                          .output = angle,
                                          .jacobian = slopes};

/* ---- the program ---- */

static struct hil_block_spec *place(const char *type, const char *name)
{
    static struct hil_array cfg[MAX_BLOCKS][16];
    static double params[MAX_BLOCKS][16];
    static uint16_t ports[MAX_BLOCKS][2][PORTS + 2];
    struct hil_block_spec *b = &blocks[spec.n_blocks];
    uint16_t(*p)[PORTS + 2] = ports[spec.n_blocks];
    need(spec.n_blocks < MAX_BLOCKS, "too many blocks");
    *b = (struct hil_block_spec){.name = name, .type = hil_block_type_find(type), .in = p[0], .out = p[1], .every = 1};
    need(b->type != NULL, type);
    configure(b, cfg[spec.n_blocks], params[spec.n_blocks]);
    spec.n_blocks++;
    return b;
}

static void wire(struct hil_block_spec *b, const char *const *in, uint16_t n, const char *out)
{
    for (uint16_t i = 0; i < n; i++)
        ((uint16_t *)b->in)[i] = signal_of(in[i], 0.0);
    ((uint16_t *)b->out)[0] = signal_of(out, 0.0);
    b->n_in = n;
    b->n_out = 1;
}

static int is_source(const struct hil_block_type *t) { return t->n_inputs == 0; }

/* One block of the type; sources first, the others read sources and the block before. */
static void place_type(const struct hil_block_type *t, unsigned turn)
{
    static const char *const pool[] = {"sine.0", "noise.0", "square.0", "chirp.0", "gated", "pulse.0"};
    static char names[MAX_BLOCKS][PORTS][32];
    struct hil_block_spec *b = place(t->name, t->name);
    int of_model = strcmp(t->name, "ekf") == 0 || strcmp(t->name, "ukf") == 0;
    int estimates = strcmp(t->name, "kalman") == 0 || of_model || strcmp(t->name, "luenberger") == 0;
    int many = t->variadic && strncmp(t->name, "state_space", 11) != 0 && strcmp(t->name, "model") != 0 && !estimates;
    /* `logic` is asked for an exclusive or, which reads two */
    b->n_in = (uint16_t)(t->n_inputs + many);
    b->n_out = t->n_outputs;
    if (estimates)
        b->n_out = t->name[0] == 'k' ? 5 : of_model ? 7 : 2;
    if (strcmp(t->name, "hypotheses") == 0)
        b->n_out = 4;
    if (of_model)
        b->n_in = 2;
    if (strcmp(t->name, "plc") == 0) {
        b->model = &plc_by_hand.model;
        b->n_params = PLC_PARAMS; /* no force: all behind the type's own are 0 */
        b->n_in = N_U;
        b->n_out = 4 + N_Y;
    }
    for (uint16_t i = 0; i < b->n_in; i++)
        ((uint16_t *)b->in)[i] = signal_of(pool[(turn + i) % COUNT(pool)], 0.0);
    for (uint16_t i = 0; i < b->n_out; i++) {
        char *name = names[spec.n_blocks - 1][i];
        snprintf(name, sizeof names[0][0], "%s.%u", t->name, i);
        ((uint16_t *)b->out)[i] = signal_of(name, 0.0);
    }
    b->every = turn % 7 == 3 ? 3 : 1;
    b->phase = b->every == 3 ? turn % 3 : 0;
    if (strcmp(t->name, "model") == 0 || of_model) {
        static const double params[] = {9.81};
        b->model = &pendulum;
        b->params = params;
        b->n_params = 1;
    }
}

/* A PID in a role of 4 ms behind two 16-bit registers; its output passes a gate and drives a lag that it measures. */
static void place_role(void)
{
    static const char *const u[] = {"gated"}, *const in[] = {"sine.0", "role/y", "", "", ""};
    struct hil_block_spec *pid = place("pid", "role.pid");
    role_block = (uint16_t)(spec.n_blocks - 1);
    wire(pid, in, 2, "role/u");
    pid->n_in = 5;
    memset((uint16_t *)pid->in + 2, 0, 3 * sizeof(uint16_t));
    pid->role = 1;
    wire(place("lag", "process"), u, 1, "y");
    struct hil_codec codec = {1e-4, -3.0, -3.0, 3.5, HIL_U16, 0};
    tags_in[0] = (struct hil_tag_spec){signal_of("y", 0), signal_of("role/y", 0), 0, codec, 0.0, 0};
    tags_out[0] = (struct hil_tag_spec){signal_of("gated.raw", 0), signal_of("role/u", 0), 0, codec, 0.1, 20000000};
    roles[1] = (struct hil_role_spec){"role", tags_in, tags_out, 1, 1, 2, HIL_SIMULATED, 4, 1};
    paths[0] = (struct hil_path_spec){
        signal_of("gated.raw", 0), signal_of("gated", 0), 1, 1, -0.8, 0.9, 12.0, 0.05, -0.5, 0.5};
    wire(place("gain", "faulty"), u, 1, "faulty.raw");
    paths[1] = (struct hil_path_spec){signal_of("faulty.raw", 0),
                                      signal_of("faulty", 0),
                                      0,
                                      0,
                                      -HUGE_VAL,
                                      HUGE_VAL,
                                      HUGE_VAL,
                                      0.0,
                                      -HUGE_VAL,
                                      HUGE_VAL};
    roles[1].steps = signal_of("steps", 1.0);
    paths[2] = paths[1];
    paths[2].raw = signal_of("steps.raw", 1.0);
    paths[2].signal = roles[1].steps;
    spec.n_paths = 3;
}

static void describe(void)
{
    unsigned turn = 0;
    for (int sources = 1; sources >= 0; sources--)
        for (int i = 0; hil_block_types[i]; i++)
            if (is_source(hil_block_types[i]) == sources && strcmp(hil_block_types[i]->name, "fmu") != 0) /* foreign */
                place_type(hil_block_types[i], turn++);
    place_role();
}

/* ---- events: all kinds of fault, force, parameter, safe state ---- */

static void push(const struct hil_program *p, unsigned char *state, struct hil_event e)
{
    static uint32_t id;
    e.id = ++id;
    int err = hil_event_push(p, state, &e);
    if (err)
        fprintf(stderr, "event %u: %s\n", id, hil_err_text(err));
    need(!err, "an event was refused");
}

/* Each mode once, so that activation counts as well. */
static void push_modes(const struct hil_program *p, unsigned char *state)
{
    static const struct {
        uint32_t mode;
        double v[4];
    } modes[] = {{HIL_MODE_RAMP, {50}},
                 {HIL_MODE_DUTY, {3, 10}},
                 {HIL_MODE_PROBABILITY, {0.4}},
                 {HIL_MODE_WHEN, {1, HIL_GREATER, -1e300}}};
    for (uint32_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct hil_event e = {
            .kind = HIL_EV_FAULT_MODE, .due = HIL_NEXT_TICK, .target = 1, .id = 1000 + i, .kind2 = modes[i].mode};
        memcpy(e.v, modes[i].v, sizeof e.v);
        need(!hil_event_push(p, state, &e), "a mode was refused");
        e = (struct hil_event){.due = 2600 + 20 * i,
                               .kind = HIL_EV_FAULT,
                               .target = 1,
                               .id = 1000 + i,
                               .kind2 = HIL_FAULT_BIAS,
                               .ticks = 200};
        e.v[0] = 0.1;
        need(!hil_event_push(p, state, &e), "its fault was refused");
    }
}

/* Its clock drifts and jumps; a bit of its memory is inverted; it is held in reset. */
static void push_at_role(const struct hil_program *p, unsigned char *state)
{
    static const struct {
        uint32_t kind;
        double v[3];
    } faults[] = {{HIL_FAULT_CLOCK, {0.03, 4, 7}}, {HIL_FAULT_CLOCK, {-0.03, 4, -7}}, {HIL_FAULT_STUCK, {-1.0}}};
    for (unsigned i = 0; i < COUNT(faults); i++) {
        struct hil_event e = {
            .due = 2510 + 100 * i, .kind = HIL_EV_FAULT, .target = 2, .kind2 = faults[i].kind, .ticks = 90};
        memcpy(e.v, faults[i].v, sizeof faults[i].v);
        push(p, state, e);
    }
    push(p, state,
         (struct hil_event){.due = 2605, .kind = HIL_EV_UPSET, .target = hil_offset_mem(p, role_block), .v = {40}});
}

static void push_all(const struct hil_program *p, unsigned char *state)
{
    static const double v[][3] = {{0.2},         {1.3},  {NAN},       {0.1},      {0.4, 0.3}, {0.3},      {40},
                                  {0.5, 7, 0.1}, {0.05}, {-0.3, 0.4}, {0.1},      {9},        {0.9, 0.1}, {1, 0.2, 0},
                                  {0.5, 0.8},    {0.7},  {0.1},       {0.2, 0.1}, {50}};
    for (uint32_t kind = HIL_FAULT_BIAS; kind <= HIL_FAULT_BIT_FLIP; kind++)
        push(p, state,
             (struct hil_event){.due = 100 + 130 * kind,
                                .kind = HIL_EV_FAULT,
                                .target = 1,
                                .kind2 = kind,
                                .ticks = 300,
                                .v = {v[kind - 1][0], v[kind - 1][1], v[kind - 1][2]}});
    push_modes(p, state);
    push(p, state, (struct hil_event){.due = 700, .kind = HIL_EV_FORCE, .target = 0, .v = {5.0}});
    push(p, state, (struct hil_event){.due = 900, .kind = HIL_EV_RELEASE, .target = 0});
    push(p, state, (struct hil_event){.due = 1200, .kind = HIL_EV_SAFE, .v = {HIL_SAFE_COMMAND}});
    push(p, state, (struct hil_event){.due = 1300, .kind = HIL_EV_SAFE, .v = {HIL_SAFE_NONE}});
    push(p, state,
         (struct hil_event){.due = 1500, .kind = HIL_EV_PARAM, .target = hil_offset_param(p, 0, 0), .v = {0.7}});
    push(p, state, (struct hil_event){.due = 2000, .kind = HIL_EV_BIND, .target = 1, .v = {HIL_STOPPED}});
    push(p, state, (struct hil_event){.due = 2200, .kind = HIL_EV_BIND, .target = 1, .v = {HIL_SIMULATED}});
    push(p, state, (struct hil_event){.due = 2500, .kind = HIL_EV_MARK});
    push_at_role(p, state);
}

/* A signal that is not a number, or stands still, would prove nothing. */
static void check_values(const struct hil_program *p, unsigned char *state)
{
    for (uint16_t i = 1; i < spec.n_signals; i++) {
        double value;
        memcpy(&value, state + hil_offset_value(p, i), sizeof value);
        if (!isfinite(value))
            fprintf(stderr, "%s = %g\n", signals[i].name, value);
        need(isfinite(value), "a signal is not finite");
    }
}

int main(void)
{
    const struct hil_program *p;
    struct hil_build_error e = {0};
    describe();
    size_t size = hil_program_size(&spec);
    if (hil_program_build(&spec, aligned_alloc(64, (size + 63) / 64 * 64), size, &p, &e)) {
        fprintf(stderr, "%s: %s\n", e.block < spec.n_blocks ? blocks[e.block].name : "program",
                e.why ? e.why : hil_err_text(e.err));
        return 1;
    }
    unsigned char *state = aligned_alloc(64, (hil_state_size(p) + 63) / 64 * 64);
    need(hil_state_init(p, state) == HIL_OK, "no state");
    push_all(p, state);
    printf("%u blocks, program %016" PRIx64 "\n", spec.n_blocks, hil_program_hash(p));
    for (int tick = 1; tick <= 3000; tick++) {
        hil_tick(p, state);
        if (tick % 500 == 0)
            printf("%d %016" PRIx64 "\n", tick, hil_state_hash(p, state));
    }
    check_values(p, state);
    printf("clips %s\n", ((struct hil_state *)(void *)state)->clips ? "yes" : "no");
    return 0;
}
