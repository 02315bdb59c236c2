/* The PID controller on simple plants, tested as claims about the closed loop. */
#include "block_harness.h"

enum { SETPOINT, MEASUREMENT, FEED_FORWARD, MANUAL, MANUAL_VALUE };

static void open_pid(struct harness *h, double kp, double ki_per_s, double kd_s)
{
    harness_open(h, "pid", 0.01);
    harness_set(h, "kp", kp);
    harness_set(h, "ki_per_s", ki_per_s);
    harness_set(h, "kd_s", kd_s);
}

static double control(struct harness *h, double setpoint, double measurement)
{
    *harness_in(h, SETPOINT) = setpoint;
    *harness_in(h, MEASUREMENT) = measurement;
    harness_tick(h);
    return harness_out(h, 0);
}

/* Plant: T dy/dt = gain u - y, forward Euler with T = 1 s. */
struct loop {
    double y, largest, t_settled;
};

static void close_loop(struct harness *h, struct loop *loop, double setpoint, double seconds, double gain)
{
    unsigned n = (unsigned)(seconds / h->block.dt_s);
    loop->largest = loop->y;
    loop->t_settled = 0.0;
    for (unsigned k = 0; k < n; k++) {
        double u = control(h, setpoint, loop->y);
        loop->y += h->block.dt_s * (gain * u - loop->y);
        loop->largest = fmax(loop->largest, loop->y);
        if (fabs(loop->y - setpoint) > 0.02 * fabs(setpoint))
            loop->t_settled = (k + 1) * h->block.dt_s;
    }
}

static void pid_equals_its_equations(double sign)
{
    struct harness h;
    open_pid(&h, 2.0, 0.7, 0.3);
    harness_set(&h, "filter_time_s", 0.05);
    harness_set(&h, "setpoint_weight", 0.6);
    harness_set(&h, "action", sign > 0.0 ? 0.0 : 1.0);
    harness_start(&h);
    double integral = 0.0, rate = 0.0, last = 0.0;
    for (unsigned k = 0; k < 400; k++) {
        double r = k < 100 ? 0.0 : 1.0, y = sin(0.05 * k), feed_forward = 0.01 * k;
        rate = k ? (0.05 * rate + y - last) / 0.06 : 0.0;
        last = y;
        *harness_in(&h, FEED_FORWARD) = feed_forward;
        CHECK_NEAR(control(&h, r, y), sign * (2.0 * (0.6 * r - y) - 0.3 * rate) + integral + feed_forward, 1e-11);
        integral += sign * 0.7 * 0.01 * (r - y);
    }
    CHECK_NEAR(*harness_state(&h, "integral"), integral, 1e-12);
    harness_close(&h);
}

static void integral_part_removes_the_steady_error(void)
{
    struct harness h;
    struct loop loop = {0};
    open_pid(&h, 3.0, 3.0, 0.0);
    harness_start(&h);
    close_loop(&h, &loop, 5.0, 20.0, 0.8);
    CHECK_NEAR(loop.y, 5.0, 1e-6);
    harness_close(&h);
    open_pid(&h, 3.0, 0.0, 0.0);
    harness_start(&h);
    loop = (struct loop){0};
    close_loop(&h, &loop, 5.0, 20.0, 0.8);
    CHECK_NEAR(loop.y, 5.0 * 2.4 / 3.4, 1e-6); /* and without it the error that the gain leaves */
    harness_close(&h);
}

static void direct_action_controls_a_plant_that_falls(void)
{
    struct harness h;
    struct loop loop = {0};
    open_pid(&h, 3.0, 3.0, 0.0);
    harness_set(&h, "action", 1.0);
    harness_start(&h);
    close_loop(&h, &loop, 5.0, 20.0, -0.8);
    CHECK_NEAR(loop.y, 5.0, 1e-6);
    harness_close(&h);
}

/* The set-point cannot be reached for 100 s; then it comes back into reach. */
static void long_saturation(double tracking_time_s, struct loop *after)
{
    struct harness h;
    open_pid(&h, 2.0, 2.0, 0.0);
    harness_set(&h, "lo", 0.0);
    harness_set(&h, "hi", 1.0);
    harness_set(&h, "tracking_time_s", tracking_time_s);
    harness_start(&h);
    *after = (struct loop){0};
    close_loop(&h, after, 2.0, 100.0, 1.0);
    CHECK_NEAR(after->y, 1.0, 1e-6);
    close_loop(&h, after, 0.5, 40.0, 1.0);
    harness_close(&h);
}

static void pid_does_not_wind_up(void)
{
    struct loop with, without;
    long_saturation(0.0, &with);
    CHECK_NEAR(with.y, 0.5, 1e-6);
    CHECK(with.t_settled < 5.0);
    long_saturation(1e9, &without); /* the same without back-calculation: a test that cannot fail would not be one */
    CHECK(without.t_settled > 20.0);
}

/* Saturated, the integral part settles where its own growth and the back-calculation balance: v = hi + ki e Tt. */
static void back_calculation_has_its_tracking_time(double tracking_time_s, double expected_s)
{
    struct harness h;
    open_pid(&h, 2.0, 0.5, 0.0);
    harness_set(&h, "hi", 1.0);
    harness_start(&h);
    for (unsigned k = 0; k < 100; k++)
        control(&h, 3.0, 0.0);
    *harness_param(&h, "tracking_time_s") = tracking_time_s; /* an event */
    for (unsigned k = 0; k < 20000; k++)
        control(&h, 3.0, 0.0);
    CHECK_NEAR(*harness_state(&h, "integral") + 2.0 * 3.0, 1.0 + 0.5 * 3.0 * expected_s, 1e-9);
    harness_close(&h);
}

static void saturation_leaves_a_controller_without_integral_part_alone(void)
{
    struct harness h;
    open_pid(&h, 2.0, 0.0, 0.0);
    harness_set(&h, "hi", 1.0);
    harness_set(&h, "start", 0.25);
    harness_start(&h);
    for (unsigned k = 0; k < 100; k++)
        CHECK_SAME(control(&h, 9.0, 0.0), 1.0);
    *harness_in(&h, MANUAL) = 1.0;
    CHECK_SAME(control(&h, 9.0, 0.0), 0.0);
    *harness_in(&h, MANUAL) = 0.0;
    CHECK_NEAR(control(&h, 0.1, 0.0), 0.45, 1e-15);
    harness_close(&h);
}

static void output_stays_within_its_limits(void)
{
    struct harness h;
    open_pid(&h, 50.0, 20.0, 5.0);
    harness_set(&h, "lo", -1.0);
    harness_set(&h, "hi", 2.0);
    harness_start(&h);
    double lowest = 0.0, highest = 0.0;
    for (unsigned k = 0; k < 2000; k++) {
        *harness_in(&h, MANUAL) = k % 400 > 300;
        *harness_in(&h, MANUAL_VALUE) = 10.0 * sin(0.3 * k);
        double u = control(&h, sin(0.01 * k), cos(0.7 * k));
        lowest = fmin(lowest, u);
        highest = fmax(highest, u);
    }
    CHECK_SAME(lowest, -1.0);
    CHECK_SAME(highest, 2.0);
    harness_close(&h);
}

static void transfer_from_manual_is_bumpless(void)
{
    struct harness h;
    open_pid(&h, 4.0, 0.5, 1.0);
    harness_start(&h);
    for (unsigned k = 0; k < 50; k++)
        control(&h, 1.0, 0.2);
    *harness_in(&h, MANUAL) = 1.0;
    *harness_in(&h, MANUAL_VALUE) = 7.0;
    for (unsigned k = 0; k < 300; k++)
        CHECK_SAME(control(&h, 1.0 + 0.01 * k, 0.2), 7.0); /* the error grows all the time */
    *harness_in(&h, MANUAL) = 0.0;
    CHECK_NEAR(control(&h, 3.0, 0.2), 7.0, 1e-12);
    CHECK_NEAR(control(&h, 3.0, 0.2), 7.0 + 0.5 * 0.01 * 2.8, 1e-12); /* goes on from there */
    harness_close(&h);
}

static void transfer_to_manual_keeps_its_rate(void)
{
    struct harness h;
    open_pid(&h, 4.0, 0.5, 0.0);
    harness_set(&h, "manual_rate_per_s", 10.0);
    harness_start(&h);
    double u = control(&h, 1.0, 0.0);
    *harness_in(&h, MANUAL) = 1.0;
    *harness_in(&h, MANUAL_VALUE) = 4.5;
    for (unsigned k = 1; k <= 5; k++)
        CHECK_NEAR(control(&h, 1.0, 0.0), u + 0.1 * k, 1e-12);
    CHECK_SAME(control(&h, 1.0, 0.0), 4.5);
    harness_close(&h);
}

static void set_point_step_gives_no_derivative_kick(void)
{
    struct harness h;
    open_pid(&h, 1.0, 0.0, 10.0);
    harness_start(&h);
    control(&h, 0.0, 3.0);
    CHECK_NEAR(control(&h, 5.0, 3.0), 2.0, 1e-12);
    CHECK(control(&h, 5.0, 3.1) < -5.0); /* but a rising measurement is slowed down */
    harness_close(&h);
}

static void pid_holds_without_a_measurement_and_goes_on(void)
{
    struct harness h;
    open_pid(&h, 2.0, 1.0, 0.5);
    harness_start(&h);
    double u = 0.0;
    for (unsigned k = 0; k < 100; k++)
        u = control(&h, 1.0, 0.4);
    for (unsigned k = 0; k < 100; k++)
        CHECK_SAME(control(&h, 1.0, k % 2 ? NAN : HUGE_VAL), u);
    CHECK_SAME(control(&h, NAN, 0.4), u);
    CHECK_NEAR(control(&h, 1.0, 0.4), u + 1.0 * 0.01 * 0.6, 1e-12);
    *harness_in(&h, MANUAL) = 1.0;
    *harness_in(&h, MANUAL_VALUE) = 9.0;
    CHECK_SAME(control(&h, 1.0, NAN), 9.0);
    *harness_in(&h, MANUAL_VALUE) = NAN;
    CHECK_SAME(control(&h, 1.0, NAN), 9.0);
    *harness_in(&h, MANUAL) = 0.0;
    CHECK_NEAR(control(&h, 1.0, 0.4), 9.0, 1e-12);
    harness_close(&h);
}

static void changed_gains_act_at_once_and_change_no_memory(void)
{
    struct harness h;
    open_pid(&h, 2.0, 1.0, 0.0);
    harness_start(&h);
    for (unsigned k = 0; k < 100; k++)
        control(&h, 1.0, 0.5);
    double integral = *harness_state(&h, "integral");
    *harness_param(&h, "ki_per_s") = 50.0;
    CHECK_NEAR(control(&h, 1.0, 0.5), 1.0 + integral, 1e-12); /* the integral gain acts inside the integral */
    *harness_param(&h, "kp") = 3.0;
    CHECK_NEAR(control(&h, 1.0, 0.5), 1.5 + integral + 50.0 * 0.01 * 0.5, 1e-12);
    *harness_param(&h, "hi") = 0.25;
    CHECK_SAME(control(&h, 1.0, 0.5), 0.25);
    *harness_param(&h, "filter_time_s") = 0.0;
    control(&h, 1.0, 0.6);
    CHECK_NEAR(*harness_state(&h, "rate"), 0.1 / 0.01, 1e-9);
    harness_close(&h);
}

int main(void)
{
    pid_equals_its_equations(1.0);
    pid_equals_its_equations(-1.0);
    integral_part_removes_the_steady_error();
    direct_action_controls_a_plant_that_falls();
    pid_does_not_wind_up();
    back_calculation_has_its_tracking_time(3.0, 3.0);
    back_calculation_has_its_tracking_time(0.0, 2.0 / 0.5); /* Ti = kp / ki */
    back_calculation_has_its_tracking_time(0.001, 0.01);    /* not below the sample time */
    saturation_leaves_a_controller_without_integral_part_alone();
    output_stays_within_its_limits();
    transfer_from_manual_is_bumpless();
    transfer_to_manual_keeps_its_rate();
    set_point_step_gives_no_derivative_kick();
    pid_holds_without_a_measurement_and_goes_on();
    changed_gains_act_at_once_and_change_no_memory();
    return failures != 0;
}
