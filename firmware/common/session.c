/* What the host asks for over the link, and the answers. */
#include <string.h>

#include "device.h"
#include "hil/tick.h"

/* ---- answers ---- */

static struct fw_answer *answer(struct fw_device *d, uint8_t report, const uint8_t *id)
{
    if (d->n_answers == FW_MAX_ANSWERS)
        return NULL; /* cannot be: the host's window is as large, and it waits for answers */
    struct fw_answer *a = &d->answers[d->n_answers++];
    a->data[0] = report;
    a->data[1] = id ? id[0] : 0;
    a->data[2] = id ? id[1] : 0;
    a->n = 3;
    return a;
}

static void put(struct fw_answer *a, uint64_t v, unsigned n)
{
    hil_put_bytes(a->data + a->n, v, n);
    a->n = (uint8_t)(a->n + n);
}

static void done(struct fw_device *d, const uint8_t *id) { answer(d, HIL_REPORT_DONE, id); }

static int64_t now_in_mode(const struct fw_device *d)
{
    return d->mode == HIL_LINK_FREE ? fw_now(d) : (int64_t)fw_ticks(d);
}

static void refuse(struct fw_device *d, const uint8_t *id, int why, int64_t due)
{
    struct fw_answer *a = answer(d, HIL_REPORT_REFUSED, id);
    if (!a)
        return;
    put(a, (uint64_t)why, 1);
    put(a, (uint64_t)due, 8);
    put(a, (uint64_t)now_in_mode(d), 8);
}

static void tell_state(struct fw_device *d, const uint8_t *id)
{
    const struct fw_supervisor *s = &d->supervisor;
    struct fw_answer *a = answer(d, HIL_REPORT_STATE, id);
    if (!a)
        return;
    put(a, s->cause, 1);
    put(a, d->reset_cause, 1);
    put(a, d->mode, 1);
    put(a, !s->active, 1);
    put(a, (uint64_t)fw_now(d), 8);
    put(a, (uint64_t)s->refreshed_ns, 8);
    put(a, (uint64_t)s->tripped_ns, 8);
    put(a, fw_ticks(d), 8);
    put(a, s->output, 2);
}

static void tell_statistics(struct fw_device *d, const uint8_t *id)
{
    const struct fw_statistics *s = &d->statistics;
    const struct fw_board *b = d->board;
    struct fw_answer *a = answer(d, HIL_REPORT_STATISTICS, id);
    if (!a)
        return;
    put(a, fw_ticks(d), 8);
    put(a, s->overruns, 8);
    put(a, d->control.program ? hil_state_hash(d->control.program, d->control.state) : 0, 8);
    put(a, s->steps, 4);
    put(a, s->count_min, 4);
    put(a, s->count_max, 4);
    put(a, b->counter_hz, 4);
    put(a, b->stack_used(b->self), 4);
    put(a, b->stack_size, 4);
    put(a, d->link.counters.bad_crc, 4);
    put(a, b->lost(b->self, FW_PORT_LINK), 4);
    put(a, s->dropped, 4);
}

static void describe(struct fw_device *d, const uint8_t *id, const uint8_t *data)
{
    size_t total = strlen(d->app->description), offset = (size_t)hil_get_bytes(data, 2);
    struct fw_answer *a = answer(d, HIL_REPORT_DESCRIPTION, id);
    if (!a)
        return;
    offset = offset < total ? offset : total;
    size_t n = total - offset, room = HIL_LINK_MAX_MESSAGE - 7;
    n = n < room ? n : room;
    put(a, total, 2);
    put(a, offset, 2);
    memcpy(a->data + a->n, d->app->description + offset, n);
    a->n = (uint8_t)(a->n + n);
}

/* The ticks show the host whether all pieces are of one state. */
static void read_state(struct fw_device *d, const uint8_t *id, const uint8_t *data)
{
    size_t total = hil_state_size(d->control.program), offset = (size_t)hil_get_bytes(data, 4);
    struct fw_answer *a = answer(d, HIL_REPORT_MEMORY, id);
    if (!a)
        return;
    offset = offset < total ? offset : total;
    put(a, fw_ticks(d), 8);
    put(a, total, 4);
    put(a, offset, 4);
    size_t n = total - offset, room = HIL_LINK_MAX_MESSAGE - a->n;
    n = n < room ? n : room;
    memcpy(a->data + a->n, d->control.state + offset, n);
    a->n = (uint8_t)(a->n + n);
}

/* ---- commands ---- */

static void start(struct fw_device *d, const uint8_t *id, const uint8_t *data)
{
    if (!d->control.program || data[0] < HIL_LINK_FREE || data[0] > HIL_LINK_LOCKSTEP) {
        refuse(d, id, d->control.program ? HIL_E_ARG : HIL_E_HASH, 0);
        return;
    }
    fw_task_start(d, data[0], data[1]);
    done(d, id);
}

static void clear(struct fw_device *d, const uint8_t *id)
{
    int err = fw_clear(d);
    if (err)
        refuse(d, id, err, 0);
    else
        done(d, id);
}

/* The tick that begins at or after a time of the device's clock; HIL_E_LATE when that has gone by. */
static int tick_of(const struct fw_device *d, int64_t due, uint64_t *tick)
{
    uint64_t next = fw_ticks(d);
    *tick = next;
    if (due == HIL_LINK_NOW)
        return HIL_OK;
    if (due < 0)
        return HIL_E_LATE;
    int64_t period = d->app->spec->period_ns, since = due - d->origin_ns;
    if (d->mode == HIL_LINK_FREE && due <= d->due_ns - period)
        return HIL_E_LATE;
    *tick = d->mode == HIL_LINK_FREE ? (uint64_t)((since + period - 1) / period) : (uint64_t)due;
    return *tick < next ? HIL_E_LATE : HIL_OK;
}

static int set(struct fw_device *d, uint64_t tick, const uint8_t *data)
{
    uint16_t number = (uint16_t)hil_get_bytes(data, 2);
    uint64_t bits = hil_get_bytes(data + 2, 8);
    if (number >= d->app->n_params)
        return HIL_E_ARG;
    const struct fw_param *param = &d->app->params[number];
    struct hil_event e = {.due = tick, .kind = HIL_EV_PARAM};
    e.target = hil_offset_param(d->control.program, param->block, param->param);
    memcpy(&e.v[0], &bits, 8);
    return hil_event_push(d->control.program, d->control.state, &e);
}

static int fault(struct fw_device *d, uint64_t tick, const uint8_t *data)
{
    struct fw_staged_fault f = {.due = tick, .kind = data[0], .target = (uint32_t)hil_get_bytes(data + 1, 4)};
    uint64_t bits = hil_get_bytes(data + 5, 8);
    memcpy(&f.argument, &bits, 8);
    return fw_faults_stage(d, &f);
}

static void at_time(struct fw_device *d, uint8_t op, const uint8_t *id, const uint8_t *data)
{
    int64_t due = (int64_t)hil_get_bytes(data, 8);
    uint64_t tick = 0;
    int err = d->control.program ? tick_of(d, due, &tick) : HIL_E_HASH;
    if (!err)
        err = op == HIL_OP_SET ? set(d, tick, data + 8) : fault(d, tick, data + 8);
    if (err)
        refuse(d, id, err, due);
    else
        done(d, id);
}

static size_t arguments_of(uint8_t op)
{
    static const uint8_t size[] = {
        [HIL_OP_DESCRIBE] = 2, [HIL_OP_START] = 2, [HIL_OP_SET] = 18, [HIL_OP_FAULT] = 21, [HIL_OP_READ] = 4};
    return op < sizeof size ? size[op] : 0;
}

void fw_session_message(struct fw_device *d, const uint8_t *data, size_t n)
{
    if (n < 3)
        return;
    const uint8_t *id = data + 1, *rest = data + 3;
    if (n - 3 != arguments_of(data[0])) {
        refuse(d, id, HIL_E_SIZE, 0);
        return;
    }
    switch (data[0]) {
    case HIL_OP_DESCRIBE: describe(d, id, rest); break;
    case HIL_OP_START: start(d, id, rest); break;
    case HIL_OP_STOP: fw_task_stop(d), done(d, id); break;
    case HIL_OP_STATE:
        if (d->mode == HIL_LINK_LOCKSTEP) /* between two steps a host asks this to say that it is still there */
            fw_supervisor_refresh(&d->supervisor, fw_now(d));
        tell_state(d, id);
        break;
    case HIL_OP_CLEAR: clear(d, id); break;
    case HIL_OP_SET:
    case HIL_OP_FAULT: at_time(d, data[0], id, rest); break;
    case HIL_OP_STATISTICS: tell_statistics(d, id); break;
    case HIL_OP_READ: d->control.program ? read_state(d, id, rest) : refuse(d, id, HIL_E_HASH, 0); break;
    default: refuse(d, id, HIL_E_UNSUPPORTED, 0); break;
    }
}

static void tell_log(struct fw_device *d)
{
    int64_t time_ns;
    const char *text = fw_log_take(&d->log, &time_ns);
    struct fw_answer *a = text ? answer(d, HIL_REPORT_LOG, NULL) : NULL;
    if (!a)
        return;
    put(a, (uint64_t)time_ns, 8);
    size_t n = strlen(text), room = HIL_LINK_MAX_MESSAGE - a->n;
    n = n < room ? n : room;
    memcpy(a->data + a->n, text, n);
    a->n = (uint8_t)(a->n + n);
}

/* Sends what waits, in order, as far as the link's window has room. */
void fw_session_poll(struct fw_device *d)
{
    if (!hil_link_is_connected(&d->link))
        return;
    if (d->state_due && d->n_answers < FW_MAX_ANSWERS) {
        d->state_due = 0;
        tell_state(d, NULL);
    }
    while (d->log.n && d->n_answers < FW_MAX_ANSWERS / 2) /* answers come first */
        tell_log(d);
    unsigned sent = 0;
    while (sent < d->n_answers &&
           hil_link_send_message(&d->link, d->answers[sent].data, d->answers[sent].n, fw_now(d)) == HIL_OK)
        sent++;
    d->n_answers = (uint8_t)(d->n_answers - sent);
    memmove(d->answers, d->answers + sent, d->n_answers * sizeof d->answers[0]);
}
