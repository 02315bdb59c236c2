/* Sources: what they put out, and at which sample. */
#include "block_harness.h"

static void step_comes_at_its_sample_for_any_rate(void)
{
    for (unsigned k = 1; k < 3000; k += 7) {
        struct harness h;
        harness_open(&h, "step", 0.001);
        harness_set(&h, "before", -2.0);
        harness_set(&h, "after", 5.0);
        harness_set(&h, "start_s", k / 1000.0); /* not always the double k * 0.001 */
        harness_start(&h);
        for (unsigned i = 0; i < k; i++)
            CHECK_SAME(harness_source(&h), -2.0);
        CHECK_SAME(harness_source(&h), 5.0);
        harness_close(&h);
    }
}

static void ramp_rises_for_its_duration(void)
{
    struct harness h;
    harness_open(&h, "ramp", 0.1);
    harness_set(&h, "offset", 1.0);
    harness_set(&h, "slope_per_s", 2.0);
    harness_set(&h, "start_s", 0.5);
    harness_set(&h, "duration_s", 1.0);
    harness_start(&h);
    for (unsigned k = 0; k < 30; k++) {
        double t = fmin(fmax(k * 0.1 - 0.5, 0.0), 1.0);
        CHECK_NEAR(harness_source(&h), 1.0 + 2.0 * t, 1e-12);
    }
    harness_close(&h);
}

static void sine_has_amplitude_phase_and_frequency(void)
{
    struct harness h;
    harness_open(&h, "sine", 0.001);
    harness_set(&h, "offset", 3.0);
    harness_set(&h, "amplitude", 2.0);
    harness_set(&h, "frequency_hz", 50.0);
    harness_set(&h, "phase_rad", 0.3);
    harness_set(&h, "start_s", 0.1);
    harness_start(&h);
    for (unsigned k = 0; k < 100; k++)
        CHECK_SAME(harness_source(&h), 3.0);
    for (unsigned k = 0; k < 1000; k++)
        CHECK_NEAR(harness_source(&h), 3.0 + 2.0 * sin(6.283185307179586 * 50.0 * (k * 0.001) + 0.3), 1e-9);
    harness_close(&h);
}

static void sine_repeats_after_a_day(void)
{
    struct harness h;
    harness_open(&h, "sine", 0.001);
    harness_set(&h, "frequency_hz", 10.0);
    harness_start(&h);
    ((struct hil_state *)(void *)h.state)->tasks[0].sample = 86400000u + 25u;
    CHECK_NEAR(harness_source(&h), 1.0, 1e-9); /* a quarter of a period */
    harness_close(&h);
}

static void square_has_its_duty_and_no_late_edge(void)
{
    struct harness h;
    harness_open(&h, "square", 0.001);
    harness_set(&h, "frequency_hz", 10.0);
    harness_set(&h, "duty", 0.3);
    harness_start(&h);
    for (unsigned k = 0; k < 20000; k++)
        CHECK_SAME(harness_source(&h), k % 100 < 30 ? 1.0 : -1.0);
    harness_close(&h);
}

static void pulse_repeats_with_its_period(double period_s)
{
    struct harness h;
    harness_open(&h, "pulse", 0.001);
    harness_set(&h, "low", 1.0);
    harness_set(&h, "high", 4.0);
    harness_set(&h, "start_s", 0.1);
    harness_set(&h, "width_s", 0.02);
    harness_set(&h, "period_s", period_s);
    harness_start(&h);
    for (int k = 0; k < 5000; k++) {
        int since = k - 100, on = since >= 0 && (period_s > 0.0 ? since % 70 : since) < 20;
        CHECK_SAME(harness_source(&h), on ? 4.0 : 1.0);
    }
    harness_close(&h);
}

/* The frequency is read off the distance of rising zero crossings. */
static double frequency_near(const double *y, unsigned from, unsigned n, double dt_s)
{
    double first = -1.0, last = -1.0;
    int crossings = 0;
    for (unsigned k = from + 1; k < from + n; k++)
        if (y[k - 1] < 0.0 && y[k] >= 0.0) {
            last = k - y[k] / (y[k] - y[k - 1]);
            if (first < 0.0)
                first = last;
            crossings++;
        }
    return (crossings - 1) / ((last - first) * dt_s);
}

static void chirp_sweeps_from_one_frequency_to_the_other(int law)
{
    static double y[40000];
    struct harness h;
    harness_open(&h, "chirp", 0.0005);
    harness_set(&h, "from_hz", 5.0);
    harness_set(&h, "to_hz", 45.0);
    harness_set(&h, "law", law);
    harness_start(&h);
    double largest_change = 0.0;
    for (unsigned k = 0; k < 40000; k++) {
        y[k] = harness_source(&h);
        if (k > 0)
            largest_change = fmax(largest_change, fabs(y[k] - y[k - 1]));
    }
    CHECK_SAME(y[0], 0.0);
    CHECK_NEAR(y[1], sin(6.283185307 * 5.0 * 0.0005), 1e-5);
    CHECK(largest_change < 6.2832 * 45.0 * 0.0005); /* no jump of the phase, at the end of the sweep neither */
    CHECK_NEAR(frequency_near(y, 9000, 2000, 0.0005), law == 0 ? 25.0 : 15.0, 0.3); /* half-way */
    if (law == 0)                                                                   /* 250 turns later */
        CHECK_NEAR(y[20003], sin(6.283185307179586 * 45.0 * 3 * 0.0005), 1e-9);
    CHECK_NEAR(frequency_near(y, 21000, 18000, 0.0005), 45.0, 0.001);
    harness_close(&h);
}

static void noise_has_mean_and_deviation(int distribution, double largest)
{
    enum { N = 200000 };
    struct harness h;
    harness_open(&h, "noise", 0.001);
    harness_set(&h, "mean", 2.0);
    harness_set(&h, "deviation", 0.5);
    harness_set(&h, "distribution", distribution);
    harness_start(&h);
    double sum = 0.0, squares = 0.0, products = 0.0, last = 0.0, peak = 0.0;
    for (unsigned k = 0; k < N; k++) {
        double w = (harness_source(&h) - 2.0) / 0.5;
        sum += w;
        squares += w * w;
        products += w * last;
        last = w;
        peak = fmax(peak, fabs(w));
    }
    CHECK_NEAR(sum / N, 0.0, 0.01);
    CHECK_NEAR(squares / N, 1.0, 0.02);
    CHECK_NEAR(products / N, 0.0, 0.01);
    CHECK(peak <= largest && peak > 0.9 * largest);
    harness_close(&h);
}

static void noise_depends_on_seed_name_and_sample_only(void)
{
    struct harness a, b;
    harness_open(&a, "noise", 0.001);
    harness_start(&a);
    harness_open(&b, "noise", 0.001);
    b.block.stream++;
    harness_start(&b);
    double first = harness_source(&a);
    CHECK(harness_source(&b) != first);
    CHECK(harness_source(&a) != first);
    ((struct hil_state *)(void *)a.state)->tasks[0].sample = 0;
    CHECK_SAME(harness_source(&a), first);
    ((struct hil_state *)(void *)a.state)->tasks[0].sample = 0;
    ((struct hil_state *)(void *)a.state)->seed = 1;
    CHECK(harness_source(&a) != first);
    harness_close(&a);
    harness_close(&b);
}

static const double series_t[] = {0.1, 0.2, 0.5}, series_u[] = {1.0, 3.0, -3.0};

static void start_playback(struct harness *h, double between, double repeat)
{
    harness_open(h, "playback", 0.05);
    harness_array(h, "t", series_t, 3);
    harness_array(h, "u", series_u, 3);
    harness_set(h, "between", between);
    harness_set(h, "repeat", repeat);
    harness_start(h);
}

static void playback_holds_or_interpolates(void)
{
    const double held[] = {1, 1, 1, 1, 3, 3, 3, 3, 3, 3, -3, -3};
    const double line[] = {1, 1, 1, 2, 3, 2, 1, 0, -1, -2, -3, -3};
    for (int between = 0; between < 2; between++) {
        struct harness h;
        start_playback(&h, between, 0);
        for (int k = 0; k < 12; k++)
            CHECK_NEAR(harness_source(&h), between ? line[k] : held[k], 1e-12);
        harness_close(&h);
    }
}

static void playback_repeats_without_drift(void)
{
    const double period[] = {1, 1, 3, 3, 3, 3, 3, 3}; /* from t = 0.1; at 0.5 it is at 0.1 again */
    struct harness h;
    start_playback(&h, 0, 1);
    harness_source(&h);
    harness_source(&h);
    for (int k = 0; k < 80000; k++)
        CHECK_SAME(harness_source(&h), period[k % 8]);
    harness_close(&h);
}

/* A series sampled at the rate of the task gives its values back, one a sample. */
static void playback_at_its_own_rate_is_exact(double between)
{
    enum { N = 3000 };
    static double t[N], u[N];
    struct harness h;
    for (unsigned k = 0; k < N; k++) {
        t[k] = k / 1000.0; /* not always the double k * 0.001 */
        u[k] = k % 17;
    }
    harness_open(&h, "playback", 0.001);
    harness_array(&h, "t", t, N);
    harness_array(&h, "u", u, N);
    harness_set(&h, "between", between);
    harness_set(&h, "start_s", 0.05);
    harness_start(&h);
    for (unsigned k = 0; k < N + 200; k++)
        CHECK_NEAR(harness_source(&h), u[k < 50 ? 0 : k - 50 < N ? k - 50 : N - 1], between > 0.0 ? 1e-9 : 0.0);
    harness_close(&h);
}

static void playback_of_one_value_is_a_constant(void)
{
    struct harness h;
    harness_open(&h, "playback", 0.05);
    harness_array(&h, "t", series_t, 1);
    harness_array(&h, "u", series_u, 1);
    harness_set(&h, "between", 1.0);
    harness_start(&h);
    for (unsigned k = 0; k < 10; k++)
        CHECK_SAME(harness_source(&h), 1.0);
    harness_close(&h);
}

static void playback_refuses_times_that_do_not_rise(void)
{
    const double t[] = {0.0, 1.0, 1.0};
    struct harness h;
    harness_open(&h, "playback", 0.05);
    harness_array(&h, "t", t, 3);
    harness_array(&h, "u", series_u, 3);
    CHECK(harness_refused(&h) != NULL);
    harness_array(&h, "t", series_t, 2);
    CHECK(harness_refused(&h) != NULL);
    harness_array(&h, "t", series_t, 3);
    CHECK(harness_refused(&h) == NULL);
    harness_array(&h, "t", series_t, 1);
    harness_array(&h, "u", series_u, 1);
    CHECK(harness_refused(&h) == NULL);
    harness_set(&h, "repeat", 1.0);
    CHECK(harness_refused(&h) != NULL);
}

int main(void)
{
    step_comes_at_its_sample_for_any_rate();
    ramp_rises_for_its_duration();
    sine_has_amplitude_phase_and_frequency();
    sine_repeats_after_a_day();
    square_has_its_duty_and_no_late_edge();
    pulse_repeats_with_its_period(0.07);
    pulse_repeats_with_its_period(0.0);
    chirp_sweeps_from_one_frequency_to_the_other(0);
    chirp_sweeps_from_one_frequency_to_the_other(1);
    noise_has_mean_and_deviation(0, 3.46);
    noise_has_mean_and_deviation(1, 1.7320508075688774);
    noise_depends_on_seed_name_and_sample_only();
    playback_holds_or_interpolates();
    playback_repeats_without_drift();
    playback_at_its_own_rate_is_exact(0.0);
    playback_at_its_own_rate_is_exact(1.0);
    playback_of_one_value_is_a_constant();
    playback_refuses_times_that_do_not_rise();
    return failures != 0;
}
