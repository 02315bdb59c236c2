/* Blocks without memory of the signal: arithmetic, limits, registers, tables. */
#include "block_harness.h"

#include "hil/codec.h"

static void gain_scales_and_shifts(void)
{
    struct harness h;
    harness_open(&h, "gain", 0.01);
    harness_set(&h, "gain", -2.0);
    harness_set(&h, "offset", 0.5);
    harness_start(&h);
    CHECK_SAME(harness_pass(&h, 3.0), -5.5);
    CHECK(isnan(harness_pass(&h, NAN)));
    CHECK_SAME(harness_pass(&h, 1.0), -1.5);
    harness_close(&h);
}

static void sum_and_product_take_any_number_of_inputs(void)
{
    const double signs[] = {1, -1, 1, -1};
    struct harness h;
    for (int signed_sum = 0; signed_sum < 2; signed_sum++) {
        harness_open(&h, "sum", 0.01);
        h.block.n_in = 4;
        if (signed_sum)
            harness_array(&h, "signs", signs, 4);
        harness_start(&h);
        for (unsigned i = 1; i < 4; i++)
            *harness_in(&h, i) = pow(10.0, i);
        CHECK_SAME(harness_pass(&h, 1.0), signed_sum ? 1.0 - 10.0 + 100.0 - 1000.0 : 1111.0);
        harness_close(&h);
    }
    harness_open(&h, "product", 0.01);
    h.block.n_in = 3;
    harness_start(&h);
    *harness_in(&h, 2) = -7.0;
    CHECK_SAME(harness_pass2(&h, 3.0, 5.0), -105.0);
    harness_close(&h);
}

static void sum_refuses_signs_that_do_not_fit(void)
{
    const double signs[] = {1, -1, 0.5};
    struct harness h;
    harness_open(&h, "sum", 0.01);
    h.block.n_in = 3;
    harness_array(&h, "signs", signs, 2);
    CHECK(harness_refused(&h) != NULL);
    harness_array(&h, "signs", signs, 3);
    CHECK(harness_refused(&h) != NULL);
    h.block.n_in = 2;
    harness_array(&h, "signs", signs, 2);
    CHECK(harness_refused(&h) == NULL);
}

static void weighted_sum_is_a_state_feedback(void)
{
    const double weights[] = {-1, -2.5, 4};
    struct harness h;
    harness_open(&h, "weighted_sum", 0.01);
    h.block.n_in = 3;
    harness_array(&h, "weights", weights, 3);
    harness_start(&h);
    *harness_in(&h, 1) = 2.0;
    *harness_in(&h, 2) = 0.5;
    CHECK_SAME(harness_pass(&h, 3.0), -1.0 * 3.0 - 2.5 * 2.0 + 4.0 * 0.5);
    harness_close(&h);
    harness_open(&h, "weighted_sum", 0.01);
    h.block.n_in = 2;
    harness_array(&h, "weights", weights, 3);
    CHECK(harness_refused(&h) != NULL);
}

static void extremum(const char *name, double a, double b, double c, double wanted)
{
    struct harness h;
    harness_open(&h, name, 0.01);
    h.block.n_in = strcmp(name, "abs") == 0 ? 1 : 3;
    harness_start(&h);
    *harness_in(&h, 0) = a;
    if (h.block.n_in == 3) {
        *harness_in(&h, 1) = b;
        *harness_in(&h, 2) = c;
    }
    harness_tick(&h);
    CHECK_SAME(harness_out(&h, 0), wanted);
    harness_close(&h);
}

static void min_max_abs(void)
{
    extremum("min", 3, -2, 5, -2);
    extremum("max", 3, -2, 5, 5);
    extremum("min", NAN, 2, 1, 1);
    extremum("max", 3, NAN, 4, 4);
    extremum("abs", -3, 0, 0, 3);
    extremum("abs", 3, 0, 0, 3);
}

static void limit_and_dead_band(void)
{
    const double u[] = {-9, -2, -1.5, 0, 0.7, 1, 9}, limited[] = {-2, -2, -1.5, 0, 0.7, 1, 1},
                 banded[] = {-7, 0, 0, 0, 0, 0, 8};
    struct harness limit, band;
    harness_open(&limit, "limit", 0.01);
    harness_open(&band, "dead_band", 0.01);
    struct harness *both[] = {&limit, &band};
    for (int i = 0; i < 2; i++) {
        harness_set(both[i], "lo", 2.0);
        harness_set(both[i], "hi", 1.0);
        CHECK(harness_refused(both[i]) != NULL);
        harness_set(both[i], "lo", -2.0);
        harness_start(both[i]);
    }
    for (int i = 0; i < 7; i++) {
        CHECK_SAME(harness_pass(&limit, u[i]), limited[i]);
        CHECK_SAME(harness_pass(&band, u[i]), banded[i]);
    }
    harness_close(&limit);
    harness_close(&band);
}

static void quantise_rounds_to_the_nearest_step(void)
{
    struct harness h;
    harness_open(&h, "quantise", 0.01);
    harness_set(&h, "interval", 0.25);
    harness_set(&h, "offset", 0.1);
    harness_start(&h);
    for (double u = -3.0; u < 3.0; u += 0.0137) {
        double y = harness_pass(&h, u), steps = (y - 0.1) / 0.25;
        CHECK(fabs(y - u) <= 0.125 + 1e-12);
        CHECK_NEAR(steps, round(steps), 1e-9);
    }
    *harness_param(&h, "interval") = 10.0; /* an event */
    CHECK_SAME(harness_pass(&h, 14.0), 10.1);
    *harness_param(&h, "offset") = 0.0;
    CHECK_SAME(harness_pass(&h, 15.0), 20.0); /* ties to even */
    CHECK_SAME(harness_pass(&h, 25.0), 20.0);
    CHECK_NEAR(harness_pass(&h, 3e200), 3e200, 1e185);
    harness_close(&h);
}

static void register_gives_what_the_wire_would_carry(void)
{
    struct harness h;
    harness_open(&h, "register", 0.01);
    harness_set(&h, "kind", HIL_I16);
    harness_set(&h, "scale", 0.0);
    CHECK(harness_refused(&h) != NULL);
    harness_set(&h, "scale", 0.01);
    harness_set(&h, "offset", 100.0);
    harness_set(&h, "hi", 120.0);
    harness_start(&h);
    const struct hil_codec codec = {0.01, 100.0, -HUGE_VAL, 120.0, HIL_I16, 0};
    for (double u = -400.0; u < 600.0; u += 0.777)
        CHECK_SAME(harness_pass(&h, u), hil_through_register(&codec, u));
    CHECK_NEAR(harness_pass(&h, 112.3456), 112.35, 1e-9);
    CHECK_NEAR(harness_pass(&h, 150.0), 120.0, 1e-9);
    CHECK_NEAR(harness_pass(&h, -400.0), 100.0 - 327.68, 1e-9);
    harness_close(&h);
}

/* ---- tables ---- */

static const double table_x[] = {-1.0, 0.0, 0.5, 4.0}, table_y[] = {2.0, -1.0, 7.0, 0.0};

static double line(double u)
{
    if (u <= table_x[0])
        return table_y[0];
    for (int i = 0; i < 3; i++)
        if (u < table_x[i + 1])
            return table_y[i] + (table_y[i + 1] - table_y[i]) / (table_x[i + 1] - table_x[i]) * (u - table_x[i]);
    return table_y[3];
}

static void lookup_at_between_and_outside_its_points(void)
{
    struct harness h;
    harness_open(&h, "lookup_1d", 0.01);
    harness_array(&h, "x", table_x, 4);
    harness_array(&h, "y", table_y, 4);
    harness_start(&h);
    for (int i = 0; i < 4; i++)
        CHECK_SAME(harness_pass(&h, table_x[i]), table_y[i]);
    for (double u = -3.0; u < 6.0; u += 0.0301) /* a walk */
        CHECK_NEAR(harness_pass(&h, u), line(u), 1e-14);
    for (int k = 0; k < 500; k++) { /* jumps */
        double u = fmod(k * 1.618, 7.0) - 2.0;
        CHECK_NEAR(harness_pass(&h, u), line(u), 1e-14);
    }
    CHECK_SAME(harness_pass(&h, -HUGE_VAL), 2.0);
    CHECK_SAME(harness_pass(&h, HUGE_VAL), 0.0);
    CHECK(isnan(harness_pass(&h, NAN)));
    CHECK_SAME(harness_pass(&h, 0.25), 3.0);
    harness_close(&h);
}

static void lookup_refuses_points_that_do_not_rise(void)
{
    const double x[] = {0.0, 1.0, 1.0, 2.0}, not_finite[] = {0.0, 1.0, NAN, 2.0};
    struct harness h;
    harness_open(&h, "lookup_1d", 0.01);
    harness_array(&h, "x", x, 4);
    harness_array(&h, "y", table_y, 4);
    CHECK(harness_refused(&h) != NULL);
    harness_array(&h, "x", not_finite, 4);
    CHECK(harness_refused(&h) != NULL);
    harness_array(&h, "x", table_x, 3);
    CHECK(harness_refused(&h) != NULL);
    harness_array(&h, "x", table_x, 4);
    CHECK(harness_refused(&h) == NULL);
}

static const double rows[] = {0.0, 1.0, 3.0}, columns[] = {-2.0, 1.0, 1.5, 2.0};

/* A plane is met everywhere inside, its edge outside. */
static void lookup_2d_is_exact_on_a_plane(void)
{
    double table[12];
    struct harness h;
    for (int i = 0; i < 12; i++)
        table[i] = 3.0 * rows[i / 4] - columns[i % 4] + 1.0;
    harness_open(&h, "lookup_2d", 0.01);
    harness_array(&h, "x1", rows, 3);
    harness_array(&h, "x2", columns, 4);
    harness_array(&h, "table", table, 12);
    harness_start(&h);
    for (int i = 0; i < 12; i++)
        CHECK_SAME(harness_pass2(&h, rows[i / 4], columns[i % 4]), table[i]);
    for (int k = 0; k < 2000; k++) {
        double u1 = fmod(k * 0.618, 5.0) - 1.0, u2 = fmod(k * 0.41, 8.0) - 4.0;
        double in1 = fmin(fmax(u1, 0.0), 3.0), in2 = fmin(fmax(u2, -2.0), 2.0);
        CHECK_NEAR(harness_pass2(&h, u1, u2), 3.0 * in1 - in2 + 1.0, 1e-13);
    }
    CHECK(isnan(harness_pass2(&h, 1.0, NAN)));
    CHECK(isnan(harness_pass2(&h, NAN, 1.0)));
    harness_array(&h, "table", table, 11);
    CHECK(harness_refused(&h) != NULL);
    harness_array(&h, "table", table, 6);
    const double falling[] = {1.0, 0.0};
    harness_array(&h, "x2", falling, 2);
    CHECK(harness_refused(&h) != NULL);
    harness_close(&h);
}

static void lookup_2d_is_bilinear_between_four_points(void)
{
    const double x1[] = {0.0, 1.0}, x2[] = {0.0, 2.0}, table[] = {0.0, 0.0, 0.0, 8.0};
    struct harness h;
    harness_open(&h, "lookup_2d", 0.01);
    harness_array(&h, "x1", x1, 2);
    harness_array(&h, "x2", x2, 2);
    harness_array(&h, "table", table, 4);
    harness_start(&h);
    CHECK_NEAR(harness_pass2(&h, 0.5, 1.0), 2.0, 1e-15);
    CHECK_NEAR(harness_pass2(&h, 0.25, 1.5), 8.0 * 0.25 * 0.75, 1e-15);
    harness_close(&h);
}

int main(void)
{
    gain_scales_and_shifts();
    sum_and_product_take_any_number_of_inputs();
    sum_refuses_signs_that_do_not_fit();
    weighted_sum_is_a_state_feedback();
    min_max_abs();
    limit_and_dead_band();
    quantise_rounds_to_the_nearest_step();
    register_gives_what_the_wire_would_carry();
    lookup_at_between_and_outside_its_points();
    lookup_refuses_points_that_do_not_rise();
    lookup_2d_is_exact_on_a_plane();
    lookup_2d_is_bilinear_between_four_points();
    return failures != 0;
}
