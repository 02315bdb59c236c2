/* The compiled model as a block: a mass on a spring, written by hand in the shape that the model compiler gives. */
#include "block_harness.h"

enum { OMEGA, DRAG };

static void ode(const double *x, const double *u, const double *p, double *dx)
{
    dx[0] = x[1];
    dx[1] = -p[OMEGA] * p[OMEGA] * x[0] - p[DRAG] * x[1] + u[0] - u[1];
}

/* Semi-implicit Euler: keeps the energy of an undamped spring bounded. */
static void step(double *x, const double *u, const double *p, double dt_s, uint32_t substeps)
{
    double dx[2], h = dt_s / substeps;
    for (uint32_t i = 0; i < substeps; i++) {
        ode(x, u, p, dx);
        x[1] += h * dx[1];
        x[0] += h * x[1];
    }
}

static void place_and_speed(const double *x, const double *u, const double *p, double *y)
{
    (void)u, (void)p;
    y[0] = x[0];
    y[1] = x[1];
}

static void acceleration(const double *x, const double *u, const double *p, double *y)
{
    double dx[2];
    ode(x, u, p, dx);
    y[0] = dx[0];
    y[1] = dx[1];
}

static const struct hil_model_name names_x[] = {{"x", "m", "place", 0.1, -1, 1}, {"v", "m/s", "speed", 0, -9, 9}};
static const struct hil_model_name names_p[] = {{"omega", "rad/s", "", 3, 0, 100}, {"drag", "1/s", "", 0, 0, 10}};
#define SPRING                                                                                                         \
    .abi = HIL_MODEL_ABI, .n_x = 2, .n_u = 2, .n_y = 2, .n_p = 2, .name = "spring", .method = "semi_implicit",         \
    .x = names_x, .p = names_p, .step = step, .ode = ode
static const struct hil_model spring = {SPRING, .output = place_and_speed};
static const struct hil_model accelerometer = {SPRING, .feedthrough = 1, .output = acceleration};

static void open_model(struct harness *h, const struct hil_model *model)
{
    harness_open(h, "model", 0.01);
    h->model = model;
    h->block.n_in = 2;
    h->block.n_out = 2;
    h->n_params = 2;
    h->params[OMEGA] = 3.0;
}

static void model_block_equals_its_step_function(void)
{
    struct harness h;
    double x[] = {0.1, 0.0};
    open_model(&h, &spring);
    harness_set(&h, "substeps", 4);
    harness_start(&h);
    for (unsigned k = 0; k < 500; k++) {
        const double u[] = {sin(0.02 * k), 0.1 * k}, p[] = {k < 250 ? 3.0 : 5.0, 0.0};
        hil_params(&h.block, h.state)[OMEGA] = p[OMEGA];
        harness_pass2(&h, u[0], u[1]);
        CHECK_SAME(harness_out(&h, 0), x[0]); /* the state before this sample's input has acted */
        CHECK_SAME(harness_out(&h, 1), x[1]);
        step(x, u, p, 0.01, 4);
    }
    harness_close(&h);
}

static void outputs_may_go_to_any_signals(void)
{
    struct harness h;
    open_model(&h, &spring);
    harness_start(&h);
    uint16_t first = h.out[0];
    h.out[0] = h.out[1];
    h.out[1] = first;
    harness_pass2(&h, 1.0, 0.0);
    harness_pass2(&h, 1.0, 0.0);
    CHECK_SAME(hil_values(h.state)[first + 1], harness_out(&h, 0));
    CHECK(harness_out(&h, 0) != harness_out(&h, 1) && harness_out(&h, 0) > 0.09);
    h.out[0] = 0; /* to the dummy signal: nobody reads it */
    harness_pass2(&h, 1.0, 0.0);
    harness_close(&h);
}

static void feedthrough_is_the_models_affair(void)
{
    struct harness h;
    open_model(&h, &accelerometer);
    harness_start(&h);
    CHECK(hil_block_feedthrough(h.type, &accelerometer) == 1);
    CHECK(hil_block_feedthrough(h.type, &spring) == 0);
    CHECK(hil_block_feedthrough(hil_block_type_find("gain"), NULL) == 1);
    CHECK(hil_block_feedthrough(hil_block_type_find("delay"), NULL) == 0);
    harness_pass2(&h, 5.0, 1.0);
    CHECK_NEAR(harness_out(&h, 1), -9.0 * 0.1 + 4.0, 1e-15); /* this sample's force */
    harness_close(&h);
}

static void plant_waits_while_an_input_is_not_a_number(void)
{
    struct harness h;
    open_model(&h, &spring);
    harness_start(&h);
    harness_pass2(&h, 1.0, 0.0);
    const double x = *harness_state(&h, "x");
    harness_pass2(&h, 1.0, NAN);
    harness_pass2(&h, HUGE_VAL, 0.0);
    CHECK_SAME(*harness_state(&h, "x"), x);
    harness_pass2(&h, 1.0, 0.0);
    CHECK(*harness_state(&h, "x") != x);
    harness_close(&h);
}

static void initial_state_can_be_given(void)
{
    const double x0[] = {-0.5, 2.0};
    struct harness h;
    open_model(&h, &spring);
    harness_array(&h, "x0", x0, 2);
    harness_start(&h);
    harness_pass2(&h, 0.0, 0.0);
    CHECK_SAME(harness_out(&h, 0), -0.5);
    CHECK_SAME(harness_out(&h, 1), 2.0);
    harness_close(&h);
}

static void what_does_not_fit_is_refused(void)
{
    const double x0[] = {1, 2, 3};
    struct hil_model other = spring;
    struct harness h;
    open_model(&h, &spring);
    CHECK(harness_refused(&h) == NULL);
    harness_set(&h, "substeps", 1.5);
    CHECK(harness_refused(&h) != NULL);
    open_model(&h, &spring);
    harness_array(&h, "x0", x0, 3);
    CHECK(harness_refused(&h) != NULL);
    open_model(&h, &spring);
    h.params[OMEGA] = -1.0;
    CHECK(harness_refused(&h) != NULL);
    open_model(&h, &spring);
    h.block.n_in = 3;
    CHECK(harness_refused(&h) != NULL);
    open_model(&h, NULL);
    CHECK(harness_refused(&h) != NULL);
    other.abi++;
    open_model(&h, &other);
    CHECK(harness_refused(&h) != NULL);
    other = spring;
    other.n_u = h.block.n_in = HIL_MODEL_MAX_U + 1;
    h.model = &other;
    CHECK(harness_refused(&h) != NULL);
}

int main(void)
{
    model_block_equals_its_step_function();
    outputs_may_go_to_any_signals();
    feedthrough_is_the_models_affair();
    plant_waits_while_an_input_is_not_a_number();
    initial_state_can_be_given();
    what_does_not_fit_is_refused();
    return failures != 0;
}
