#include "hil_drivers/mb_rtu_wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 512

static struct hil_mb_rtu_wire *rtu(struct hil_mb_wire *w) { return (struct hil_mb_rtu_wire *)(void *)w; }

static void tell_counts(struct hil_mb_rtu_wire *w)
{
    for (unsigned i = 0; i < HIL_RTU_COUNTS; i++)
        atomic_store_explicit(&w->base.counters->count[HIL_MBC_WRONG_CRC + i], w->rx.count[i], memory_order_relaxed);
}

static void add(struct hil_mb_wire *base, size_t n)
{
    struct hil_mb_rtu_wire *w = rtu(base);
    w->expected = (uint32_t)(1 + hil_mb_answer_size(w->tx + 1) + 2);
    base->tx_bytes = (uint32_t)hil_rtu_request(w->tx, base->unit, n);
    base->n_sent = 1;
}

static int connect_line(struct hil_mb_wire *base, int64_t wait_ns)
{
    struct hil_mb_rtu_wire *w = rtu(base);
    (void)wait_ns; /* opening does not wait */
    hil_mb_wire_close(base);
    int fd = hil_serial_port_open(&w->port);
    if (fd < 0) {
        hil_mb_count(base->counters, HIL_MBC_FAILED_CONNECTS, 1);
        return HIL_E_OS;
    }
    hil_rtu_rx_clear(&w->rx);
    w->quiet_ns = 0;
    return hil_mb_wire_opened(base, fd);
}

static int broken(struct hil_mb_rtu_wire *w)
{
    if (!hil_thread_stopping(w->base.thread))
        hil_mb_count(w->base.counters, HIL_MBC_ERRORS_OS, 1);
    hil_mb_wire_close(&w->base);
    return HIL_E_OS;
}

/* Takes what has come, without waiting. */
static int receive(struct hil_mb_rtu_wire *w)
{
    uint8_t bytes[CHUNK];
    ssize_t n = read(w->base.fd, bytes, sizeof bytes);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return HIL_OK;
    if (n <= 0) { /* the adapter was pulled out, or the other end of a pseudo-terminal is gone */
        errno = n == 0 ? EIO : errno;
        return broken(w);
    }
    w->base.answered_ns = hil_now_ns();
    if (hil_rtu_rx_is_over(&w->rx, (size_t)n, w->base.answered_ns))
        hil_rtu_judge_answer(&w->rx, w->base.unit, w->tx + 1);
    hil_rtu_rx_start(&w->rx, (size_t)n, w->base.answered_ns);
    for (ssize_t i = 0; i < n; i++)
        hil_rtu_rx_push(&w->rx, bytes[i]);
    hil_mb_count(w->base.counters, HIL_MBC_BYTES_RECEIVED, (uint64_t)n);
    return HIL_OK;
}

/* Waits for bytes and takes them; HIL_E_TIMEOUT: none came until then. */
static int wait_and_receive(struct hil_mb_rtu_wire *w, int64_t due_ns)
{
    if (hil_thread_poll(w->base.thread, w->base.fd, POLLIN, due_ns))
        return receive(w);
    if (!hil_thread_stopping(w->base.thread))
        return HIL_E_TIMEOUT;
    errno = EINTR;
    return HIL_E_OS;
}

static int send_request(struct hil_mb_rtu_wire *w)
{
    uint32_t sent = 0;
    w->base.sent_ns = w->base.answered_ns = hil_now_ns();
    while (sent < w->base.tx_bytes) { /* once, unless the port's buffer is full */
        ssize_t n = write(w->base.fd, w->tx + sent, w->base.tx_bytes - sent);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return broken(w);
        if (n > 0)
            sent += (uint32_t)n;
        else if (!hil_thread_poll(w->base.thread, w->base.fd, POLLOUT, w->base.sent_ns + w->base.timeout_ns))
            return HIL_E_TIMEOUT;
    }
    hil_mb_count(w->base.counters, HIL_MBC_REQUESTS, 1);
    hil_mb_count(w->base.counters, HIL_MBC_BYTES_SENT, sent);
    return HIL_OK;
}

/* What was already there before a request is sent belongs to no answer, but for one that comes late. */
static void throw_away(struct hil_mb_rtu_wire *w)
{
    struct hil_mb_answer answer;
    if (w->quiet_ns && hil_rtu_find_answer(&w->rx, w->base.unit, w->owed, &answer)) {
        hil_mb_count(w->base.counters, HIL_MBC_LATE_ANSWERS, 1);
        w->quiet_ns = 0;
    }
    w->rx.count[HIL_RTU_NOISE_BYTES] += w->rx.n;
    hil_rtu_rx_clear(&w->rx);
}

static int wait_for_late_answer(struct hil_mb_rtu_wire *w)
{
    int rc = HIL_OK;
    while (w->quiet_ns && rc == HIL_OK) {
        struct hil_mb_answer answer;
        if (hil_rtu_find_answer(&w->rx, w->base.unit, w->owed, &answer)) {
            hil_mb_count(w->base.counters, HIL_MBC_LATE_ANSWERS, 1);
            w->quiet_ns = 0;
        } else {
            rc = wait_and_receive(w, w->quiet_ns);
        }
    }
    w->quiet_ns = rc == HIL_E_TIMEOUT ? 0 : w->quiet_ns;
    return rc == HIL_E_TIMEOUT ? HIL_OK : rc;
}

/* Leaves nothing behind that could be taken for an answer, and the line silent for long enough. */
static int prepare(struct hil_mb_rtu_wire *w)
{
    int rc = w->quiet_ns ? wait_for_late_answer(w) : receive(w);
    if (rc != HIL_OK)
        return rc;
    throw_away(w);
    if (w->rx.timing.turn_ns)
        hil_thread_sleep_until(w->base.thread, w->rx.last_ns + w->rx.timing.turn_ns);
    return HIL_OK;
}

/* Nobody answers, so on_answer is not called; the devices get time to do what they were told. */
static int broadcast(struct hil_mb_rtu_wire *w)
{
    int64_t line_ns = w->base.tx_bytes * w->rx.timing.char_ns;
    w->rx.count[HIL_RTU_BROADCASTS]++;
    hil_thread_sleep_until(w->base.thread, w->base.sent_ns + line_ns + w->turnaround_ns);
    w->base.answered_ns = hil_now_ns();
    return HIL_OK;
}

/* The answer may still come until then, and belongs to no later request. */
static void owe(struct hil_mb_rtu_wire *w, int64_t until_ns)
{
    memcpy(w->owed, w->tx + 1, sizeof w->owed);
    w->quiet_ns = until_ns;
}

static int give_up(struct hil_mb_rtu_wire *w, int64_t due_ns)
{
    hil_mb_count(w->base.counters, HIL_MBC_TIMEOUTS, 1);
    owe(w, due_ns + w->base.timeout_ns);
    errno = ETIMEDOUT;
    return HIL_E_TIMEOUT;
}

static int accept(struct hil_mb_rtu_wire *w, const struct hil_mb_answer *answer, hil_mb_on_answer on_answer,
                  void *context)
{
    struct hil_mb_counters *c = w->base.counters;
    hil_mb_count(c, HIL_MBC_ANSWERS, 1);
    hil_histogram_add(&c->round_trip, w->base.answered_ns - w->base.sent_ns);
    if (answer->exception)
        hil_mb_count_exception(c, answer->exception);
    on_answer(context, 0, answer);
    return HIL_OK;
}

/* Silence has ended a frame that holds no answer. HIL_OK: go on waiting. */
static int judge(struct hil_mb_rtu_wire *w)
{
    enum hil_rtu_verdict verdict = hil_rtu_judge_answer(&w->rx, w->base.unit, w->tx + 1);
    if (verdict == HIL_RTU_FOREIGN)
        hil_mb_count(w->base.counters, HIL_MBC_WRONG_UNIT, 1);
    if (verdict == HIL_RTU_MALFORMED)
        hil_mb_count(w->base.counters, HIL_MBC_MALFORMED, 1);
    return verdict == HIL_RTU_NOISE || verdict == HIL_RTU_FOREIGN ? HIL_OK : HIL_E_ARG;
}

static int await_answer(struct hil_mb_rtu_wire *w, hil_mb_on_answer on_answer, void *context)
{
    int64_t line_ns = (w->base.tx_bytes + w->expected) * w->rx.timing.char_ns;
    int64_t due = w->base.sent_ns + line_ns + w->base.timeout_ns;
    for (;;) {
        struct hil_mb_answer answer;
        int64_t over = hil_rtu_rx_over_ns(&w->rx);
        int rc = wait_and_receive(w, over < due ? over : due);
        if (rc == HIL_OK && hil_rtu_find_answer(&w->rx, w->base.unit, w->tx + 1, &answer))
            return accept(w, &answer, on_answer, context);
        if (rc == HIL_E_TIMEOUT && over < due)
            rc = judge(w);
        else if (rc == HIL_E_TIMEOUT)
            return give_up(w, due);
        if (rc == HIL_E_OS && w->base.fd >= 0) /* told to stop */
            owe(w, due);
        if (rc != HIL_OK)
            return rc;
    }
}

static int run(struct hil_mb_wire *base, hil_mb_on_answer on_answer, void *context)
{
    struct hil_mb_rtu_wire *w = rtu(base);
    int rc = prepare(w);
    rc = rc ? rc : send_request(w);
    if (rc == HIL_OK)
        rc = base->unit == HIL_RTU_BROADCAST ? broadcast(w) : await_answer(w, on_answer, context);
    tell_counts(w);
    return rc;
}

static void free_port(struct hil_mb_wire *base) { hil_serial_port_free(&rtu(base)->port); }

int hil_mb_rtu_wire_init(struct hil_mb_rtu_wire *w, const struct hil_serial_line *line, int64_t turnaround_ns)
{
    static const struct hil_mb_wire_kind kind = {connect_line, NULL, add, run, free_port};
    struct hil_rtu_timing timing = hil_serial_timing(line);
    hil_mb_wire_init(&w->base, &kind);
    w->base.tx = w->tx;
    w->base.head = 1;
    w->base.max_depth = 1;
    w->turnaround_ns = turnaround_ns;
    int rc = hil_serial_port_init(&w->port, line->fd, line->path);
    hil_rtu_rx_init(&w->rx, &timing, w->port.marked);
    if (rc == HIL_OK)
        return hil_mb_wire_opened(&w->base, line->fd);
    close(line->fd);
    return rc;
}
