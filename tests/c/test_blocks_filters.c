/* Blocks with dynamics: lag, delay, filters, integrator, derivative, moving average, rate limit. */
#include "block_harness.h"

static double wave(unsigned k) { return sin(0.11 * k) + 0.3 * cos(1.7 * k); }

static void lag_reaches_63_percent_at_its_time_constant(void)
{
    const double rates[] = {0.1, 0.01, 0.001, 0.0001};
    for (int i = 0; i < 4; i++) {
        struct harness h;
        harness_open(&h, "lag", rates[i]);
        harness_set(&h, "time_constant_s", 0.5);
        harness_start(&h);
        double y = 0.0;
        for (unsigned k = 0, n = (unsigned)lround(0.5 / rates[i]); k < n; k++)
            y = harness_pass(&h, 10.0);
        CHECK_NEAR(y, 10.0 * (1.0 - exp(-1.0)), 1e-11);
        harness_close(&h);
    }
}

static void lag_follows_a_new_time_constant(void)
{
    struct harness h;
    harness_open(&h, "lag", 0.01);
    harness_set(&h, "time_constant_s", 100.0);
    harness_set(&h, "start", 2.0);
    harness_start(&h);
    CHECK_NEAR(harness_pass(&h, 0.0), 2.0 * exp(-0.01 / 100.0), 1e-15);
    double y = *harness_state(&h, "y");
    *harness_param(&h, "time_constant_s") = 0.02;
    CHECK_NEAR(harness_pass(&h, 0.0), y * exp(-0.5), 1e-15);
    *harness_param(&h, "time_constant_s") = 0.0;
    CHECK_SAME(harness_pass(&h, 7.0), 7.0);
    harness_close(&h);
}

static void lag_holds_while_its_input_is_not_a_number(void)
{
    struct harness h;
    harness_open(&h, "lag", 0.01);
    harness_start(&h);
    double y = harness_pass(&h, 1.0);
    CHECK_SAME(harness_pass(&h, NAN), y);
    CHECK_SAME(harness_pass(&h, HUGE_VAL), y);
    CHECK(harness_pass(&h, 1.0) > y);
    harness_close(&h);
}

static void delay_is_exact(unsigned n)
{
    struct harness h;
    harness_open(&h, "delay", 0.01);
    harness_set(&h, "n", n);
    harness_set(&h, "start", -7.0);
    harness_start(&h);
    for (unsigned k = 0; k < 5 * n + 50; k++) {
        double y = harness_pass(&h, k % 10 == 3 ? NAN : k);
        if (k < n)
            CHECK_SAME(y, -7.0);
        else if ((k - n) % 10 == 3)
            CHECK(isnan(y));
        else
            CHECK_SAME(y, k - n);
    }
    harness_close(&h);
}

static void length_must_be_a_whole_number_of_samples(const char *type)
{
    const double wrong[] = {0.0, -1.0, 1.5, NAN, 1e9};
    for (int i = 0; i < 5; i++) {
        struct harness h;
        harness_open(&h, type, 0.01);
        harness_set(&h, "n", 3.0);
        CHECK(harness_refused(&h) == NULL);
        harness_set(&h, "n", wrong[i]);
        CHECK(harness_refused(&h) != NULL);
    }
}

/* A filter against its difference equation, written out as it stands in a book. */
static void filter_equals_its_difference_equation(const char *type, const double *b, uint32_t n_b, const double *a,
                                                  uint32_t n_a)
{
    enum { N = 500 };
    static double u[N], y[N];
    struct harness h;
    int section = strcmp(type, "second_order") == 0;
    harness_open(&h, type, 0.01);
    harness_array(&h, section ? "b" : "num", b, n_b);
    harness_array(&h, section ? "a" : "den", a, n_a);
    harness_start(&h);
    for (unsigned k = 0; k < N; k++) {
        u[k] = wave(k);
        double sum = 0.0;
        for (uint32_t i = 0; i < n_b && i <= k; i++)
            sum += b[i] * u[k - i];
        for (uint32_t i = 1; i < n_a && i <= k; i++)
            sum -= a[i] * y[k - i];
        y[k] = sum / a[0];
        CHECK_NEAR(harness_pass(&h, u[k]), y[k], 1e-12);
    }
    harness_close(&h);
}

static void filters_equal_their_difference_equations(void)
{
    const double b[] = {0.2, -0.4, 0.25, 0.1, 0.05}, a[] = {2.0, -1.1, 0.7, -0.2};
    filter_equals_its_difference_equation("second_order", b, 3, a, 3);
    filter_equals_its_difference_equation("transfer_function", b, 3, a, 3);
    filter_equals_its_difference_equation("transfer_function", b, 5, a, 2);
    filter_equals_its_difference_equation("transfer_function", b, 1, a, 4);
    filter_equals_its_difference_equation("transfer_function", b, 5, a, 1);
    filter_equals_its_difference_equation("transfer_function", b, 1, a, 1);
    const double zero[] = {0.0, 1.0, 1.0}, not_finite[] = {1.0, NAN, 1.0};
    struct harness h;
    harness_open(&h, "second_order", 0.01);
    harness_array(&h, "b", b, 3);
    harness_array(&h, "a", zero, 3);
    CHECK(harness_refused(&h) != NULL);
    harness_array(&h, "a", not_finite, 3);
    CHECK(harness_refused(&h) != NULL);
    harness_array(&h, "a", a, 3);
    CHECK(harness_refused(&h) == NULL);
    harness_array(&h, "b", not_finite, 3);
    CHECK(harness_refused(&h) != NULL);
}

static const double mat_a[] = {0.9, 0.1, -0.2, 0.8}, mat_b[] = {1.0, 0.0, 0.5, -1.0}, mat_x0[] = {1.0, -2.0};
static const double mat_c[] = {1.0, 0.0, 0.0, 1.0, 1.0, 1.0}, mat_d[] = {0.0, 0.0, 0.3, 0.0, 0.0, -0.4};

/* Two states, two inputs, three outputs. */
static void open_state_space(struct harness *h, const char *type)
{
    harness_open(h, type, 0.01);
    h->block.n_in = 2;
    h->block.n_out = 3;
    harness_array(h, "A", mat_a, 4);
    harness_array(h, "B", mat_b, 4);
    harness_array(h, "C", mat_c, 6);
    harness_array(h, "x0", mat_x0, 2);
    if (strcmp(type, "state_space") == 0)
        harness_array(h, "D", mat_d, 6);
}

static void state_space_equals_its_equations(const char *type, double with_d)
{
    struct harness h;
    open_state_space(&h, type);
    harness_start(&h);
    double x1 = 1.0, x2 = -2.0;
    for (unsigned k = 0; k < 300; k++) {
        double u1 = wave(k), u2 = wave(k + 1000);
        harness_pass2(&h, u1, u2);
        CHECK_NEAR(harness_out(&h, 0), x1, 1e-12);
        CHECK_NEAR(harness_out(&h, 1), x2 + with_d * 0.3 * u1, 1e-12);
        CHECK_NEAR(harness_out(&h, 2), x1 + x2 - with_d * 0.4 * u2, 1e-12);
        double next = 0.9 * x1 + 0.1 * x2 + u1;
        x2 = -0.2 * x1 + 0.8 * x2 + 0.5 * u1 - u2;
        x1 = next;
    }
    harness_close(&h);
}

static void state_space_refuses_shapes_that_do_not_fit(void)
{
    const char *fields[] = {"A", "B", "C", "D", "x0"};
    for (int i = 0; i < 5; i++) {
        struct harness h;
        open_state_space(&h, "state_space");
        CHECK(harness_refused(&h) == NULL);
        struct hil_array *field = &h.cfg[harness_field(&h, fields[i])];
        const double not_finite[6] = {NAN};
        field->data = not_finite;
        CHECK(harness_refused(&h) != NULL);
        field->n--;
        CHECK(harness_refused(&h) != NULL);
    }
}

static void state_space_refuses_other_counts_of_signals(void)
{
    struct harness h;
    open_state_space(&h, "state_space_strict");
    h.block.n_in = 3;
    CHECK(harness_refused(&h) != NULL);
    h.block.n_in = 2;
    h.block.n_out = 2;
    CHECK(harness_refused(&h) != NULL);
    h.block.n_out = 3;
    CHECK(harness_refused(&h) == NULL);
}

static void integrator_of_a_constant_is_time(void)
{
    struct harness h;
    harness_open(&h, "integrator", 0.25);
    harness_set(&h, "gain", 2.0);
    harness_set(&h, "start", 1.0);
    harness_set(&h, "hi", 9.0);
    harness_start(&h);
    for (unsigned k = 0; k < 40; k++)
        CHECK_SAME(harness_pass2(&h, 0.5, 0.0), fmin(1.0 + 0.25 * k, 9.0));
    CHECK_SAME(harness_pass2(&h, -1.0, 0.0), 9.0);
    CHECK_SAME(harness_pass2(&h, NAN, 0.0), 8.5); /* leaves its limit at once: no windup */
    CHECK_SAME(harness_pass2(&h, -1.0, 0.0), 8.5);
    CHECK_SAME(harness_pass2(&h, NAN, 1.0), 8.0); /* a reset works whatever u is */
    CHECK_SAME(harness_pass2(&h, 1.0, 0.0), 1.0);
    harness_close(&h);
}

static void derivative_of_a_ramp_is_its_slope(double filter_time_s)
{
    struct harness h;
    harness_open(&h, "derivative", 0.01);
    harness_set(&h, "filter_time_s", filter_time_s);
    harness_start(&h);
    CHECK_SAME(harness_pass(&h, 100.0), 0.0); /* no kick at the start */
    double y = harness_pass(&h, 100.0 + 3.0 * 0.01);
    CHECK_NEAR(y, 3.0 * 0.01 / (filter_time_s + 0.01), 1e-11);
    for (unsigned k = 2; k < 400; k++)
        y = harness_pass(&h, 100.0 + 3.0 * 0.01 * k);
    CHECK_NEAR(y, 3.0, 1e-9);
    *harness_param(&h, "filter_time_s") = 0.0;
    CHECK_NEAR(harness_pass(&h, 100.0 + 3.0 * 4.0 + 1.0), (1.0 + 3.0 * 0.01) / 0.01, 1e-9);
    harness_close(&h);
}

static void moving_average_is_the_mean_of_its_window(unsigned length)
{
    struct harness h;
    harness_open(&h, "moving_average", 0.01);
    harness_set(&h, "n", length);
    harness_start(&h);
    for (unsigned k = 0; k < 300; k++) {
        double sum = 0.0;
        unsigned n = k + 1 < length ? k + 1 : length;
        for (unsigned i = 0; i < n; i++)
            sum += wave(k - i);
        CHECK_NEAR(harness_pass(&h, wave(k)), sum / n, 1e-14);
    }
    harness_close(&h);
}

/* A large value that has left the window leaves no trace: a plain running sum keeps its rounding error for ever. */
static void moving_average_does_not_drift(void)
{
    struct harness h;
    harness_open(&h, "moving_average", 0.01);
    harness_set(&h, "n", 10);
    harness_start(&h);
    double y = 0.0;
    for (unsigned k = 0; k < 1000; k++)
        harness_pass(&h, k % 3 ? 1e17 + k * 1e15 : -0.1);
    for (unsigned k = 0; k < 20; k++)
        y = harness_pass(&h, 0.5);
    CHECK_SAME(y, 0.5);
    harness_close(&h);
}

static void rate_limit_bounds_rise_and_fall(void)
{
    struct harness h;
    harness_open(&h, "rate_limit", 0.5);
    harness_set(&h, "rise_per_s", 2.0);
    harness_set(&h, "fall_per_s", 6.0);
    harness_start(&h);
    const double u[] = {10, 20, 20, NAN, 12.5, 0, 0, 8.5, 8.5}, y[] = {10, 11, 12, 12, 12.5, 9.5, 6.5, 7.5, 8.5};
    for (int k = 0; k < 9; k++)
        CHECK_SAME(harness_pass(&h, u[k]), y[k]);
    harness_close(&h);
}

int main(void)
{
    lag_reaches_63_percent_at_its_time_constant();
    lag_follows_a_new_time_constant();
    lag_holds_while_its_input_is_not_a_number();
    for (unsigned n = 1; n < 40; n += 3)
        delay_is_exact(n);
    length_must_be_a_whole_number_of_samples("delay");
    length_must_be_a_whole_number_of_samples("moving_average");
    filters_equal_their_difference_equations();
    state_space_equals_its_equations("state_space", 1.0);
    state_space_equals_its_equations("state_space_strict", 0.0);
    state_space_refuses_shapes_that_do_not_fit();
    state_space_refuses_other_counts_of_signals();
    integrator_of_a_constant_is_time();
    derivative_of_a_ramp_is_its_slope(0.05);
    derivative_of_a_ramp_is_its_slope(0.0);
    moving_average_is_the_mean_of_its_window(1);
    moving_average_is_the_mean_of_its_window(7);
    moving_average_does_not_drift();
    rate_limit_bounds_rise_and_fall();
    return failures != 0;
}
