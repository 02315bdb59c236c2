/* The block `plc` over a program by hand: time, RUN and STOP, restarts, forces, a stop of its own, raw values. */
#include "hil/tick.h"

#include "block_harness.h"
#include "plc_program.h"

enum { RUNNING, SCANS, REASON, LINE, LAMP, QUOTIENT, TOTAL, N_OUT };
enum { RUN, RESTART, START, FORCE, FORCE_ON = FORCE + N_U + N_Y };
enum { COLD, WARM, HOT };

static void open_plc_of(struct harness *h, const struct hil_plc *plc)
{
    harness_open(h, "plc", 0.01);
    h->model = &plc->model;
    h->n_params = PLC_PARAMS;
    memset(h->params + 3, 0, (PLC_PARAMS - 3) * sizeof *h->params);
    h->block.n_in = N_U;
    h->block.n_out = N_OUT;
    harness_array(h, "in_wires", plc_wires_in, sizeof plc_wires_in / sizeof *plc_wires_in);
    harness_array(h, "out_wires", plc_wires_out, sizeof plc_wires_out / sizeof *plc_wires_out);
}

static void start_plc(struct harness *h)
{
    harness_start(h);
    struct hil_state *head = (struct hil_state *)(void *)h->state;
    head->period_ns = 10000000;
    head->every[0] = 1;
    *harness_in(h, U_LEVEL) = -4.5; /* raw 50 */
}

static void open_plc(struct harness *h)
{
    open_plc_of(h, &plc_by_hand);
    start_plc(h);
}

static void ticks(struct harness *h, unsigned n)
{
    while (n--)
        harness_tick(h);
}

static double *param(struct harness *h, unsigned k) { return hil_params(&h->block, h->state) + k; }

static void set(struct harness *h, unsigned k, double value) { *param(h, k) = value; }

static void the_timer_counts_scans_times_dt(void)
{
    struct harness h;
    open_plc(&h);
    ticks(&h, 7);
    *harness_in(&h, U_ON) = 1.0;
    for (unsigned k = 0; k < 10; k++) {
        harness_tick(&h);
        CHECK_SAME(harness_out(&h, LAMP), k >= 4 ? 1.0 : 0.0);
    }
    CHECK_SAME(harness_out(&h, SCANS), 17.0);
    CHECK_SAME(harness_out(&h, RUNNING), 1.0);
    harness_close(&h);
}

static void the_program_sees_raw_values(void)
{
    struct harness h;
    open_plc(&h);
    for (int raw = 1; raw < 65536; raw += 17) {
        *harness_in(&h, U_LEVEL) = raw * 0.01 - 5.0;
        harness_tick(&h);
        CHECK_SAME(harness_out(&h, QUOTIENT), (1000 / raw) * 0.5 + 1.0);
    }
    harness_close(&h);
}

static void an_input_that_is_no_number_keeps_its_last_good_value(void)
{
    const double unusable[] = {NAN, HUGE_VAL, -HUGE_VAL, 1e308};
    struct harness h;
    open_plc(&h);
    ticks(&h, 2);
    for (int i = 0; i < 4; i++) {
        *harness_in(&h, U_LEVEL) = unusable[i];
        harness_tick(&h);
        CHECK_SAME(harness_out(&h, QUOTIENT), 11.0);
    }
    for (uint32_t i = 0; i < h.n_state; i++)
        CHECK(!isnan(hil_mem(&h.block, h.state)[i]));
    harness_close(&h);
}

static void in_stop_the_outputs_are_off_and_time_stands_still(void)
{
    struct harness h;
    open_plc(&h);
    *harness_in(&h, U_ON) = 1.0;
    ticks(&h, 3);
    set(&h, RUN, 0.0);
    ticks(&h, 50);
    CHECK_SAME(harness_out(&h, RUNNING), 0.0);
    CHECK_SAME(harness_out(&h, QUOTIENT), 1.0); /* raw 0 */
    CHECK_SAME(harness_out(&h, REASON), 0.0);
    set(&h, RESTART, HOT);
    set(&h, RUN, 1.0);
    harness_tick(&h);
    CHECK_SAME(harness_out(&h, LAMP), 0.0); /* 30 ms have passed for the program */
    harness_tick(&h);
    CHECK_SAME(harness_out(&h, LAMP), 1.0);
    CHECK_SAME(harness_out(&h, SCANS), 5.0);
    harness_close(&h);
}

static void outputs_can_be_held_in_stop(void)
{
    struct harness h;
    open_plc_of(&h, &plc_by_hand);
    harness_set(&h, "in_stop", 1.0);
    start_plc(&h);
    ticks(&h, 2);
    set(&h, RUN, 0.0);
    ticks(&h, 2);
    CHECK_SAME(harness_out(&h, QUOTIENT), 11.0);
    CHECK_SAME(harness_out(&h, RUNNING), 0.0);
    harness_close(&h);
}

/* What a start leaves of the retained count and of the timer. */
static void restarts(int kind, int by_start, double total, double scans, double lamp)
{
    struct harness h;
    open_plc(&h);
    *harness_in(&h, U_ON) = 1.0;
    ticks(&h, 10);
    CHECK_SAME(harness_out(&h, TOTAL), 110.0);
    set(&h, RESTART, kind);
    if (by_start) {
        set(&h, START, 1.0);
    } else {
        set(&h, RUN, 0.0);
        harness_tick(&h);
        set(&h, RUN, 1.0);
    }
    harness_tick(&h);
    CHECK_SAME(harness_out(&h, TOTAL), total);
    CHECK_SAME(harness_out(&h, SCANS), scans);
    CHECK_SAME(harness_out(&h, LAMP), lamp);
    harness_tick(&h);
    CHECK_SAME(harness_out(&h, SCANS), scans + 1.0); /* once */
    harness_close(&h);
}

static void a_loss_of_power_keeps_what_is_retained(void)
{
    struct harness h;
    open_plc(&h);
    *harness_in(&h, U_ON) = 1.0;
    ticks(&h, 10);
    hil_block_type_find("plc")->restart(&h.block, h.state);
    harness_tick(&h);
    CHECK_SAME(harness_out(&h, TOTAL), 111.0);
    CHECK_SAME(harness_out(&h, SCANS), 1.0);
    CHECK_SAME(harness_out(&h, LAMP), 0.0);
    harness_close(&h);
}

static int stops_told(struct harness *h)
{
    struct hil_note note;
    int n = 0;
    while (n < 5 && hil_block_type_find("plc")->tell(&h->block, h->state, &note)) {
        CHECK(note.kind == HIL_NOTE_PLC_STOP && note.a == HIL_PLC_DIVISION);
        CHECK(note.b == 3 * HIL_PLC_LINES + 42);
        n++;
    }
    return n;
}

static void a_program_that_divides_by_zero_stops_until_it_is_started(void)
{
    struct harness h;
    open_plc(&h);
    ticks(&h, 3);
    *harness_in(&h, U_LEVEL) = -5.0; /* raw 0 */
    harness_tick(&h);
    CHECK(((const struct hil_state *)(const void *)h.state)->alert);
    CHECK_SAME(harness_out(&h, RUNNING), 0.0);
    CHECK_SAME(harness_out(&h, REASON), HIL_PLC_DIVISION);
    CHECK_SAME(harness_out(&h, LINE), 42.0);
    CHECK_SAME(harness_out(&h, TOTAL), 0.0);
    CHECK(stops_told(&h) == 1);
    *harness_in(&h, U_LEVEL) = -4.0;
    ticks(&h, 20);
    CHECK_SAME(harness_out(&h, RUNNING), 0.0); /* the switch is at RUN, but a program that has stopped stays so */
    CHECK(stops_told(&h) == 0);
    set(&h, RUN, 0.0);
    harness_tick(&h);
    CHECK_SAME(harness_out(&h, REASON), 0.0);
    set(&h, RUN, 1.0);
    harness_tick(&h);
    CHECK_SAME(harness_out(&h, RUNNING), 1.0);
    CHECK_SAME(harness_out(&h, TOTAL), 105.0);
    CHECK(stops_told(&h) == 0);
    harness_close(&h);
}

static void a_second_stop_is_told_again(void)
{
    struct harness h;
    open_plc(&h);
    *harness_in(&h, U_LEVEL) = -5.0;
    harness_tick(&h);
    CHECK(stops_told(&h) == 1);
    set(&h, START, 1.0);
    harness_tick(&h);
    CHECK(stops_told(&h) == 1);
    harness_close(&h);
}

static void forces_replace_what_the_program_sees_and_gives(void)
{
    struct harness h;
    open_plc(&h);
    set(&h, FORCE + U_LEVEL, 10.0);
    set(&h, FORCE_ON + U_LEVEL, 1.0);
    harness_tick(&h);
    CHECK_SAME(harness_out(&h, QUOTIENT), 51.0);
    set(&h, FORCE_ON + U_LEVEL, 0.0);
    harness_tick(&h);
    CHECK_SAME(harness_out(&h, QUOTIENT), 11.0); /* the signal's value again */
    set(&h, FORCE + N_U + Y_QUOTIENT, 7.0);
    set(&h, FORCE_ON + N_U + Y_QUOTIENT, 1.0);
    harness_tick(&h);
    CHECK_SAME(harness_out(&h, QUOTIENT), 4.5);
    set(&h, RUN, 0.0);
    harness_tick(&h);
    CHECK_SAME(harness_out(&h, QUOTIENT), 1.0); /* off is off */
    harness_close(&h);
}

/* The last output has no force then: the parameters are fewer. */
static void a_watched_output_has_no_force(void)
{
    struct harness h;
    open_plc_of(&h, &plc_by_hand);
    harness_set(&h, "watched", 1.0);
    h.n_params -= 2;
    h.params[FORCE + U_LEVEL] = 10.0;
    h.params[FORCE + N_U + N_Y - 1 + U_LEVEL] = 1.0;
    start_plc(&h);
    harness_tick(&h);
    CHECK_SAME(harness_out(&h, QUOTIENT), 51.0);
    CHECK_SAME(harness_out(&h, TOTAL), 101.0);
    harness_close(&h);
}

static void a_program_runs_at_its_own_interval(void)
{
    struct hil_plc slow = plc_by_hand;
    struct harness h;
    slow.interval_ns = 30000000;
    open_plc_of(&h, &slow);
    start_plc(&h);
    ticks(&h, 10);
    CHECK_SAME(harness_out(&h, SCANS), 4.0);
    harness_close(&h);
}

static void what_does_not_fit_is_refused(void)
{
    struct hil_plc other = plc_by_hand;
    struct harness h;
    open_plc_of(&h, &other);
    CHECK(harness_refused(&h) == NULL);
    other.interval_ns = 15000000;
    CHECK(harness_refused(&h) != NULL);
    other.interval_ns = 0;
    other.abi++;
    CHECK(harness_refused(&h) != NULL);
    other = plc_by_hand;
    other.model.n_u = 1; /* the second wire leads to no variable */
    CHECK(harness_refused(&h) != NULL);
    other = plc_by_hand;
    h.block.n_in = 1;
    CHECK(harness_refused(&h) != NULL);
    h.model = NULL;
    CHECK(harness_refused(&h) != NULL);
}

static void the_state_can_move_in_mid_sequence(void)
{
    struct harness here, there;
    open_plc(&here);
    open_plc(&there);
    *harness_in(&here, U_ON) = *harness_in(&there, U_ON) = 1.0;
    ticks(&here, 8);
    ticks(&there, 3);
    unsigned char *other_place = malloc(there.size);
    memcpy(other_place, there.state, there.size);
    memset(there.state, 0xff, there.size);
    free(there.state);
    there.state = other_place;
    ticks(&there, 5);
    CHECK(memcmp(here.state, there.state, here.size) == 0);
    CHECK_SAME(harness_out(&there, LAMP), 1.0);
    harness_close(&here);
    harness_close(&there);
}

int main(void)
{
    the_timer_counts_scans_times_dt();
    the_program_sees_raw_values();
    an_input_that_is_no_number_keeps_its_last_good_value();
    in_stop_the_outputs_are_off_and_time_stands_still();
    outputs_can_be_held_in_stop();
    for (int by_start = 0; by_start < 2; by_start++) {
        restarts(COLD, by_start, 101.0, 1.0, 0.0);
        restarts(WARM, by_start, 111.0, 1.0, 0.0);
        restarts(HOT, by_start, 111.0, 11.0, 1.0);
    }
    a_loss_of_power_keeps_what_is_retained();
    a_program_that_divides_by_zero_stops_until_it_is_started();
    a_second_stop_is_told_again();
    forces_replace_what_the_program_sees_and_gives();
    a_watched_output_has_no_force();
    a_program_runs_at_its_own_interval();
    what_does_not_fit_is_refused();
    the_state_can_move_in_mid_sequence();
    return failures != 0;
}
