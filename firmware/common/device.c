#include "device.h"

#include <string.h>

#define CHUNK 64 /* bytes taken from a port at once */

size_t fw_device_size(const struct fw_app *app)
{
    size_t control = fw_control_size(app);
    return control ? control + (app->face ? app->face->size(app) : 0) : 0;
}

/* ---- images ---- */

static size_t head_size(const struct fw_device *d) { return d->mode == HIL_LINK_FREE ? 12 : 4; }

static void take_values(struct fw_device *d, uint16_t seq, const uint8_t *values, int64_t now_ns)
{
    hil_link_unpack(d->app->in, d->app->n_in, values, d->in);
    d->fresh = 1;
    d->echo_seq = seq;
    d->echo_ns = now_ns;
}

/* An image of the step that was run last is answered again: the answer was lost, or late. */
static void take_step(struct fw_device *d, uint32_t tick)
{
    uint32_t next = (uint32_t)fw_ticks(d);
    if (tick == next) {
        fw_task_tick(d);
        fw_send_image(d);
    } else if (tick + 1 == next && d->image_n) {
        hil_link_send_image(&d->link, d->image, d->image_n);
    }
}

static void on_image(void *self, uint16_t seq, const uint8_t *data, size_t n, int64_t now_ns)
{
    struct fw_device *d = self;
    if (d->mode == HIL_LINK_IDLE || n != head_size(d) + hil_link_values_size(d->app->in, d->app->n_in)) {
        d->link.counters.bad_length += d->mode != HIL_LINK_IDLE;
        return;
    }
    uint32_t tick = (uint32_t)hil_get_bytes(data, 4);
    if (d->mode == HIL_LINK_FREE || tick == (uint32_t)fw_ticks(d))
        take_values(d, seq, data + head_size(d), now_ns);
    if (d->mode == HIL_LINK_FREE)
        fw_task_follow(d, now_ns);
    else
        take_step(d, tick);
}

static uint8_t flags_of(struct fw_device *d)
{
    uint8_t flags = (uint8_t)((d->supervisor.cause ? HIL_LINK_LATCHED : 0) |
                              (d->supervisor.active ? 0 : HIL_LINK_SAFE) | (d->overrun ? HIL_LINK_OVERRUN : 0));
    d->overrun = 0;
    return flags;
}

/* 1: this exchange is dropped or put off on purpose. */
static int hold_back(struct fw_device *d)
{
    struct fw_faults *f = &d->faults;
    if (f->drop) {
        f->drop--;
        d->statistics.dropped++;
        return 1;
    }
    if (!f->late)
        return 0;
    f->late--;
    d->image_due = 1;
    d->image_ns = d->board->now_ns(d->board->self) + f->late_ns;
    return 1;
}

void fw_send_image(struct fw_device *d)
{
    uint8_t *at = hil_put_bytes(d->image, fw_ticks(d) - 1, 4);
    *at++ = flags_of(d);
    if (d->mode == HIL_LINK_FREE) {
        at = hil_put_bytes(at, (uint64_t)fw_now(d), 8);
        at = hil_put_bytes(at, d->echo_seq, 2);
        at = hil_put_bytes(at, (uint64_t)d->echo_ns, 8);
    }
    at += hil_link_pack(d->app->out, d->app->n_out, d->driven, at);
    d->image_n = (uint16_t)(at - d->image);
    if (hil_link_is_connected(&d->link) && !hold_back(d))
        hil_link_send_image(&d->link, d->image, d->image_n);
}

static void send_late_image(struct fw_device *d)
{
    if (!d->image_due || d->board->now_ns(d->board->self) < d->image_ns)
        return;
    d->image_due = 0;
    hil_link_send_image(&d->link, d->image, d->image_n);
}

/* ---- what happens on the link ---- */

/* Nobody holds the link any more: outputs go safe, or, with a field face, belong to its master again. */
static void let_go(struct fw_device *d)
{
    if (!d->app->face)
        fw_task_stop(d);
    else if (d->mode != HIL_LINK_FREE)
        fw_task_start(d, HIL_LINK_FREE, 0);
}

/* A new host: nothing of an earlier session goes on. A latch stays closed. */
static void on_connected(void *self)
{
    struct fw_device *d = self;
    d->n_answers = 0;
    let_go(d);
}

static void on_message(void *self, const uint8_t *data, size_t n, int64_t now_ns)
{
    (void)now_ns;
    fw_session_message(self, data, n);
}

/* BYE ends in order: safe, not latched. A host that vanished is the supervisor's matter. */
static void on_lost(void *self, int err)
{
    if (err == HIL_OK)
        let_go(self);
}

static struct hil_link_handler handler_of(struct fw_device *d)
{
    return (struct hil_link_handler){d, on_connected, on_image, on_message, on_lost};
}

static void receive(struct fw_device *d)
{
    struct hil_link_handler h = handler_of(d);
    uint8_t bytes[CHUNK];
    for (size_t n; (n = d->board->read(d->board->self, FW_PORT_LINK, bytes, sizeof bytes));)
        hil_link_receive(&d->link, bytes, n, fw_now(d), &h);
    if (!d->app->face)
        return;
    for (size_t n; (n = d->board->read(d->board->self, FW_PORT_FIELD, bytes, sizeof bytes));)
        d->app->face->receive(d, bytes, n, fw_now(d));
}

/* A frame goes out whole or waits: the board's buffer takes all of it or nothing. */
static void transmit(struct fw_device *d)
{
    struct hil_link_handler h = handler_of(d);
    for (;;) {
        if (d->tx_n == 0)
            d->tx_n = (uint16_t)hil_link_poll(&d->link, d->tx, sizeof d->tx, fw_now(d), &h);
        if (d->tx_n == 0 || d->board->write(d->board->self, FW_PORT_LINK, d->tx, d->tx_n) == 0)
            return;
        d->tx_n = 0;
    }
}

/* ---- start and poll ---- */

static void look_at_reset(struct fw_device *d)
{
    static const char *const started[] = {"started: power on", "started: warm reset", "started: cold reset",
                                          "started: brown-out", "started: watchdog"};
    d->reset_cause = (uint8_t)d->board->reset_cause(d->board->self);
    fw_say(d, started[d->reset_cause < 5 ? d->reset_cause : 0]);
    if (d->reset_cause == HIL_RESET_BROWN_OUT)
        fw_trip(d, HIL_CAUSE_BROWN_OUT, 0);
    if (d->reset_cause == HIL_RESET_WATCHDOG)
        fw_trip(d, HIL_CAUSE_WATCHDOG, 0);
}

static int tables_fit(const struct fw_app *app)
{
    return app->n_in <= FW_MAX_VALUES && app->n_out <= FW_MAX_VALUES &&
           23 + hil_link_values_size(app->out, app->n_out) <= HIL_LINK_MAX_IMAGE &&
           12 + hil_link_values_size(app->in, app->n_in) <= HIL_LINK_MAX_IMAGE;
}

void fw_device_init(struct fw_device *d, const struct fw_app *app, const struct fw_board *board, void *arena,
                    size_t size)
{
    static const struct hil_link_config config = {.host = 0};
    memset(d, 0, sizeof *d);
    d->app = app;
    d->board = board;
    fw_supervisor_init(&d->supervisor);
    hil_link_init(&d->link, &config);
    fw_drive(d); /* safe before anything else */
    look_at_reset(d);
    size_t control = fw_control_size(app), face = app->face ? app->face->size(app) : 0;
    if (!tables_fit(app) || control + face > size || fw_control_init(&d->control, app, arena, control)) {
        fw_trip(d, HIL_CAUSE_CONFIG, 0);
        return;
    }
    d->face = (unsigned char *)arena + control;
    if (!app->face)
        return;
    app->face->begin(d);
    fw_task_start(d, HIL_LINK_FREE, 1); /* a field device runs by itself */
}

static int host_is_lost(struct fw_device *d, int64_t now_ns)
{
    struct fw_supervisor *s = &d->supervisor;
    if (d->mode != HIL_LINK_LOCKSTEP)
        return fw_supervisor_check(s, d->app, now_ns);
    return s->active && now_ns - s->refreshed_ns > FW_LOCKSTEP_AGE &&
           fw_supervisor_trip(s, HIL_CAUSE_HOST_LOST, 0, now_ns);
}

static void guard(struct fw_device *d)
{
    const struct fw_board *b = d->board;
    b->kick_watchdog(b->self);
    if (b->stack_size && b->stack_used(b->self) > b->stack_size)
        fw_trip(d, HIL_CAUSE_STACK, 0);
    if (host_is_lost(d, fw_now(d)))
        fw_tripped(d);
}

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

/* Looked at again at least so often: the watchdog wants it. */
#define AT_LEAST_NS 100000000

static int64_t next_ns(struct fw_device *d)
{
    int64_t next = d->mode == HIL_LINK_FREE ? d->due_ns : INT64_MAX;
    if (d->mode != HIL_LINK_LOCKSTEP)
        next = earlier(next, fw_supervisor_next_ns(&d->supervisor, d->app));
    next = earlier(next, hil_link_next_ns(&d->link));
    if (d->app->face && d->app->face->next_ns && d->control.program)
        next = earlier(next, d->app->face->next_ns(d));
    next = fw_faults_board_time(&d->faults, next);
    if (d->image_due)
        next = earlier(next, d->image_ns);
    return earlier(next, d->board->now_ns(d->board->self) + AT_LEAST_NS);
}

int64_t fw_device_poll(struct fw_device *d)
{
    guard(d); /* first, so that a late poll cannot accept what came too late */
    receive(d);
    fw_task_poll(d);
    if (d->app->face && d->control.program)
        d->app->face->poll(d, fw_now(d));
    send_late_image(d);
    fw_session_poll(d);
    transmit(d);
    return next_ns(d);
}
