/* A capture's states over ticks, and what comes through its ring: rows lost to a full ring, ticks at the end of counting,
 * several windows, a stop condition. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block_harness.h"
#include "hil/capture.h"
#include "hil/state.h"

#define RING 4096

static struct {
    struct hil_state head;
    double x, y;
} state;

static const uint32_t AT_X = offsetof(__typeof__(state), x), AT_Y = offsetof(__typeof__(state), y);

static struct hil_watch above(uint32_t offset, double level)
{
    struct hil_watch w = {.n_ops = 3};
    w.op[0] = (struct hil_watch_op){.code = HIL_WATCH_VALUE, .arg = offset};
    w.op[1] = (struct hil_watch_op){.code = HIL_WATCH_NUMBER, .value = level};
    w.op[2] = (struct hil_watch_op){.code = HIL_WATCH_GT};
    return w;
}

static struct hil_capture of(uint64_t pre, uint64_t post, uint64_t timeout, uint32_t count)
{
    struct hil_capture c = {.start = above(AT_X, 0.5), .pre = pre, .post = post, .timeout = timeout, .count = count};
    hil_capture_reset(&c);
    CHECK(hil_capture_check(&c, sizeof state) == HIL_OK);
    return c;
}

static int step(struct hil_capture *c, uint64_t tick, double x, double y)
{
    state.x = x, state.y = y;
    return hil_capture_step(c, (const unsigned char *)&state, tick);
}

static void bad_requests_are_refused(void)
{
    const uint64_t most = HIL_CAPTURE_LONGEST;
    struct hil_capture good = of(most, most, most, 1), c = good;
    c.pre = most + 1;
    CHECK(hil_capture_check(&c, sizeof state) == HIL_E_ARG);
    c = good, c.post = UINT64_MAX;
    CHECK(hil_capture_check(&c, sizeof state) == HIL_E_ARG);
    c = good, c.timeout = most + 1;
    CHECK(hil_capture_check(&c, sizeof state) == HIL_E_ARG);
    c = good, c.count = 0;
    CHECK(hil_capture_check(&c, sizeof state) == HIL_E_ARG);
    c = good, c.stop = above(sizeof state, 0.5);
    CHECK(hil_capture_check(&c, sizeof state) == HIL_E_ARG);
    c = good, c.start.n_ops = 0;
    CHECK(hil_capture_check(&c, sizeof state) == HIL_E_ARG);
}

static void a_window_at_the_end_of_counting_does_not_wrap(void)
{
    struct hil_capture c = of(0, HIL_CAPTURE_LONGEST, 10, 1);
    uint64_t tick = UINT64_MAX - 5; /* such as a damaged snapshot may have */
    step(&c, tick, 1, 0);
    CHECK(c.state == HIL_CAPTURE_TRIGGERED && c.end > tick && c.end != HIL_CAPTURE_OPEN);
    step(&c, tick + 1, 1, 0);
    CHECK(c.state == HIL_CAPTURE_TRIGGERED);
    c = of(0, HIL_CAPTURE_LONGEST, 10, 1);
    c.stop = above(AT_Y, 0.5);
    step(&c, tick, 1, 0);
    step(&c, tick + 1, 1, 1);
    CHECK(c.state == HIL_CAPTURE_TRIGGERED && c.end > tick && c.end != HIL_CAPTURE_OPEN);
}

static void windows_follow_each_other(void)
{
    struct hil_capture c = of(0, 2, 5, 2);
    for (uint64_t tick = 0; tick < 3; tick++)
        step(&c, tick, 1, 0);
    CHECK(c.state == HIL_CAPTURE_ARMED && c.done == 1 && c.triggered == 0 && c.end == 2);
    for (uint64_t tick = 3; tick < 6; tick++)
        step(&c, tick, 1, 0);
    CHECK(c.state == HIL_CAPTURE_FINISHED && c.done == 2 && c.triggered == 3 && c.end == 5);
}

static void a_second_window_has_a_timeout_of_its_own(void)
{
    struct hil_capture c = of(0, 2, 5, 2);
    step(&c, 0, 1, 0);
    for (uint64_t tick = 1; tick <= 7; tick++)
        step(&c, tick, 0, 0);
    CHECK(c.state == HIL_CAPTURE_ARMED); /* the first window ended with tick 2, so 3 is the first that counts */
    step(&c, 8, 0, 0);
    CHECK(c.state == HIL_CAPTURE_TIMEOUT && c.done == 1);
}

static void a_stop_condition_ends_it_only_behind_the_trigger(void)
{
    struct hil_capture c = of(0, 3, 5, 1);
    c.stop = above(AT_Y, 0.5);
    step(&c, 0, 1, 1); /* the trigger's own tick does not count */
    CHECK(c.end == HIL_CAPTURE_OPEN);
    step(&c, 1, 1, 0);
    step(&c, 2, 0, 1);
    CHECK(c.state == HIL_CAPTURE_TRIGGERED && c.end == 5);
    for (uint64_t tick = 3; tick < 6; tick++)
        step(&c, tick, 0, 0);
    CHECK(c.state == HIL_CAPTURE_FINISHED);
    c = of(0, 3, 5, 1);
    c.stop = above(AT_Y, 0.5);
    for (uint64_t tick = 0; tick < 6; tick++)
        step(&c, tick, 1, 0);
    CHECK(c.state == HIL_CAPTURE_TIMEOUT);
}

static unsigned char memory[RING] __attribute__((aligned(64)));
static struct hil_ring ring;
static const struct hil_run run = {offsetof(__typeof__(state), x), 1};

static void put(struct hil_capture_slot *slot, struct hil_captures *all, const struct hil_capture *c)
{
    CHECK(hil_ring_init(&ring, memory, RING) == HIL_OK);
    memset(slot, 0, sizeof *slot);
    slot->capture = *c;
    slot->group = (struct hil_group){.every = 1, .n_runs = 1, .n_values = 1, .runs = &run};
    slot->ring = &ring;
    memset(all, 0, sizeof *all);
    all->slot[0] = slot;
}

static void a_full_ring_is_an_error_and_the_loop_lets_go(void)
{
    struct hil_capture_slot slot;
    struct hil_captures all;
    struct hil_capture c = of(1, 1000000, 1000000, 1);
    put(&slot, &all, &c);
    uint64_t tick = 0;
    state.x = 1;
    while (!slot.left && tick < RING)
        hil_captures_step(&all, (const unsigned char *)&state, tick++, 0, 0);
    CHECK(slot.left && !all.slot[0] && all.news);
    CHECK(slot.capture.state == HIL_CAPTURE_ERROR);
    CHECK(ring.lost == 1 && ring.lost_since == tick - 1);
    uint64_t rows = (RING - 64) / (sizeof(struct hil_frame) + sizeof(struct hil_sample_head) + 8);
    CHECK_NEAR((double)tick, (double)rows, 3.0);
}

static void an_abort_takes_effect_at_the_next_tick(void)
{
    struct hil_capture_slot slot;
    struct hil_captures all;
    struct hil_capture c = of(1, 10, 10, 1);
    put(&slot, &all, &c);
    hil_captures_step(&all, (const unsigned char *)&state, 0, 0, 0);
    CHECK(!slot.left);
    slot.abort = 1;
    hil_captures_step(&all, (const unsigned char *)&state, 1, 0, 0);
    CHECK(slot.left && !all.slot[0] && slot.capture.state == HIL_CAPTURE_ABORTED);
}

int main(void)
{
    bad_requests_are_refused();
    a_window_at_the_end_of_counting_does_not_wrap();
    windows_follow_each_other();
    a_second_window_has_a_timeout_of_its_own();
    a_stop_condition_ends_it_only_behind_the_trigger();
    a_full_ring_is_an_error_and_the_loop_lets_go();
    an_abort_takes_effect_at_the_next_tick();
    return failures ? 1 : 0;
}
