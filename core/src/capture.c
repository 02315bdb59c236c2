#include "hil/capture.h"

#include "record.h"

#define ROWS  0u
#define MARKS 1u

int hil_capture_check(const struct hil_capture *c, size_t state_size)
{
    int err = hil_watch_check(&c->start, state_size);
    if (!err && c->stop.n_ops)
        err = hil_watch_check(&c->stop, state_size);
    if (err)
        return err;
    int fits = c->pre <= HIL_CAPTURE_LONGEST && c->post <= HIL_CAPTURE_LONGEST && c->timeout <= HIL_CAPTURE_LONGEST;
    return fits && c->count ? HIL_OK : HIL_E_ARG;
}

void hil_capture_reset(struct hil_capture *c)
{
    hil_watch_reset(&c->start_memory);
    hil_watch_reset(&c->stop_memory);
    c->state = HIL_CAPTURE_CONFIGURED;
    c->done = 0;
    c->armed = c->triggered = c->end = HIL_CAPTURE_OPEN;
}

/* The last tick of a window. Past the last tick there is, it is none that comes, and not one that has been. */
static uint64_t later(uint64_t tick, uint64_t ticks)
{
    return ticks < HIL_CAPTURE_OPEN - tick ? tick + ticks : HIL_CAPTURE_OPEN - 1;
}

static void wait_for_trigger(struct hil_capture *c, int starts, uint64_t tick)
{
    if (c->state == HIL_CAPTURE_CONFIGURED) {
        c->state = HIL_CAPTURE_ARMED;
        c->armed = tick;
    }
    if (starts) {
        c->state = HIL_CAPTURE_TRIGGERED;
        c->triggered = tick;
        c->end = c->stop.n_ops ? HIL_CAPTURE_OPEN : later(tick, c->post);
    } else if (tick - c->armed >= c->timeout) {
        c->state = HIL_CAPTURE_TIMEOUT;
    }
}

static void wait_for_end(struct hil_capture *c, int stops, uint64_t tick)
{
    if (c->end == HIL_CAPTURE_OPEN) {
        if (stops && tick > c->triggered)
            c->end = later(tick, c->post);
        else if (tick - c->triggered >= c->timeout)
            c->state = HIL_CAPTURE_TIMEOUT;
    }
    if (c->end == HIL_CAPTURE_OPEN || tick < c->end)
        return;
    c->armed = tick + 1;
    c->state = ++c->done < c->count ? HIL_CAPTURE_ARMED : HIL_CAPTURE_FINISHED;
}

int hil_capture_step(struct hil_capture *c, const unsigned char *state, uint64_t tick)
{
    /* Both at every tick, whatever is waited for: durations and edges go on. */
    int starts = hil_watch_step(&c->start, &c->start_memory, state, tick);
    int stops = c->stop.n_ops ? hil_watch_step(&c->stop, &c->stop_memory, state, tick) : 0;
    uint32_t before = c->state;
    uint64_t end = c->end;
    if (before <= HIL_CAPTURE_ARMED)
        wait_for_trigger(c, starts, tick);
    if (c->state == HIL_CAPTURE_TRIGGERED)
        wait_for_end(c, stops, tick);
    return c->state != before || c->end != end;
}

/* ---- on a loop ---- */

static double or_open(uint64_t tick) { return tick == HIL_CAPTURE_OPEN ? -1.0 : (double)tick; }

static int put_mark(struct hil_capture_slot *slot, uint64_t tick)
{
    struct {
        struct hil_frame frame;
        struct hil_sample_head head;
        double value[4];
    } mark = {{sizeof mark, HIL_FRAME_SAMPLE, MARKS, tick}, {0, 0, 0}, {0}};
    const struct hil_capture *c = &slot->capture;
    mark.value[0] = c->state;
    mark.value[1] = c->done;
    mark.value[2] = or_open(c->triggered);
    mark.value[3] = or_open(c->end);
    return hil_record_bytes(slot->ring, tick, &mark, sizeof mark);
}

/* 0: the capture has ended. A mark comes behind its row: who reads it has all rows of its tick. */
static int step(struct hil_captures *all, struct hil_capture_slot *slot, const unsigned char *state,
                const struct hil_row_times *times)
{
    struct hil_capture *c = &slot->capture;
    if (atomic_load_explicit(&slot->abort, memory_order_relaxed)) {
        c->state = HIL_CAPTURE_ABORTED;
        return 0;
    }
    int changed = hil_capture_step(c, state, times->tick);
    int wanted = c->pre || c->triggered != HIL_CAPTURE_OPEN;
    if (wanted && !hil_record_group(slot->ring, &slot->group, ROWS, state, times))
        c->state = HIL_CAPTURE_ERROR;
    else if (changed && !put_mark(slot, times->tick))
        c->state = HIL_CAPTURE_ERROR;
    if (hil_ring_nearly_full(slot->ring))
        all->news = 1;
    return c->state < HIL_CAPTURE_FINISHED;
}

void hil_captures_step(struct hil_captures *all, const unsigned char *state, uint64_t tick, int64_t late_ns,
                       int64_t exec_ns)
{
    const struct hil_state *h = (const struct hil_state *)(const void *)state;
    const struct hil_row_times times = {tick, late_ns, exec_ns, h->alert};
    for (int i = 0; i < HIL_MOST_CAPTURES; i++) {
        struct hil_capture_slot *slot = atomic_load_explicit(&all->slot[i], memory_order_acquire);
        if (!slot || step(all, slot, state, &times))
            continue;
        all->news = 1;
        atomic_store_explicit(&all->slot[i], NULL, memory_order_release);
        atomic_store_explicit(&slot->left, 1, memory_order_release);
    }
}
