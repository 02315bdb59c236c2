/* Detectors and data quality, one block alone: against the definitions, and with samples that are no numbers. */
#include "block_harness.h"

static double wave(unsigned k) { return sin(0.9 * k) + 0.7 * cos(2.3 * k * k); }

static void cusum_is_page_s_recursion(void)
{
    struct harness h;
    double high = 0.0, low = 0.0;
    harness_open(&h, "cusum", 0.01);
    harness_set(&h, "threshold", 3.0);
    harness_set(&h, "slack", 0.25);
    harness_set(&h, "scale", 2.0);
    harness_set(&h, "target", 0.5);
    harness_start(&h);
    for (unsigned k = 0; k < 500; k++) {
        double u = 2.0 * wave(k) + (k > 250 ? 2.0 : 0.0), z = (u - 0.5) / 2.0;
        high = fmin(fmax(0.0, high + z - 0.25), 6.0);
        low = fmin(fmax(0.0, low - z - 0.25), 6.0);
        CHECK_SAME(harness_pass(&h, u), high >= 3.0 || low >= 3.0);
        CHECK_NEAR(harness_out(&h, 1), high, 1e-12);
        CHECK_NEAR(harness_out(&h, 2), low, 1e-12);
    }
    harness_close(&h);
}

static void cusum_restarts_and_looks_to_one_side(void)
{
    struct harness h;
    harness_open(&h, "cusum", 0.01);
    harness_set(&h, "threshold", 2.0);
    harness_set(&h, "after_alarm", 1);
    harness_set(&h, "sides", 2);
    harness_start(&h);
    for (unsigned k = 1; k <= 12; k++) /* each step adds 0.5: at the threshold every fourth one */
        CHECK_SAME(harness_pass(&h, -1.0), k % 4 == 0);
    for (unsigned k = 0; k < 100; k++)
        CHECK_SAME(harness_pass(&h, 1.0), 0.0);
    harness_close(&h);
}

static void cusum_alarm_ends_when_its_cause_is_gone(void)
{
    struct harness h;
    harness_open(&h, "cusum", 0.01);
    harness_set(&h, "threshold", 5.0);
    harness_start(&h);
    for (unsigned k = 0; k < 10000; k++)
        harness_pass(&h, 3.0);
    CHECK_SAME(harness_out(&h, 0), 1.0);
    unsigned k = 0;
    while (harness_pass(&h, 0.0) > 0.0 && k < 100)
        k++;
    CHECK_SAME(k, 10); /* from 10 to below 5 in steps of 0.5 */
    harness_pass2(&h, 100.0, 1.0);
    CHECK_SAME(harness_out(&h, 0) + harness_out(&h, 1), 0.0);
    harness_close(&h);
}

static void page_hinkley_learns_the_mean_and_finds_its_change(void)
{
    struct harness h;
    double mean = 0.0;
    harness_open(&h, "page_hinkley", 0.01);
    harness_set(&h, "threshold", 8.0);
    harness_set(&h, "mean_samples", 50);
    harness_start(&h);
    for (unsigned k = 0; k < 50; k++) {
        CHECK_SAME(harness_pass(&h, 100.0 + wave(k)), 0.0);
        mean += (100.0 + wave(k)) / 50.0;
    }
    CHECK_NEAR(harness_out(&h, 3), mean, 1e-12);
    for (unsigned k = 50; k < 90; k++)
        CHECK_SAME(harness_pass(&h, mean), 0.0);
    unsigned k = 0;
    while (harness_pass(&h, mean + 3.0) == 0.0 && k < 20)
        k++;
    CHECK(k >= 2 && k <= 5);
    for (k = 0; k < 2000; k++)
        harness_pass(&h, mean + 3.0);
    CHECK_SAME(harness_out(&h, 0), 0.0); /* the new level is the mean now */
    harness_close(&h);
}

static void nis_test_is_the_mean_of_its_window(void)
{
    struct harness h;
    double q[400];
    harness_open(&h, "nis_test", 0.01);
    harness_set(&h, "window", 7);
    harness_set(&h, "low", 0.3);
    harness_set(&h, "high", 0.9);
    harness_start(&h);
    *harness_in(&h, 2) = 4.0;
    for (unsigned k = 0; k < 400; k++) {
        double v = wave(k), sum = 0.0;
        unsigned from = k < 6 ? 0 : k - 6;
        q[k] = 0.1 + v * v / 4.0;
        for (unsigned i = from; i <= k; i++)
            sum += q[i];
        double mean = sum / (k - from + 1);
        *harness_in(&h, 1) = v;
        harness_pass(&h, 0.1);
        CHECK_NEAR(harness_out(&h, 1), mean, 1e-13);
        if (fabs(mean - 0.3) > 1e-9 && fabs(mean - 0.9) > 1e-9)
            CHECK_SAME(harness_out(&h, 0), k >= 6 && (mean > 0.9 || mean < 0.3));
    }
    harness_close(&h);
}

static void nis_test_begins_with_an_empty_window_after_an_alarm(void)
{
    struct harness h;
    harness_open(&h, "nis_test", 0.01);
    harness_set(&h, "window", 4);
    harness_set(&h, "high", 2.0);
    harness_set(&h, "after_alarm", 1);
    harness_start(&h);
    *harness_in(&h, 2) = 1.0;
    for (unsigned k = 1; k <= 40; k++)
        CHECK_SAME(harness_pass(&h, 3.0), k % 4 == 0);
    for (unsigned k = 1; k <= 40; k++) {
        CHECK_SAME(harness_pass(&h, 1.0), 0.0);
        CHECK_SAME(harness_out(&h, 1), 1.0); /* nothing is left of the last window */
    }
    harness_close(&h);
}

static double ljung_box(const double *v, unsigned n, unsigned lags, double *first)
{
    double power = 0.0, q = 0.0;
    for (unsigned i = 0; i < n; i++)
        power += v[i] * v[i];
    for (unsigned l = 1; l <= lags; l++) {
        double sum = 0.0;
        for (unsigned i = l; i < n; i++)
            sum += v[i] * v[i - l];
        q += sum / power * (sum / power) / (n - l);
        if (l == 1)
            *first = sum / power;
    }
    return n * (n + 2.0) * q;
}

static void whiteness_is_ljung_and_box_s_statistic(void)
{
    struct harness h;
    double v[60], first = 0.0, q = 0.0;
    harness_open(&h, "whiteness", 0.01);
    harness_set(&h, "window", 60);
    harness_set(&h, "lags", 3);
    harness_set(&h, "threshold", 40.0);
    harness_start(&h);
    for (unsigned k = 0; k < 600; k++) {
        v[k % 60] = wave(k) * 1e-3 + (k >= 300 ? 3e-3 : 0.0);
        harness_pass(&h, v[k % 60]);
        if (k % 60 == 59)
            q = ljung_box(v, 60, 3, &first);
        CHECK_NEAR(harness_out(&h, 1), q, 1e-9);
        CHECK_NEAR(harness_out(&h, 2), first, 1e-12);
        CHECK_SAME(harness_out(&h, 0), q > 40.0);
    }
    CHECK(q > 40.0); /* the offset makes neighbours alike */
    for (unsigned k = 0; k < 60; k++)
        harness_pass(&h, 0.0);
    CHECK_SAME(harness_out(&h, 1), 0.0);
    harness_close(&h);
}

static void detectors_leave_out_what_is_no_sample(void)
{
    static const char *const types[] = {"cusum", "page_hinkley", "nis_test", "whiteness"};
    const double none[] = {NAN, HUGE_VAL, -HUGE_VAL, 1e300};
    for (int t = 0; t < 4; t++) {
        struct harness with, without;
        struct harness *both[] = {&with, &without};
        for (int i = 0; i < 2; i++) {
            harness_open(both[i], types[t], 0.01);
            if (t == 1)
                harness_set(both[i], "mean_samples", 5);
            if (t >= 2)
                harness_set(both[i], "window", 20);
            harness_set(both[i], t == 2 ? "high" : "threshold", 1.5);
            harness_start(both[i]);
            if (t == 2)
                *harness_in(both[i], 2) = 1.0;
        }
        for (unsigned k = 0; k < 200; k++) {
            if (k % 7 == 3)
                harness_pass(&with, none[k % 4]);
            if (k % 7 == 5) {
                unsigned char *status = &with.state[with.block.status + with.in[0]];
                *status = k % 2 ? HIL_BAD : HIL_STALE;
                harness_pass(&with, 3.0);
                *status = HIL_GOOD;
            }
            harness_pass(&with, fabs(wave(k)));
            harness_pass(&without, fabs(wave(k)));
            for (uint32_t i = 0; i < with.n_state; i++)
                CHECK_SAME(hil_mem(&with.block, with.state)[i], hil_mem(&without.block, without.state)[i]);
        }
        harness_close(&with);
        harness_close(&without);
    }
}

/* ---- data_quality ---- */

enum { GAP = 1, RANGE = 2, RATE = 4, SPIKE = 8, STUCK = 16, CROSS = 32, RECOVERING = 64 };

static void quality_open(struct harness *h, const char *param, double value)
{
    harness_open(h, "data_quality", 0.1);
    harness_set(h, param, value);
    harness_start(h);
}

/* The reason for this sample; the status must agree with it. */
static double reason(struct harness *h, double u)
{
    harness_pass(h, u);
    double why = harness_out(h, 2);
    CHECK_SAME(harness_out(h, 1), why != 0.0);
    CHECK_SAME(!!(h->state[h->block.status + h->out[0]] & HIL_BAD), why != 0.0);
    return why;
}

static void quality_of_range_and_rate(void)
{
    struct harness h;
    harness_open(&h, "data_quality", 0.1);
    harness_set(&h, "range_lo", -1.0);
    harness_set(&h, "range_hi", 10.0);
    harness_set(&h, "rate_per_s", 20.0);
    harness_start(&h);
    CHECK_SAME(reason(&h, 9.0), 0);
    CHECK_SAME(reason(&h, 10.5), RANGE);
    CHECK_SAME(harness_out(&h, 0), 10.5); /* the value is kept, only its status says bad */
    CHECK_SAME(reason(&h, 8.6), 0);
    CHECK_SAME(reason(&h, 6.4), RATE);
    CHECK_SAME(reason(&h, 4.5), 0);
    CHECK_SAME(reason(&h, -2.0), RANGE | RATE);
    CHECK_SAME(reason(&h, NAN), GAP);
    CHECK_SAME(reason(&h, 1.9), 0); /* 3.9 in two samples */
    harness_close(&h);
}

static void quality_of_spikes_but_not_of_steps(void)
{
    struct harness h;
    quality_open(&h, "spike", 1.0);
    for (int k = 0; k < 6; k++)
        CHECK_SAME(reason(&h, 0.1 * (k % 2)), 0);
    CHECK_SAME(reason(&h, 5.0), SPIKE);
    CHECK_SAME(reason(&h, 5.0), SPIKE);
    CHECK_SAME(reason(&h, 0.1), 0);
    for (int k = 0; k < 5; k++)
        CHECK_SAME(reason(&h, 0.1), 0);
    for (int k = 0; k < 8; k++)
        CHECK_SAME(reason(&h, 5.0), k < 3 ? SPIKE : 0); /* three of five samples are there: a step */
    harness_close(&h);
}

static void quality_of_a_stuck_signal(void)
{
    struct harness h;
    harness_open(&h, "data_quality", 0.1);
    harness_set(&h, "stuck_s", 0.3);
    harness_set(&h, "stuck_band", 0.01);
    harness_start(&h);
    CHECK_SAME(reason(&h, 1.0), 0);
    CHECK_SAME(reason(&h, 1.005), 0);
    CHECK_SAME(reason(&h, 0.995), 0);
    CHECK_SAME(reason(&h, 1.0), STUCK); /* 0.3 s after it came there */
    CHECK_SAME(reason(&h, 1.0), STUCK);
    CHECK_SAME(reason(&h, 1.02), 0);
    CHECK_SAME(reason(&h, 1.03), 0);
    harness_close(&h);
}

static void quality_of_gaps_bridges_short_ones(void)
{
    struct harness h;
    quality_open(&h, "gap_s", 0.2);
    CHECK_SAME(reason(&h, NAN), GAP); /* there was nothing yet */
    CHECK_SAME(reason(&h, 3.0), 0);
    for (int k = 1; k < 5; k++) {
        CHECK_SAME(reason(&h, k % 2 ? NAN : HUGE_VAL), k > 2 ? GAP : 0);
        CHECK_SAME(harness_out(&h, 0), 3.0);
        CHECK(h.state[h.block.status + h.out[0]] != 0); /* stale at least */
    }
    CHECK_SAME(reason(&h, 4.0), 0);
    h.state[h.block.status + h.in[0]] = HIL_STALE; /* a device that does not answer leaves its last value */
    CHECK_SAME(reason(&h, 4.0), 0);
    CHECK_SAME(h.state[h.block.status + h.out[0]], HIL_STALE);
    CHECK_SAME(reason(&h, 4.0), 0);
    CHECK_SAME(reason(&h, 4.0), GAP);
    h.state[h.block.status + h.in[0]] = HIL_FAULTED; /* is carried on */
    CHECK_SAME(reason(&h, 4.0), 0);
    CHECK_SAME(h.state[h.block.status + h.out[0]], HIL_FAULTED);
    harness_close(&h);
}

static void quality_against_a_reference(void)
{
    struct harness h;
    quality_open(&h, "cross_check", 0.5);
    harness_pass2(&h, 1.0, 1.4);
    CHECK_SAME(harness_out(&h, 2), 0);
    harness_pass2(&h, 1.0, 1.6);
    CHECK_SAME(harness_out(&h, 2), CROSS);
    h.state[h.block.status + h.in[1]] = HIL_BAD; /* says nothing about u */
    harness_pass2(&h, 1.0, 1.6);
    CHECK_SAME(harness_out(&h, 2), 0);
    CHECK_SAME(h.state[h.block.status + h.out[0]], 0);
    h.state[h.block.status + h.in[1]] = 0;
    harness_pass2(&h, 1.0, NAN);
    CHECK_SAME(harness_out(&h, 2), 0);
    harness_close(&h);
}

static void quality_comes_back_after_a_while(void)
{
    struct harness h;
    harness_open(&h, "data_quality", 0.1);
    harness_set(&h, "range_hi", 1.0);
    harness_set(&h, "recover_s", 0.3);
    harness_start(&h);
    CHECK_SAME(reason(&h, 0.0), 0);
    CHECK_SAME(reason(&h, 2.0), RANGE);
    CHECK_SAME(reason(&h, 0.0), RECOVERING);
    CHECK_SAME(reason(&h, 2.0), RANGE);
    CHECK_SAME(reason(&h, 0.0), RECOVERING);
    CHECK_SAME(reason(&h, 0.0), RECOVERING);
    CHECK_SAME(reason(&h, 0.0), 0);
    harness_close(&h);
}

static void bad_configuration_is_refused(void)
{
    static const struct {
        const char *type, *field;
        double value;
    } bad[] = {
        {"cusum", "threshold", NAN},
        {"cusum", "scale", 0.0},
        {"page_hinkley", "mean_samples", 1.0},
        {"nis_test", "window", 0.0},
        {"nis_test", "window", 2.5},
        {"nis_test", "high", NAN},
        {"whiteness", "lags", 65.0},
        {"whiteness", "window", 3.0},
        {"whiteness", "threshold", NAN},
        {"data_quality", "range_hi", -HUGE_VAL},
        {"data_quality", "range_lo", HUGE_VAL},
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct harness h;
        harness_open(&h, bad[i].type, 0.01);
        if (harness_field(&h, "window") >= 0)
            harness_set(&h, "window", 50);
        for (unsigned k = 0; k < h.n_params; k++)
            if (isnan(h.params[k]))
                h.params[k] = 1.0;
        if (strcmp(bad[i].field, "range_hi") == 0)
            harness_set(&h, "range_lo", 1.0);
        if (strcmp(bad[i].field, "range_lo") == 0)
            harness_set(&h, "range_hi", 1.0);
        CHECK(harness_refused(&h) == NULL);
        harness_set(&h, bad[i].field, bad[i].value);
        CHECK(harness_refused(&h) != NULL);
    }
}

int main(void)
{
    cusum_is_page_s_recursion();
    cusum_restarts_and_looks_to_one_side();
    cusum_alarm_ends_when_its_cause_is_gone();
    page_hinkley_learns_the_mean_and_finds_its_change();
    nis_test_is_the_mean_of_its_window();
    nis_test_begins_with_an_empty_window_after_an_alarm();
    whiteness_is_ljung_and_box_s_statistic();
    detectors_leave_out_what_is_no_sample();
    quality_of_range_and_rate();
    quality_of_spikes_but_not_of_steps();
    quality_of_a_stuck_signal();
    quality_of_gaps_bridges_short_ones();
    quality_against_a_reference();
    quality_comes_back_after_a_while();
    bad_configuration_is_refused();
    return failures != 0;
}
