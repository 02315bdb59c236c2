/* The block `fmu` over an adapter that counts: what it is given, when, and what follows from its refusal. */
#include "hil/fmu.h"

#include "block_harness.h"

/* x' = gain u, by the steps that were made; refuses from step `last` on. */
static struct adapter {
    double x, gain, t_s;
    unsigned resets, steps, given, last;
} a;

static int reset(void *self, const void *owner, const double *p, double *y)
{
    struct adapter *m = self;
    (void)owner;
    m->resets++;
    m->gain = p[0];
    y[0] = m->x = 0.5;
    return m->last ? HIL_OK : HIL_E_OS;
}

static int step(void *self, const void *owner, const double *u, const double *p, double t_s, double dt_s, double *y)
{
    struct adapter *m = self;
    (void)owner;
    if (m->steps++ >= m->last)
        return HIL_E_UNSUPPORTED;
    if (p)
        m->gain = p[0], m->given++;
    m->t_s = t_s;
    y[0] = m->x += m->gain * u[0] * dt_s;
    return HIL_OK;
}

static const struct hil_model_name ranges[] = {{.name = "gain", .value = 2.0, .min = 0.0, .max = 9.0}};
static const struct hil_fmu fmu = {
    .model = {.abi = HIL_MODEL_ABI, .n_u = 1, .n_y = 1, .n_p = 1, .p = ranges},
    .abi = HIL_FMU_ABI,
    .self = &a,
    .reset = reset,
    .step = step,
};

static void open_fmu(struct harness *h, unsigned last)
{
    a = (struct adapter){.last = last};
    harness_open(h, "fmu", 0.25);
    h->model = &fmu.model;
    h->n_params = 1;
    h->params[0] = 2.0;
    h->block.status = offsetof(struct hil_state, reserved); /* the harness has no section for them */
}

static uint8_t status(const struct harness *h) { return h->state[h->block.status + h->out[0]]; }

static uint32_t alert(const struct harness *h) { return ((const struct hil_state *)(const void *)h->state)->alert; }

static void outputs_follow_inputs_by_one_sample(void)
{
    struct harness h;
    open_fmu(&h, 100);
    harness_start(&h);
    *harness_in(&h, 0) = 1.0;
    for (unsigned k = 0; k < 8; k++) {
        harness_tick(&h);
        CHECK_SAME(harness_out(&h, 0), 0.5 + 0.5 * k);
        CHECK_SAME(a.t_s, 0.25 * k);
    }
    CHECK(a.resets == 1 && a.steps == 8 && a.given == 0);
    harness_close(&h);
}

static void a_parameter_is_given_once_when_it_changes(void)
{
    struct harness h;
    open_fmu(&h, 100);
    harness_start(&h);
    harness_tick(&h);
    hil_params(&h.block, h.state)[0] = 4.0;
    for (unsigned k = 0; k < 5; k++)
        harness_tick(&h);
    CHECK(a.given == 1 && a.gain == 4.0);
    harness_close(&h);
}

static void an_input_that_is_no_number_is_left_out(void)
{
    const double unusable[] = {NAN, HUGE_VAL, -HUGE_VAL, 1e308};
    struct harness h;
    open_fmu(&h, 100);
    harness_start(&h);
    for (unsigned i = 0; i < 4; i++) {
        *harness_in(&h, 0) = unusable[i];
        harness_tick(&h);
        CHECK_SAME(harness_out(&h, 0), 0.5);
    }
    CHECK(a.steps == 0);
    *harness_in(&h, 0) = 1.0;
    harness_tick(&h);
    CHECK_SAME(a.t_s, 0.0); /* of its own steps: none was made before */
    harness_close(&h);
}

static void after_a_refusal_the_output_is_bad_and_nothing_is_called(void)
{
    struct harness h;
    open_fmu(&h, 3);
    harness_start(&h);
    for (unsigned k = 0; k < 3; k++)
        harness_tick(&h);
    CHECK(status(&h) == HIL_GOOD && !alert(&h));
    harness_tick(&h);
    CHECK(status(&h) == HIL_BAD && alert(&h));
    CHECK(!isnan(harness_out(&h, 0))); /* the tick of the failure still has its value */
    for (unsigned k = 0; k < 5; k++) {
        harness_tick(&h);
        CHECK(isnan(harness_out(&h, 0)));
    }
    CHECK(a.steps == 4);
    CHECK_SAME(*harness_state(&h, "steps"), 3.0);
    CHECK_SAME(*harness_state(&h, "failed"), HIL_E_UNSUPPORTED);
    harness_close(&h);
}

static void one_that_does_not_start_is_bad_from_the_first_sample(void)
{
    struct harness h;
    open_fmu(&h, 0);
    harness_start(&h);
    harness_tick(&h);
    CHECK(isnan(harness_out(&h, 0)) && status(&h) == HIL_BAD && a.steps == 0);
    harness_close(&h);
}

static void what_does_not_fit_is_refused(void)
{
    struct harness h;
    open_fmu(&h, 1);
    CHECK(harness_refused(&h) == NULL);
    h.params[0] = 9.5;
    CHECK(harness_refused(&h) != NULL);
    h.params[0] = NAN;
    CHECK(harness_refused(&h) != NULL);
    h.params[0] = 2.0;
    h.block.n_in = 2;
    CHECK(harness_refused(&h) != NULL);
    h.block.n_in = 1;
    h.model = NULL;
    CHECK(harness_refused(&h) != NULL);
    struct hil_fmu other = fmu;
    other.abi++;
    h.model = &other.model;
    CHECK(harness_refused(&h) != NULL);
}

int main(void)
{
    outputs_follow_inputs_by_one_sample();
    a_parameter_is_given_once_when_it_changes();
    an_input_that_is_no_number_is_left_out();
    after_a_refusal_the_output_is_bad_and_nothing_is_called();
    one_that_does_not_start_is_bad_from_the_first_sample();
    what_does_not_fit_is_refused();
    return failures != 0;
}
