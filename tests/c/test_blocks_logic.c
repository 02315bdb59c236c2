/* Boolean and sequential blocks. */
#include "block_harness.h"

static void comparator_switches_back_after_its_hysteresis(int below)
{
    const double u[] = {0, 4.9, 5.0, 4.5, 4.0, 3.9, 4.5, 6, NAN, 3, NAN, 5};
    const double y[] = {0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 0, 1};
    struct harness h;
    harness_open(&h, "comparator", 0.01);
    harness_set(&h, "level", below ? -2.0 : 2.0);
    harness_set(&h, "hysteresis", 1.0);
    harness_set(&h, "on_when", below);
    harness_start(&h);
    for (int k = 0; k < 12; k++) /* mirrored for `below` */
        CHECK_SAME(below ? harness_pass2(&h, -u[k], -3.0) : harness_pass2(&h, u[k], 3.0), y[k]);
    harness_close(&h);
}

static void logic_gives_its_truth_table(int op, const int *wanted)
{
    struct harness h;
    harness_open(&h, "logic", 0.01);
    harness_set(&h, "op", op);
    h.block.n_in = 3;
    harness_start(&h);
    for (unsigned word = 0; word < 8; word++) {
        unsigned n_true = 0;
        for (unsigned i = 0; i < 3; i++) {
            *harness_in(&h, i) = word >> i & 1 ? 0.5 : 0.4999;
            n_true += word >> i & 1;
        }
        harness_tick(&h);
        CHECK_SAME(harness_out(&h, 0), wanted[n_true]);
    }
    harness_close(&h);
}

static void logic_gives_its_truth_tables(void)
{
    const int wanted[5][4] = {{0, 0, 0, 1}, {0, 1, 1, 1}, {1, 1, 1, 0}, {1, 0, 0, 0}, {0, 1, 0, 1}};
    for (int op = 0; op < 5; op++)
        logic_gives_its_truth_table(op, wanted[op]);
    struct harness h;
    harness_open(&h, "logic", 0.01);
    harness_set(&h, "op", 5);
    h.block.n_in = 2;
    CHECK(harness_refused(&h) != NULL);
    h.block.n_in = 1;
    harness_start(&h);
    CHECK_SAME(harness_pass(&h, 1.0), 0.0);
    CHECK_SAME(harness_pass(&h, 0.0), 1.0);
    CHECK_SAME(harness_pass(&h, NAN), 1.0);
    harness_close(&h);
}

static void on_delay_needs_its_input_for_the_whole_time(double dt_s, int samples)
{
    struct harness h;
    harness_open(&h, "on_delay", dt_s);
    harness_set(&h, "delay_s", samples / round(1.0 / dt_s));
    harness_start(&h);
    for (int k = 0; k < samples; k++)
        CHECK_SAME(harness_pass(&h, 1.0), 0.0);
    CHECK_NEAR(harness_out(&h, 1), (samples - 1) * dt_s, 1e-12);
    CHECK_SAME(harness_pass(&h, 0.0), 0.0); /* one sample too short: starts again */
    for (int k = 0; k < 3 * samples; k++)
        CHECK_SAME(harness_pass(&h, 1.0), k >= samples);
    CHECK_NEAR(harness_out(&h, 1), samples * dt_s, 1e-12);
    CHECK_SAME(harness_pass(&h, NAN), 0.0);
    CHECK_SAME(harness_out(&h, 1), 0.0);
    harness_close(&h);
}

static void off_delay_holds_for_the_whole_time(double dt_s, int samples)
{
    struct harness h;
    harness_open(&h, "off_delay", dt_s);
    harness_set(&h, "delay_s", samples / round(1.0 / dt_s));
    harness_start(&h);
    CHECK_SAME(harness_pass(&h, 0.0), 0.0);
    CHECK_SAME(harness_out(&h, 1), 0.0);
    CHECK_SAME(harness_pass(&h, 1.0), 1.0);
    CHECK_SAME(harness_out(&h, 1), 0.0);
    for (int k = 0; k < samples; k++)
        CHECK_SAME(harness_pass(&h, 0.0), 1.0);
    CHECK_SAME(harness_pass(&h, 1.0), 1.0); /* just in time: starts again */
    for (int k = 0; k < 3 * samples; k++) {
        CHECK_SAME(harness_pass(&h, 0.0), k < samples);
        CHECK_NEAR(harness_out(&h, 1), fmin(k, samples) * dt_s, 1e-12);
    }
    harness_close(&h);
}

static void counter_counts_rising_edges(void)
{
    const double up[] = {1, 1, 0, 1, NAN, 1, 0, 1, 1, 0, 1}, reset[] = {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0};
    const double count[] = {1, 1, 1, 2, 2, 3, 3, 0, 0, 0, 1};
    struct harness h;
    harness_open(&h, "counter", 0.01);
    harness_set(&h, "preset", 2.0);
    harness_start(&h);
    for (int k = 0; k < 11; k++) {
        CHECK_SAME(harness_pass2(&h, up[k], reset[k]), count[k]);
        CHECK_SAME(harness_out(&h, 1), count[k] >= 2.0);
    }
    harness_close(&h);
}

static void latch_keeps_and_one_input_dominates(int dominant)
{
    const double set[] = {0, 1, 0, NAN, 0, 0, 1, 0}, reset[] = {0, 0, 0, NAN, 1, 0, 1, 0};
    const double set_wins[] = {0, 1, 1, 1, 0, 0, 1, 1}, reset_wins[] = {0, 1, 1, 1, 0, 0, 0, 0};
    struct harness h;
    harness_open(&h, "latch", 0.01);
    harness_set(&h, "dominant", dominant);
    harness_start(&h);
    for (int k = 0; k < 8; k++)
        CHECK_SAME(harness_pass2(&h, set[k], reset[k]), dominant ? reset_wins[k] : set_wins[k]);
    harness_close(&h);
}

static void edge_lasts_one_sample(void)
{
    const double u[] = {1, 1, 0, 0, 1, 0};
    const double y[3][6] = {{1, 0, 0, 0, 1, 0}, {0, 0, 1, 0, 0, 1}, {1, 0, 1, 0, 1, 1}};
    for (int kind = 0; kind < 3; kind++) {
        struct harness h;
        harness_open(&h, "edge", 0.01);
        harness_set(&h, "kind", kind);
        harness_start(&h);
        for (int k = 0; k < 6; k++)
            CHECK_SAME(harness_pass(&h, u[k]), y[kind][k]);
        harness_close(&h);
    }
}

static void selector_takes_the_indexed_input(void)
{
    const double index[] = {0, 0.49, 0.5, 1, 1.6, 2, 9, 1e300, HUGE_VAL, -1, -HUGE_VAL, NAN};
    const double y[] = {10, 10, 20, 20, 30, 30, 30, 30, 30, 10, 10, 10};
    struct harness h;
    harness_open(&h, "selector", 0.01);
    h.block.n_in = 4;
    harness_start(&h);
    for (unsigned i = 1; i < 4; i++)
        *harness_in(&h, i) = 10.0 * i;
    for (int k = 0; k < 12; k++)
        CHECK_SAME(harness_pass(&h, index[k]), y[k]);
    harness_close(&h);
}

int main(void)
{
    comparator_switches_back_after_its_hysteresis(0);
    comparator_switches_back_after_its_hysteresis(1);
    logic_gives_its_truth_tables();
    on_delay_needs_its_input_for_the_whole_time(0.001, 7);
    on_delay_needs_its_input_for_the_whole_time(0.1, 3);
    off_delay_holds_for_the_whole_time(0.001, 7);
    off_delay_holds_for_the_whole_time(0.1, 3);
    counter_counts_rising_edges();
    latch_keeps_and_one_input_dominates(0);
    latch_keeps_and_one_input_dominates(1);
    edge_lasts_one_sample();
    selector_takes_the_indexed_input();
    return failures != 0;
}
