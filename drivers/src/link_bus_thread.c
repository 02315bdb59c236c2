#include "link_bus_private.h"

#define LOOK_NS        20000000 /* the thread looks so often, whatever its period: messages have timeouts of their own */
#define SILENT_PERIODS 5
#define STOP_NS        1000000000

/* ---- sessions ---- */

static int is_silent(const struct hil_link_bus *b, int64_t now_ns)
{
    int64_t most = SILENT_PERIODS * b->schedule.period_ns;
    return !b->halted && now_ns - b->heard_ns > (b->timeout_ns > most ? b->timeout_ns : most);
}

/* A device that fell silent, said goodbye or never answered is offered a session until it takes it, and started again. */
static void tend(struct hil_link_bus *b, int64_t now_ns)
{
    if (b->fd >= 0 && hil_link_is_connected(&b->link) && is_silent(b, now_ns))
        hil_link_bus_lose(b, HIL_E_TIMEOUT);
    if (b->fd < 0)
        return;
    if (!hil_link_is_connected(&b->link)) {
        if (!b->link.offered && now_ns >= b->retry_ns)
            hil_link_bus_offer(b);
    } else if (b->restart_due) {
        hil_link_bus_restart(b);
    }
}

/* ---- periods ---- */

static void send_newest(struct hil_link_bus *b)
{
    int64_t now = hil_now_ns();
    size_t n = hil_link_bus_pack(b, (uint32_t)b->newest->seq, now);
    uint16_t seq = hil_link_send_image(&b->link, b->image, n);
    b->sent[seq % HIL_LINK_BUS_SENT] = (struct hil_link_sent){now, seq};
    b->unechoed++;
}

static void cycle(struct hil_link_bus *b)
{
    const struct hil_image *fresh = hil_box_take(&b->out);
    if (fresh)
        b->newest = fresh;
    if (b->fd < 0 || !hil_link_is_connected(&b->link)) {
        hil_link_bus_add(b, HIL_LBC_FAILED_CYCLES, 1);
    } else if (!fresh) {
        hil_link_bus_add(b, HIL_LBC_IDLE_CYCLES, 1);
    } else {
        send_newest(b);
        hil_link_bus_add(b, HIL_LBC_CYCLES, 1);
    }
    if (atomic_exchange(&b->loop_ended, 0) && hil_link_is_connected(&b->link))
        hil_link_bus_halt(b); /* its outputs go safe now and are not latched for their age */
    hil_link_bus_transmit(b);
}

static void end_of_period(struct hil_link_bus *b, int64_t *due_ns)
{
    uint64_t missed;
    int64_t now = hil_now_ns();
    if (b->image_ns > 0)
        hil_histogram_add(&b->counters.age, hil_schedule_latch(&b->schedule, now) - b->image_ns);
    *due_ns = hil_schedule_next(&b->schedule, *due_ns, now, &missed);
    hil_link_bus_add(b, HIL_LBC_MISSED_CYCLES, missed);
}

/* ---- the thread ---- */

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

/* Waits with the lock released. */
static void await(struct hil_link_bus *b, int64_t due_ns)
{
    int64_t until = earlier(earlier(due_ns, hil_link_next_ns(&b->link)), hil_now_ns() + LOOK_NS);
    short events = hil_link_bus_events(b);
    int fd = b->fd;
    pthread_mutex_unlock(&b->lock);
    int ready = hil_thread_poll(&b->thread, fd, events, until);
    pthread_mutex_lock(&b->lock);
    if (ready && b->fd >= 0)
        hil_link_bus_take(b);
}

static void *run(void *arg)
{
    struct hil_link_bus *b = arg;
    int64_t due = hil_schedule_first(&b->schedule, hil_now_ns());
    pthread_mutex_lock(&b->lock);
    while (!hil_thread_stopping(&b->thread)) {
        tend(b, hil_now_ns());
        hil_link_bus_transmit(b);
        await(b, due);
        if (hil_now_ns() >= due) {
            cycle(b);
            end_of_period(b, &due);
        }
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

int hil_link_bus_start(struct hil_link_bus *b, const struct hil_bus_schedule *schedule,
                       const struct hil_thread_options *thread)
{
    if (schedule->period_ns <= 0 || b->thread.running || b->mode != HIL_LINK_FREE)
        return HIL_E_ARG;
    pthread_mutex_lock(&b->lock);
    b->schedule = *schedule;
    b->heard_ns = hil_now_ns();
    b->image_ns = 0;
    b->moving = 1;
    b->halted = 0;
    atomic_store(&b->loop_ended, 0);
    pthread_mutex_unlock(&b->lock);
    int rc = hil_thread_start(&b->thread, thread, run, b);
    if (rc != HIL_OK)
        b->moving = 0;
    return rc;
}

void hil_link_bus_stop(struct hil_link_bus *b)
{
    struct hil_link_answer answer;
    if (!b->thread.running)
        return;
    hil_thread_ask_stop(&b->thread);
    hil_thread_join(&b->thread);
    pthread_mutex_lock(&b->lock);
    b->moving = 0;
    if (!hil_link_is_connected(&b->link)) /* what the thread has begun */
        hil_link_disconnect(&b->link);
    pthread_mutex_unlock(&b->lock);
    hil_link_bus_ask(b, HIL_OP_STOP, NULL, 0, b->timeout_ns < STOP_NS ? STOP_NS : b->timeout_ns, &answer);
    pthread_mutex_lock(&b->lock);
    b->mode = HIL_LINK_IDLE;
    hil_box_take(&b->out); /* what an earlier run published is not sent again */
    b->newest = NULL;
    pthread_mutex_unlock(&b->lock);
}
