#include <errno.h>

#include "mb_client_private.h"

/* A connection attempt may take longer than a request's timeout: a SYN that is lost is sent again after one second. */
#define CONNECT_NS 1500000000

static void back_off(struct hil_mb_client *c)
{
    c->retry_ns = hil_now_ns() + c->backoff_now_ns;
    c->backoff_now_ns = 2 * c->backoff_now_ns < c->backoff_max_ns ? 2 * c->backoff_now_ns : c->backoff_max_ns;
}

/* Whether there is a connection for this cycle. */
static int have_connection(struct hil_mb_client *c)
{
    if (c->wire->fd >= 0)
        return 1;
    if (hil_now_ns() < c->retry_ns)
        return 0;
    if (hil_mb_wire_connect(c->wire, CONNECT_NS) == HIL_OK)
        return 1;
    back_off(c);
    return 0;
}

static void run_cycle(struct hil_mb_client *c)
{
    if (!have_connection(c)) {
        hil_mb_count(&c->counters, HIL_MBC_FAILED_CYCLES, 1);
        return;
    }
    int rc = hil_mb_cycle(c, -1);
    if (rc == HIL_OK)
        c->backoff_now_ns = c->backoff_ns;
    else if (c->wire->fd < 0)
        back_off(c);
}

/* Age of the newest image at the bench's next tick, where it is latched, or seen again when this cycle brought nothing. */
static void note_age(struct hil_mb_client *c)
{
    if (c->image_ns > 0)
        hil_histogram_add(&c->counters.age, hil_schedule_latch(&c->schedule, hil_now_ns()) - c->image_ns);
}

static int64_t next_due(struct hil_mb_client *c, int64_t due_ns)
{
    uint64_t missed;
    int64_t next = hil_schedule_next(&c->schedule, due_ns, hil_now_ns(), &missed);
    hil_mb_count(&c->counters, HIL_MBC_MISSED_CYCLES, missed);
    return next;
}

static void *run(void *arg)
{
    struct hil_mb_client *c = arg;
    int64_t due = hil_schedule_first(&c->schedule, hil_now_ns());
    for (;;) {
        hil_thread_sleep_until(&c->thread, due);
        if (hil_thread_stopping(&c->thread))
            return NULL;
        run_cycle(c);
        note_age(c);
        due = next_due(c, due);
    }
}

int hil_mb_client_start(struct hil_mb_client *c, const struct hil_bus_schedule *schedule,
                        const struct hil_thread_options *thread)
{
    if (schedule->period_ns <= 0 || c->thread.running)
        return HIL_E_ARG;
    c->schedule = *schedule;
    c->backoff_now_ns = c->backoff_ns;
    c->retry_ns = 0;
    atomic_store_explicit(&c->latch, 0, memory_order_relaxed);
    return hil_thread_start(&c->thread, thread, run, c);
}

void hil_mb_client_rest(struct hil_mb_client *c)
{
    hil_thread_ask_stop(&c->thread);
    hil_thread_join(&c->thread);
}

void hil_mb_client_stop(struct hil_mb_client *c)
{
    hil_thread_ask_stop(&c->thread);
    hil_mb_wire_interrupt(c->wire);
    hil_thread_join(&c->thread);
    hil_mb_wire_close(c->wire);
    hil_box_take(&c->out); /* what an earlier run published is not written again */
    c->newest = NULL;
}
