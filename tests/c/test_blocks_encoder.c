/* An encoder on a shaft whose motion is known exactly, and the speed that the M/T method makes of it. */
#include "block_harness.h"

#define PI       3.14159265358979323846
#define DT_S     1e-3
#define TIMER_HZ 84e6
#define COUNTS   20000.0
#define STEP_RAD (2 * PI / COUNTS)

/* The shaft's encoder and the controller's end of it. */
struct shaft {
    struct harness encoder, speed;
    double dt_s;
};

static void shaft_open_at(struct shaft *s, double offset, double timer_hz, double dt_s)
{
    s->dt_s = dt_s;
    harness_open(&s->encoder, "encoder", dt_s);
    harness_open(&s->speed, "mt_speed", dt_s);
    harness_set(&s->encoder, "counts_per_rev", COUNTS);
    harness_set(&s->speed, "counts_per_rev", COUNTS);
    harness_set(&s->encoder, "timer_hz", timer_hz);
    harness_set(&s->speed, "timer_hz", timer_hz);
    harness_set(&s->encoder, "offset", offset);
    harness_start(&s->encoder);
    harness_start(&s->speed);
}

static void shaft_open(struct shaft *s) { shaft_open_at(s, 0.0, TIMER_HZ, DT_S); }

static void shaft_close(struct shaft *s)
{
    harness_close(&s->encoder);
    harness_close(&s->speed);
}

static double count_of(struct shaft *s) { return harness_out(&s->encoder, 0); }
static double edge_of(struct shaft *s) { return harness_out(&s->encoder, 1); }

/* One sample with the shaft at this angle; the speed that the controller sees. */
static double turn(struct shaft *s, double angle)
{
    harness_pass(&s->encoder, angle);
    return harness_pass2(&s->speed, count_of(s), edge_of(s));
}

/* ---- the encoder ---- */

static void count_is_the_whole_steps_of_the_angle(void)
{
    struct shaft s;
    shaft_open(&s);
    const double at[] = {0.0, 0.5, 1.5, 1.01, 0.99, -0.01, -1.5, -20000.5, 39999.5};
    for (unsigned i = 0; i < sizeof at / sizeof *at; i++) {
        turn(&s, at[i] * STEP_RAD);
        CHECK_SAME(count_of(&s), floor(at[i]));
    }
    shaft_close(&s);
}

/* At constant speed the shaft passes step n at n * STEP_RAD / speed, forward, and so it does backward. */
static void edge_is_timed_where_the_shaft_crosses_it(double speed)
{
    struct shaft s;
    shaft_open(&s);
    double before = 0.0;
    for (unsigned k = 0; k < 2000; k++) {
        turn(&s, speed * DT_S * k + 0.25 * STEP_RAD);
        double count = count_of(&s), crossed = speed > 0 ? count : count + 1;
        if (count != before)
            CHECK_NEAR(edge_of(&s), floor((crossed - 0.25) * STEP_RAD / speed * TIMER_HZ), 1.0);
        before = count;
    }
    CHECK(before != 0.0);
    shaft_close(&s);
}

static void without_an_edge_the_capture_stays(void)
{
    struct shaft s;
    shaft_open(&s);
    turn(&s, 0.2 * STEP_RAD);
    turn(&s, 1.2 * STEP_RAD);
    double captured = edge_of(&s);
    CHECK_NEAR(captured, 0.8 * DT_S * TIMER_HZ, 1.0);
    for (unsigned k = 0; k < 100; k++)
        turn(&s, (1.2 + 0.005 * k) * STEP_RAD);
    CHECK_SAME(edge_of(&s), captured);
    shaft_close(&s);
}

static void counter_and_timer_wrap_at_32_bits(void)
{
    struct shaft s;
    shaft_open_at(&s, 0x1p31 - 2, 1e9, 1.0);
    for (unsigned k = 0; k < 20; k++) {
        turn(&s, k * STEP_RAD * 1.0000001);
        CHECK_SAME(count_of(&s), k < 2 ? 0x1p31 - 2 + k : -0x1p31 + (k - 2));
        CHECK_NEAR(edge_of(&s), fmod(floor(k / 1.0000001 * 1e9), 0x1p32), 1.0);
    }
    shaft_close(&s);
}

static void a_lost_sample_of_the_angle_loses_no_count(void)
{
    struct shaft s;
    shaft_open(&s);
    for (unsigned k = 0; k < 39; k++)
        turn(&s, k % 8 == 5 ? NAN : 2.3 * k * STEP_RAD);
    CHECK_SAME(count_of(&s), floor(2.3 * 38));
    CHECK_NEAR(edge_of(&s), 87 / 2.3 * DT_S * TIMER_HZ, 1.0);
    shaft_close(&s);
}

/* ---- the speed ---- */

/* Largest error in `n` samples at constant speed, after the first two edges. */
static double worst_error(struct shaft *s, double speed, unsigned n)
{
    double worst = 0.0, per_sample = fabs(speed) * s->dt_s / STEP_RAD;
    for (unsigned k = 0; k < n; k++) {
        double error = fabs(turn(s, speed * s->dt_s * k) - speed);
        if (per_sample * k > 2.5 && error > worst)
            worst = error;
    }
    return worst;
}

/* The timer cuts both edges to whole ticks. Between the last edges of two samples lies at least a step, and at least a
 * sample less a step. */
static void steady_speed_is_exact_to_the_timer(double speed)
{
    struct shaft s;
    shaft_open(&s);
    double between_s = fmax(STEP_RAD / fabs(speed), DT_S - STEP_RAD / fabs(speed));
    double worst = worst_error(&s, speed, 3000);
    CHECK_NEAR(worst, 0.0, fabs(speed) * 2.0 / (between_s * TIMER_HZ));
    shaft_close(&s);
}

/* Plain counting sees whole counts per sample: its error reaches nearly a count per sample when the speed is no whole number
 * of them. */
static void timing_is_a_thousand_times_finer_than_counting(void)
{
    const double per_sample[] = {0.1, 0.45, 1.5, 3.7};
    for (unsigned i = 0; i < 4; i++) {
        struct shaft s;
        shaft_open(&s);
        double speed = per_sample[i] * STEP_RAD / DT_S, part = per_sample[i] - floor(per_sample[i]);
        double counting = fmax(part, 1.0 - part) * STEP_RAD / DT_S;
        CHECK(worst_error(&s, speed, 2000) < 1e-3 * counting);
        shaft_close(&s);
    }
}

static void a_wrap_is_no_jump_of_the_speed(double speed)
{
    struct shaft s;
    double first = speed > 0 ? 0x1p31 - 1000 : -0x1p31 + 1000;
    shaft_open_at(&s, first, 1e9, DT_S);
    CHECK_NEAR(worst_error(&s, speed, 10000), 0.0, fabs(speed) * 1e-5);
    CHECK(first * count_of(&s) < 0.0); /* the counter has wrapped, and in these 10 s the timer twice */
    shaft_close(&s);
}

static void a_shaft_that_stops_is_seen_to_slow_down_and_then_to_stand(void)
{
    struct shaft s;
    shaft_open(&s);
    double angle = 0.0, before = 0.0, y;
    for (unsigned k = 0; k < 100; k++)
        before = turn(&s, angle += 2.0 * STEP_RAD);
    CHECK_NEAR(before, 2.0 * STEP_RAD / DT_S, 1e-4);
    for (unsigned k = 1; k < 200; k++, before = y) {
        y = turn(&s, angle);
        CHECK(y <= before && y <= STEP_RAD / (k * DT_S) * (1 + 1e-12));
        CHECK(k * DT_S > 0.1 + 1e-9 ? y == 0.0 : k * DT_S > 0.1 - 1e-9 || y > 0.0);
    }
    shaft_close(&s);
}

/* A line that delivers late looks like a shaft that has stopped; only what lasts longer is one. */
static void late_samples_are_no_standstill(void)
{
    struct shaft s;
    shaft_open(&s);
    *harness_param(&s.speed, "late_samples") = 3.0;
    double angle = 0.0, before = 0.0;
    for (unsigned k = 0; k < 100; k++)
        before = turn(&s, angle += 3.0 * STEP_RAD);
    for (unsigned late = 1; late <= 3; late++)
        CHECK_SAME(harness_pass2(&s.speed, count_of(&s), edge_of(&s)), before);
    CHECK_NEAR(harness_pass2(&s.speed, count_of(&s), edge_of(&s)), STEP_RAD / DT_S, 1e-9);
    shaft_close(&s);
}

/* The mean value theorem: what is measured between two edges is a speed that the shaft had between them, also when it
 * has turned round there. */
static void a_measured_speed_is_one_that_the_shaft_had(double amplitude_steps)
{
    struct shaft s;
    shaft_open(&s);
    const double w = 2 * PI * 1.3;
    unsigned last_edge = 0, edges = 0;
    double captured = 0.0;
    for (unsigned k = 0; k < 20000; k++) {
        double y = turn(&s, amplitude_steps * STEP_RAD * sin(w * k * DT_S));
        if (edge_of(&s) == captured)
            continue;
        double lo = HUGE_VAL, hi = -HUGE_VAL;
        for (double t = (last_edge ? last_edge - 1 : 0) * DT_S; t <= k * DT_S; t += 1e-4) {
            double speed = amplitude_steps * STEP_RAD * w * cos(w * t);
            lo = fmin(lo, speed), hi = fmax(hi, speed);
        }
        double slack =
            0.02 * amplitude_steps * STEP_RAD * w; /* the encoder takes the way between two samples as straight */
        if (edges++ > 2)
            CHECK(y >= lo - slack && y <= hi + slack);
        captured = edge_of(&s);
        last_edge = k;
    }
    CHECK(edges > 26 * (unsigned)amplitude_steps);
    shaft_close(&s);
}

/* Where the shaft turns round, it crosses one edge twice and has come no way in between. */
static void an_edge_crossed_again_is_no_way(double direction)
{
    struct shaft s;
    shaft_open(&s);
    double step = 0.3 * direction, at = 0.35, speed = step * STEP_RAD / DT_S, count = 0.0, y = 0.0;
    unsigned edges = 0;
    for (unsigned k = 0; k < 20; k++)
        y = turn(&s, (at += step) * STEP_RAD);
    CHECK_NEAR(y, speed, 1e-4 * fabs(speed));
    count = count_of(&s);
    for (unsigned k = 0; k < 20; k++) {
        y = turn(&s, (at -= step) * STEP_RAD);
        if (count_of(&s) != count)
            CHECK_NEAR(y, edges++ == 0 ? 0.0 : -speed, 1e-4 * fabs(speed));
        count = count_of(&s);
    }
    CHECK(edges >= 5);
    shaft_close(&s);
}

static void a_stuck_timer_leaves_plain_counting(void)
{
    struct shaft s;
    shaft_open(&s);
    double mean = 0.0;
    for (unsigned k = 0; k < 1000; k++) {
        harness_pass(&s.encoder, 2.5 * k * STEP_RAD);
        double y = harness_pass2(&s.speed, count_of(&s), 12345.0), counted = y * DT_S / STEP_RAD;
        if (k > 0)
            CHECK(fabs(counted - 2.0) < 1e-9 || fabs(counted - 3.0) < 1e-9);
        mean += counted / 999;
    }
    CHECK_NEAR(mean, 2.5, 1e-3);
    shaft_close(&s);
}

static void a_stuck_counter_reads_as_standstill(void)
{
    struct shaft s;
    shaft_open(&s);
    for (unsigned k = 0; k < 50; k++)
        turn(&s, 2.5 * k * STEP_RAD);
    double stuck = count_of(&s);
    for (unsigned k = 50; k < 100; k++) {
        harness_pass(&s.encoder, 2.5 * k * STEP_RAD);
        CHECK_SAME(harness_pass2(&s.speed, stuck, edge_of(&s)), 0.0);
    }
    shaft_close(&s);
}

static void a_lost_sample_of_the_counter_costs_that_sample_only(void)
{
    struct shaft s;
    shaft_open(&s);
    double speed = 3.3 * STEP_RAD / DT_S;
    for (unsigned k = 0; k < 100; k++) {
        harness_pass(&s.encoder, speed * DT_S * k);
        double y = harness_pass2(&s.speed, k % 10 == 7 ? NAN : count_of(&s), edge_of(&s));
        if (k > 2 && k % 10 != 7)
            CHECK_NEAR(y, speed, 1e-4 * speed);
    }
    shaft_close(&s);
}

/* After 2^31 ticks without an edge, 26 s at 84 MHz, the timer cannot tell how long it was. */
static void a_long_standstill_does_not_make_the_first_edge_fast(void)
{
    struct shaft s;
    shaft_open(&s);
    for (unsigned k = 0; k < 10; k++)
        turn(&s, k * STEP_RAD);
    unsigned wrap = (unsigned)(0x1p32 / (TIMER_HZ * DT_S)) + 5; /* the timer shows 5 samples more, modulo 2^32 */
    for (unsigned k = 0; k < wrap; k++)
        turn(&s, 9.5 * STEP_RAD);
    double y = turn(&s, 10.5 * STEP_RAD);
    CHECK_NEAR(y, STEP_RAD / (wrap * DT_S), 0.01 * STEP_RAD / (wrap * DT_S));
    shaft_close(&s);
}

static void a_timer_or_an_encoder_without_counts_is_refused(void)
{
    const char *const types[] = {"encoder", "mt_speed"}, *const fields[] = {"counts_per_rev", "timer_hz"};
    const double wrong[] = {0.0, -1.0, NAN, HUGE_VAL};
    for (unsigned i = 0; i < 16; i++) {
        struct harness h;
        harness_open(&h, types[i % 2], DT_S);
        CHECK(harness_refused(&h) == NULL);
        harness_set(&h, fields[i / 2 % 2], wrong[i / 4]);
        CHECK(harness_refused(&h) != NULL);
    }
}

int main(void)
{
    const double speeds[] = {4e-3, 0.05, 0.2, 1.0, 7.7, 100.0, 1000.0};
    count_is_the_whole_steps_of_the_angle();
    without_an_edge_the_capture_stays();
    counter_and_timer_wrap_at_32_bits();
    a_lost_sample_of_the_angle_loses_no_count();
    for (unsigned i = 0; i < sizeof speeds / sizeof *speeds; i++) {
        edge_is_timed_where_the_shaft_crosses_it(speeds[i]);
        edge_is_timed_where_the_shaft_crosses_it(-speeds[i]);
        steady_speed_is_exact_to_the_timer(speeds[i]);
        steady_speed_is_exact_to_the_timer(-speeds[i]);
    }
    timing_is_a_thousand_times_finer_than_counting();
    a_wrap_is_no_jump_of_the_speed(0.7);
    a_wrap_is_no_jump_of_the_speed(-0.7);
    a_shaft_that_stops_is_seen_to_slow_down_and_then_to_stand();
    late_samples_are_no_standstill();
    a_measured_speed_is_one_that_the_shaft_had(3.4);
    a_measured_speed_is_one_that_the_shaft_had(250.0);
    an_edge_crossed_again_is_no_way(1.0);
    an_edge_crossed_again_is_no_way(-1.0);
    a_stuck_timer_leaves_plain_counting();
    a_stuck_counter_reads_as_standstill();
    a_lost_sample_of_the_counter_costs_that_sample_only();
    a_long_standstill_does_not_make_the_first_edge_fast();
    a_timer_or_an_encoder_without_counts_is_refused();
    return failures != 0;
}
