#include <errno.h>
#include <string.h>

#include "link_bus_private.h"

#define HEAD           3 /* op or report, id */
#define DESCRIPTION    4 /* total, offset: before a piece of the description */
#define TICKS_IN_STATE 28

/* ---- what the device says ---- */

static void keep_report(struct hil_link_bus *b, const struct hil_link_answer *answer)
{
    hil_link_bus_add(b, HIL_LBC_REPORTS, 1);
    if (b->n_reports == HIL_LINK_BUS_REPORTS) { /* the oldest goes: what comes last tells most */
        hil_link_bus_add(b, HIL_LBC_LOST_REPORTS, 1);
        b->report_first = (b->report_first + 1) % HIL_LINK_BUS_REPORTS;
        b->n_reports--;
    }
    b->reports[(b->report_first + b->n_reports++) % HIL_LINK_BUS_REPORTS] = *answer;
}

static void keep_answer(struct hil_link_bus *b, const struct hil_link_answer *answer)
{
    hil_link_bus_add(b, HIL_LBC_REFUSALS, answer->report == HIL_REPORT_REFUSED);
    for (unsigned i = 0; i < HIL_LINK_BUS_ASKS; i++) {
        struct hil_link_ask *a = &b->asks[i];
        if (a->state != ASK_WAITS || a->answer.id != answer->id)
            continue;
        a->answer = *answer;
        a->state = ASK_ANSWERED;
        hil_link_bus_add(b, HIL_LBC_ANSWERS, 1);
        pthread_cond_broadcast(&b->changed);
        return;
    }
    hil_link_bus_add(b, HIL_LBC_LATE_ANSWERS, answer->id != b->own_id);
}

void hil_link_bus_on_message(void *bus, const uint8_t *data, size_t n, int64_t now_ns)
{
    struct hil_link_bus *b = bus;
    struct hil_link_answer answer;
    (void)now_ns;
    if (n < HEAD) {
        hil_link_bus_add(b, HIL_LBC_WRONG_SIZE, 1);
        return;
    }
    answer.report = data[0];
    answer.id = (uint16_t)hil_get_bytes(data + 1, 2);
    answer.n = (uint16_t)(n - HEAD);
    memcpy(answer.data, data + HEAD, n - HEAD);
    if (answer.id)
        keep_answer(b, &answer);
    else
        keep_report(b, &answer);
}

int hil_link_bus_report(struct hil_link_bus *b, struct hil_link_answer *report)
{
    pthread_mutex_lock(&b->lock);
    int any = b->n_reports > 0;
    if (any) {
        *report = b->reports[b->report_first];
        b->report_first = (b->report_first + 1) % HIL_LINK_BUS_REPORTS;
        b->n_reports--;
    }
    pthread_mutex_unlock(&b->lock);
    return any;
}

/* ---- what the device is asked ---- */

static int send_op(struct hil_link_bus *b, uint8_t op, uint16_t id, const uint8_t *payload, size_t n)
{
    uint8_t data[HIL_LINK_MAX_MESSAGE];
    data[0] = op;
    hil_put_bytes(data + 1, id, 2);
    if (n)
        memcpy(data + HEAD, payload, n);
    return hil_link_send_message(&b->link, data, HEAD + n, hil_now_ns());
}

static uint16_t new_id(struct hil_link_bus *b) { return b->last_id = b->last_id == UINT16_MAX ? 1 : b->last_id + 1; }

static struct hil_link_ask *free_ask(struct hil_link_bus *b)
{
    for (unsigned i = 0; i < HIL_LINK_BUS_ASKS; i++)
        if (b->asks[i].state == ASK_FREE)
            return &b->asks[i];
    return NULL;
}

static int wait_for_ask(struct hil_link_bus *b, int64_t due_ns, struct hil_link_ask **ask)
{
    int rc = hil_link_bus_check(b);
    while (rc == HIL_OK && !(*ask = free_ask(b))) {
        rc = hil_link_bus_wait(b, due_ns);
        rc = rc ? rc : hil_link_bus_check(b);
    }
    return rc;
}

static int ask(struct hil_link_bus *b, uint8_t op, const uint8_t *payload, size_t n, int64_t due_ns,
               struct hil_link_answer *answer)
{
    struct hil_link_ask *a;
    const uint64_t frames = b->link.counters.frames_in;
    const int64_t begin_ns = hil_now_ns();
    hil_link_bus_patient(b);
    int rc = wait_for_ask(b, due_ns, &a);
    if (rc != HIL_OK)
        return rc;
    a->state = ASK_WAITS;
    a->answer.id = new_id(b);
    while ((rc = send_op(b, op, a->answer.id, payload, n)) == HIL_E_FULL && hil_link_bus_wait(b, due_ns) == HIL_OK) {
    }
    hil_link_bus_add(b, HIL_LBC_ASKED, rc == HIL_OK);
    while (rc == HIL_OK && a->state == ASK_WAITS)
        rc = hil_link_bus_wait(b, due_ns);
    if (a->state == ASK_LOST || rc == HIL_E_ARG) { /* E_ARG: it was lost before the message could be given */
        rc = hil_link_bus_check(b);
        errno = rc == HIL_OK ? ECONNRESET : errno; /* it is there again, and knows of nothing */
        rc = HIL_E_OS;
    } else if (a->state == ASK_ANSWERED) {
        *answer = a->answer;
        rc = HIL_OK;
    }
    a->state = ASK_FREE;
    if (rc == HIL_E_TIMEOUT || rc == HIL_E_FULL)
        hil_link_bus_timed_out(b, begin_ns, frames);
    return rc == HIL_E_FULL ? HIL_E_TIMEOUT : rc;
}

int hil_link_bus_ask(struct hil_link_bus *b, uint8_t op, const uint8_t *payload, size_t n, int64_t timeout_ns,
                     struct hil_link_answer *answer)
{
    if (n > HIL_LINK_MAX_MESSAGE - HEAD)
        return HIL_E_SIZE;
    pthread_mutex_lock(&b->lock);
    int rc = ask(b, op, payload, n, hil_now_ns() + timeout_ns, answer);
    pthread_mutex_unlock(&b->lock);
    return rc;
}

int hil_link_bus_describe(struct hil_link_bus *b, char *text, size_t size, size_t *n, int64_t timeout_ns)
{
    size_t total = 1;
    for (*n = 0; *n < total;) {
        struct hil_link_answer a;
        uint8_t offset[2];
        hil_put_bytes(offset, *n, 2);
        int rc = hil_link_bus_ask(b, HIL_OP_DESCRIBE, offset, 2, timeout_ns, &a);
        if (rc != HIL_OK)
            return rc;
        if (a.report != HIL_REPORT_DESCRIPTION || a.n < DESCRIPTION || hil_get_bytes(a.data + 2, 2) != *n)
            return HIL_E_ARG;
        total = (size_t)hil_get_bytes(a.data, 2);
        size_t piece = a.n - DESCRIPTION;
        if (total > size || *n + piece > total)
            return HIL_E_SIZE;
        if (piece == 0 && *n < total)
            return HIL_E_ARG; /* it would never end */
        memcpy(text + *n, a.data + DESCRIPTION, piece);
        *n += piece;
    }
    return HIL_OK;
}

/* ---- starting the control task ---- */

/* What an earlier run published is not sent. */
static void set_mode(struct hil_link_bus *b, enum hil_link_mode mode, uint32_t step)
{
    pthread_mutex_lock(&b->lock);
    b->mode = mode;
    b->step = step;
    hil_box_take(&b->out);
    b->newest = NULL;
    pthread_mutex_unlock(&b->lock);
}

/* Steps are counted by the device from the reset of its task on. */
static int ask_step(struct hil_link_bus *b, int64_t timeout_ns, uint32_t *step)
{
    struct hil_link_answer state;
    int rc = hil_link_bus_ask(b, HIL_OP_STATE, NULL, 0, timeout_ns, &state);
    if (rc == HIL_OK && (state.report != HIL_REPORT_STATE || state.n != HIL_LINK_STATE_SIZE))
        return HIL_E_ARG;
    *step = rc == HIL_OK ? (uint32_t)hil_get_bytes(state.data + TICKS_IN_STATE, 8) : 0;
    return rc;
}

int hil_link_bus_begin(struct hil_link_bus *b, enum hil_link_mode mode, int reset, int64_t timeout_ns,
                       struct hil_link_answer *answer)
{
    const uint8_t payload[2] = {(uint8_t)mode, reset != 0};
    uint32_t step = 0;
    if (b->moving)
        return HIL_E_ARG;
    set_mode(b, mode, 0); /* a device that runs freely sends at once */
    int rc = hil_link_bus_ask(b, HIL_OP_START, payload, sizeof payload, timeout_ns, answer);
    if (rc == HIL_OK && answer->report != HIL_REPORT_DONE)
        rc = HIL_E_UNSUPPORTED;
    if (rc == HIL_OK && mode == HIL_LINK_LOCKSTEP)
        rc = ask_step(b, timeout_ns, &step);
    if (rc == HIL_OK)
        b->step = step;
    else
        set_mode(b, HIL_LINK_IDLE, 0);
    return rc;
}

void hil_link_bus_restart(struct hil_link_bus *b)
{
    const uint8_t payload[2] = {HIL_LINK_FREE, 0};
    b->own_id = new_id(b);
    b->restart_due = send_op(b, HIL_OP_START, b->own_id, payload, sizeof payload) != HIL_OK;
}

void hil_link_bus_halt(struct hil_link_bus *b)
{
    b->halted = 1;
    b->own_id = new_id(b);
    send_op(b, HIL_OP_STOP, b->own_id, NULL, 0); /* no room: the device finds out by the age of its outputs */
}
