/* What holds for every block type: sound tables, relocatable state, recovery from NaN, no hidden feed-through. */
#include "block_harness.h"

/* A configuration for the types that need one. */
struct sample {
    const char *type, *field;
    double data[9];
    uint32_t n;
};
static const struct sample samples[] = {
    {"playback", "t", {0, 0.1, 0.25}, 3},
    {"playback", "u", {1, 2, -1}, 3},
    {"second_order", "b", {0.2, 0.3, 0.2}, 3},
    {"second_order", "a", {1, -0.5, 0.2}, 3},
    {"transfer_function", "num", {0.2, 0.1}, 2},
    {"transfer_function", "den", {2, -0.5, 0.1}, 3},
    {"state_space", "A", {0.5, 0.1, -0.1, 0.7}, 4},
    {"state_space", "B", {1, 2}, 2},
    {"state_space", "C", {1, 0}, 2},
    {"state_space", "D", {0.5}, 1},
    {"state_space_strict", "A", {0.5, 0.1, -0.1, 0.7}, 4},
    {"state_space_strict", "B", {1, 2}, 2},
    {"state_space_strict", "C", {1, 0}, 2},
    {"moving_average", "n", {5}, 1},
    {"lookup_1d", "x", {-1, 0, 2}, 3},
    {"lookup_1d", "y", {3, 1, 5}, 3},
    {"lookup_2d", "x1", {-1, 0, 2}, 3},
    {"lookup_2d", "x2", {0, 1}, 2},
    {"lookup_2d", "table", {1, 2, 3, 4, 5, 6}, 6},
    {"logic", "op", {4}, 1},
    {"register", "kind", {2}, 1},
    {"kalman", "A", {0.5}, 1},
    {"kalman", "C", {1}, 1},
    {"kalman", "Q", {0.1}, 1},
    {"kalman", "R", {0.2}, 1},
    {"kalman", "P0", {1}, 1},
    {"kalman", "x0", {0}, 1},
    {"ekf", "Q", {0.1}, 1},
    {"ekf", "R", {0.2}, 1},
    {"ekf", "P0", {1}, 1},
    {"ukf", "Q", {0.1}, 1},
    {"ukf", "R", {0.2}, 1},
    {"ukf", "P0", {1}, 1},
    {"luenberger", "A", {0.5}, 1},
    {"luenberger", "C", {1}, 1},
    {"luenberger", "L", {0.5}, 1},
    {"luenberger", "x0", {0}, 1},
    {"weighted_sum", "weights", {0.5, -2}, 2},
    {"nis_test", "window", {5}, 1},
    {"scheduled_gain", "points", {-1.5, 0.1, 1.7}, 3},
    {"scheduled_gain", "gains", {0.3, -0.2, 0.9, 1.4, -1.1, 0.6}, 6},
    {"scheduled_gain", "bias", {-1.5, 0.1, 1.7}, 3},
    {"whiteness", "window", {20}, 1},
    {"authority", "low", {-2}, 1},
    {"authority", "high", {2}, 1},
    {"authority", "rate_per_s", {5}, 1},
    {"stimulus", "table", {4, 7, 1e8, 0.1, 1.5, 217.3, 0.4}, 7}, /* 10 ticks of a sine */
};

/* dx/dt = p (u - x), by Euler; y = x. */
static void plant_step(double *x, const double *u, const double *p, double dt_s, uint32_t substeps)
{
    for (uint32_t i = 0; i < substeps; i++)
        x[0] += dt_s / substeps * p[0] * (u[0] - x[0]);
}
static void plant_output(const double *x, const double *u, const double *p, double *y)
{
    (void)u, (void)p;
    y[0] = x[0];
}
static void plant_jacobian(const double *x, const double *u, const double *p, double *a, double *b, double *c,
                           double *d)
{
    (void)x, (void)u;
    a[0] = -p[0], b[0] = p[0], c[0] = 1.0, d[0] = 0.0;
}
static const struct hil_model_name plant_x[] = {{"x", "m", "level", 0.5, -10, 10}};
static const struct hil_model_name plant_p[] = {{"rate", "1/s", "rate", 2.0, 0, 100}};
static const struct hil_model plant = {
    .abi = HIL_MODEL_ABI,
    .n_x = 1,
    .n_u = 1,
    .n_y = 1,
    .n_p = 1,
    .name = "plant",
    .method = "euler",
    .x = plant_x,
    .p = plant_p,
    .step = plant_step,
    .output = plant_output,
    .jacobian = plant_jacobian,
};

static void open_sample(struct harness *h, const char *name)
{
    harness_open(h, name, 0.01);
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        if (strcmp(samples[i].type, name) == 0)
            harness_array(h, samples[i].field, samples[i].data, samples[i].n);
    if (h->type->variadic && strcmp(name, "logic") != 0 && strncmp(name, "state_space", 11) != 0)
        h->block.n_in = (uint16_t)(h->type->n_inputs + 1);
    for (uint32_t i = 0; i < h->n_params; i++) /* one that has to be given */
        if (isnan(h->params[i]))
            h->params[i] = fmin(fmax(3.0, h->type->params[i].min), h->type->params[i].max);
    int of_model = strcmp(name, "ekf") == 0 || strcmp(name, "ukf") == 0, observes = strcmp(name, "luenberger") == 0;
    int filters = strcmp(name, "kalman") == 0 || of_model;
    if (filters || observes) {
        h->block.n_in = of_model ? 2 : 1;
        h->block.n_out = filters ? 5 : 2; /* of one state */
    }
    if (strcmp(name, "hypotheses") == 0)
        h->block.n_out = 4;
    if (of_model || strcmp(name, "model") == 0) {
        h->model = &plant;
        h->n_params = 1;
        h->params[0] = 2.0;
        h->block.n_in = filters ? 2 : 1;
    }
}

/* Values that move like signals and cross the thresholds of the sample configurations. */
static double signal_value(unsigned tick, unsigned input) { return 1.5 * sin(0.07 * tick * (input + 1)) + 0.4; }

static void run(struct harness *h, unsigned from, unsigned to)
{
    for (unsigned k = from; k < to; k++) {
        for (unsigned i = 0; i < h->block.n_in; i++)
            *harness_in(h, i) = signal_value(k, i);
        harness_tick(h);
    }
}

static int is_text(const char *text) { return text && text[0]; }

static void check_ports(const struct hil_block_type *t)
{
    for (unsigned i = 0; i < t->n_inputs; i++) {
        CHECK(is_text(t->inputs[i].name) && is_text(t->inputs[i].doc));
        /* An input that is not wired reads the dummy signal, which is 0. */
        CHECK(isnan(t->inputs[i].preset) || t->inputs[i].preset == 0.0);
    }
    for (unsigned i = 0; i < t->n_outputs; i++)
        CHECK(is_text(t->outputs[i].name) && is_text(t->outputs[i].doc));
    CHECK(t->n_outputs >= 1);
}

static void tables_are_sound(const struct hil_block_type *t)
{
    CHECK(is_text(t->name) && is_text(t->doc) && t->output);
    CHECK(hil_block_type_find(t->name) == t); /* so no name comes twice */
    check_ports(t);
    for (unsigned i = 0; i < t->n_params; i++) {
        const struct hil_param *p = &t->params[i];
        CHECK(is_text(p->name) && is_text(p->doc) && p->min <= p->max);
        CHECK(isnan(p->preset) || (p->min <= p->preset && p->preset <= p->max)); /* NAN: it has to be given */
    }
    for (unsigned i = 0; i < t->n_config; i++) {
        const struct hil_config *c = &t->config[i];
        CHECK(is_text(c->name) && is_text(c->doc) && c->min_n <= c->max_n && c->max_n >= 1);
    }
    for (unsigned i = 0; i < t->n_states; i++)
        CHECK(is_text(t->states[i]));
}

static void state_can_move_in_mid_run(const char *name)
{
    struct harness here, there;
    open_sample(&here, name);
    harness_start(&here);
    open_sample(&there, name);
    harness_start(&there);
    run(&here, 0, 400);
    run(&there, 0, 150);
    unsigned char *other_place = malloc(there.size);
    memcpy(other_place, there.state, there.size);
    memset(there.state, 0xff, there.size);
    free(there.state);
    there.state = other_place;
    run(&there, 150, 400);
    CHECK(memcmp(here.state, there.state, here.size) == 0);
    harness_close(&here);
    harness_close(&there);
}

static int all_finite(const double *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!isfinite(v[i]))
            return 0;
    return 1;
}

/* Every input in turn gets a burst of what must never come. */
static void recovers_from_unusable_inputs(const char *name, double unusable, unsigned first)
{
    struct harness h;
    open_sample(&h, name);
    harness_start(&h);
    run(&h, 0, first);
    for (unsigned i = 0; i < h.block.n_in; i++) {
        for (unsigned k = 0; k < 5; k++) {
            *harness_in(&h, i) = unusable;
            harness_tick(&h);
        }
        run(&h, 10 * i, 10 * i + 10);
    }
    run(&h, 0, 10);
    int recovered = all_finite(hil_mem(&h.block, h.state), h.n_state) &&
                    all_finite(hil_values(h.state), 1u + h.block.n_in + h.block.n_out);
    if (!recovered)
        printf("%s after %g\n", name, unusable);
    CHECK(recovered);
    harness_close(&h);
}

/* What dies away ends at zero, not among the subnormal numbers, where arithmetic is slow. */
static void memory_comes_to_rest(const char *name)
{
    struct harness h;
    open_sample(&h, name);
    harness_start(&h);
    run(&h, 0, 50);
    for (unsigned i = 0; i < h.block.n_in; i++)
        *harness_in(&h, i) = 0.0;
    for (unsigned k = 0; k < 100000; k++)
        harness_tick(&h);
    for (uint32_t i = 0; i < h.n_state; i++) {
        int rests = hil_mem(&h.block, h.state)[i] == 0.0 || fabs(hil_mem(&h.block, h.state)[i]) > 1e-200;
        if (!rests)
            printf("%s, state %u\n", name, (unsigned)i);
        CHECK(rests);
    }
    harness_close(&h);
}

static void output_without_feedthrough_ignores_inputs(const char *name)
{
    struct harness h;
    open_sample(&h, name);
    harness_start(&h);
    run(&h, 0, 30);
    CHECK(!hil_block_feedthrough(h.type, h.model));
    h.type->output(&h.block, h.state);
    double before = harness_out(&h, 0);
    for (unsigned i = 0; i < h.block.n_in; i++)
        *harness_in(&h, i) += 17.0;
    h.type->output(&h.block, h.state);
    CHECK_SAME(harness_out(&h, 0), before);
    harness_close(&h);
}

static void a_choice_must_exist(void)
{
    const double wrong[] = {-1.0, 0.5, 6.0, 1e300, NAN};
    struct harness h;
    harness_open(&h, "logic", 0.01);
    for (int i = 0; i < 6; i++) {
        harness_set(&h, "op", i);
        CHECK(harness_refused(&h) == NULL);
    }
    for (int i = 0; i < 5; i++) {
        harness_set(&h, "op", wrong[i]);
        CHECK(harness_refused(&h) != NULL);
    }
}

static void parameters_out_of_range_are_refused(const char *name)
{
    struct harness h;
    open_sample(&h, name);
    CHECK(harness_refused(&h) == NULL);
    for (uint32_t i = 0; i < h.n_params; i++) {
        double good = h.params[i];
        const double lo = h.model ? h.model->p[i].min : h.type->params[i].min;
        const double hi = h.model ? h.model->p[i].max : h.type->params[i].max;
        const double wrong[] = {NAN, nextafter(lo, -HUGE_VAL), nextafter(hi, HUGE_VAL)};
        for (int k = 0; k < 3; k++) {
            h.params[i] = wrong[k];
            CHECK((wrong[k] >= lo && wrong[k] <= hi) || harness_refused(&h) != NULL);
        }
        h.params[i] = good;
    }
    for (int i = 0; i < h.type->n_config; i++) {
        struct hil_array good = h.cfg[i];
        const double none = 99.0;
        h.cfg[i] = (struct hil_array){&none, h.type->config[i].choices ? 1 : 0};
        if (h.type->config[i].choices || h.type->config[i].min_n > 0)
            CHECK(harness_refused(&h) != NULL);
        h.cfg[i] = good;
    }
}

int main(void)
{
    unsigned n = 0;
    CHECK(hil_block_type_find("no such type") == NULL);
    for (const struct hil_block_type *const *t = hil_block_types; *t; t++, n++) {
        const char *name = (*t)->name;
        const double unusable[] = {NAN, -NAN, HUGE_VAL, -HUGE_VAL, 1e308, -1e308};
        tables_are_sound(*t);
        if (strcmp(name, "fmu") == 0 || strcmp(name, "mpc") == 0 || strcmp(name, "plc") == 0)
            continue; /* made of foreign tables or many matrices: each has a test alone */
        state_can_move_in_mid_run(name);
        for (unsigned i = 0; i < 6; i++) {
            recovers_from_unusable_inputs(name, unusable[i], 0);
            recovers_from_unusable_inputs(name, unusable[i], 20);
        }
        if (!(*t)->feedthrough)
            output_without_feedthrough_ignores_inputs(name);
        parameters_out_of_range_are_refused(name);
        if (strcmp(name, "model") != 0)
            memory_comes_to_rest(name);
    }
    a_choice_must_exist();
    CHECK(n == 60);
    return failures != 0;
}
