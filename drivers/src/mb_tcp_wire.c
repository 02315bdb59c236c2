#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>

#include "mb_gather.h"
#include "mb_resolve.h"
#include "mb_tcp_private.h"

/* A device that leaves this many batches unanswered in a row gets a new connection: it may have forgotten this one. */
#define TIMEOUTS_TO_CLOSE 3

static void add(struct hil_mb_wire *base, size_t n)
{
    struct hil_mb_tcp_wire *w = hil_mb_tcp(base);
    if (base->n_sent == 0) {
        w->expected = 0;
        w->refused = 0;
        w->first = w->transaction;
    }
    uint8_t *adu = w->tx + w->base.tx_bytes;
    w->at[w->base.n_sent] = (uint16_t)(w->base.tx_bytes + HIL_MBAP_SIZE);
    w->done[w->base.n_sent++] = 0;
    w->expected += (uint32_t)(HIL_MBAP_SIZE + hil_mb_answer_size(adu + HIL_MBAP_SIZE));
    w->base.tx_bytes += (uint32_t)hil_mbap_encode(adu, w->transaction++, w->base.unit, n);
}

static int broken(struct hil_mb_tcp_wire *w, int rc)
{
    if (rc == HIL_E_OS && !hil_thread_stopping(w->base.thread)) /* a stop breaks the connection on purpose */
        hil_mb_count(w->base.counters, HIL_MBC_ERRORS_OS, 1);
    if (rc == HIL_E_ARG)
        hil_mb_count(w->base.counters, HIL_MBC_MALFORMED, 1);
    hil_mb_wire_close(&w->base);
    return rc;
}

static int send_batch(struct hil_mb_tcp_wire *w)
{
    uint32_t sent = 0;
    w->n_answered = 0;
    w->base.sent_ns = hil_now_ns();
    while (sent < w->base.tx_bytes) { /* once, unless the device has stopped reading */
        ssize_t n = send(w->base.fd, w->tx + sent, w->base.tx_bytes - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return broken(w, HIL_E_OS);
        sent += (uint32_t)n;
    }
    hil_mb_count(w->base.counters, HIL_MBC_REQUESTS, w->base.n_sent);
    hil_mb_count(w->base.counters, HIL_MBC_BYTES_SENT, w->base.tx_bytes);
    return HIL_OK;
}

/* An answer to nothing in this batch: late when its request was given up, else wrong. */
static void count_stranger(struct hil_mb_tcp_wire *w, uint16_t transaction)
{
    unsigned n = w->n_abandoned < HIL_MB_ABANDONED ? w->n_abandoned : HIL_MB_ABANDONED;
    for (unsigned i = 0; i < n; i++) {
        if (w->abandoned[i] == transaction) {
            hil_mb_count(w->base.counters, HIL_MBC_LATE_ANSWERS, 1);
            return;
        }
    }
    hil_mb_count(w->base.counters, HIL_MBC_WRONG_TRANSACTION, 1);
}

static int take_frame(struct hil_mb_tcp_wire *w, const struct hil_mbap_frame *f, hil_mb_on_answer on_answer,
                      void *context)
{
    unsigned k = (uint16_t)(f->transaction - w->first);
    if (k >= w->base.n_sent || w->done[k]) {
        count_stranger(w, f->transaction);
        return HIL_OK;
    }
    if (f->unit != w->base.unit) {
        hil_mb_count(w->base.counters, HIL_MBC_WRONG_UNIT, 1);
        hil_mb_wire_close(&w->base);
        return HIL_E_ARG;
    }
    struct hil_mb_answer answer;
    if (hil_mb_answer_decode(w->tx + w->at[k], f->pdu, f->n, &answer) != HIL_OK)
        return broken(w, HIL_E_ARG);
    w->done[k] = 1;
    w->n_answered++;
    hil_mb_count(w->base.counters, HIL_MBC_ANSWERS, 1);
    hil_histogram_add(&w->base.counters->round_trip, w->base.answered_ns - w->base.sent_ns);
    if (answer.exception) {
        hil_mb_count_exception(w->base.counters, answer.exception);
        w->refused = 1;
    }
    on_answer(context, k, &answer);
    return HIL_OK;
}

static int take_frames(struct hil_mb_tcp_wire *w, hil_mb_on_answer on_answer, void *context)
{
    struct hil_mbap_frame frame;
    enum hil_mbap_result result;
    while ((result = hil_mbap_next(&w->rx, &frame)) != HIL_MBAP_MORE) {
        if (result != HIL_MBAP_FRAME)
            return broken(w, HIL_E_ARG);
        int rc = take_frame(w, &frame, on_answer, context);
        if (rc != HIL_OK)
            return rc;
    }
    return HIL_OK;
}

static int give_up(struct hil_mb_tcp_wire *w)
{
    hil_mb_count(w->base.counters, HIL_MBC_TIMEOUTS, w->base.n_sent - w->n_answered);
    for (unsigned k = 0; k < w->base.n_sent; k++)
        if (!w->done[k])
            w->abandoned[w->n_abandoned++ % HIL_MB_ABANDONED] = (uint16_t)(w->first + k);
    if (++w->timeouts_in_row >= TIMEOUTS_TO_CLOSE)
        hil_mb_wire_close(&w->base);
    errno = ETIMEDOUT;
    return HIL_E_TIMEOUT;
}

/* One recv. HIL_E_TIMEOUT when nothing came within the socket's own timeout. */
static int receive(struct hil_mb_tcp_wire *w)
{
    size_t room;
    uint8_t *space = hil_mbap_space(&w->rx, &room);
    ssize_t n = recv(w->base.fd, space, room, 0);
    w->base.answered_ns = hil_now_ns();
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return HIL_E_TIMEOUT;
    if (n < 0 && errno == EINTR)
        return HIL_OK;
    if (n <= 0) {
        errno = n == 0 ? ECONNRESET : errno;
        return broken(w, HIL_E_OS);
    }
    hil_mbap_received(&w->rx, (size_t)n);
    hil_mb_count(w->base.counters, HIL_MBC_BYTES_RECEIVED, (uint64_t)n);
    return HIL_OK;
}

/* More answers are to come. A device with Nagle's algorithm holds the next one back until we acknowledge the last, which we
 * would put off by 40 ms: acknowledge now. (The option holds for a moment only, so it cannot be set once.) */
static void acknowledge(struct hil_mb_tcp_wire *w)
{
    int one = 1;
    setsockopt(w->base.fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
}

/* Waits for data and takes what came. */
static int wait_for_answers(struct hil_mb_tcp_wire *w, int64_t due, hil_mb_on_answer on_answer, void *context)
{
    /* A bare recv waits for the whole timeout, so a device that drips could stretch it without end. Past an eighth of it we
     * wait for what is left, which costs a second system call. */
    int late = w->base.answered_ns - w->base.sent_ns > w->base.timeout_ns / 8;
    if (late && !hil_thread_poll(w->base.thread, w->base.fd, POLLIN, due))
        return HIL_E_TIMEOUT;
    int rc = receive(w);
    return rc == HIL_OK ? take_frames(w, on_answer, context) : rc;
}

static int run(struct hil_mb_wire *base, hil_mb_on_answer on_answer, void *context)
{
    struct hil_mb_tcp_wire *w = hil_mb_tcp(base);
    hil_mb_gather_begin(w);
    int rc = send_batch(w);
    if (rc != HIL_OK)
        return rc;
    w->base.answered_ns = w->base.sent_ns;
    while (w->n_answered < w->base.n_sent) {
        rc = wait_for_answers(w, w->base.sent_ns + w->base.timeout_ns, on_answer, context);
        if (rc != HIL_OK && rc != HIL_E_TIMEOUT)
            return rc;
        if (w->n_answered == w->base.n_sent)
            break;
        int gathered = hil_mb_gather_end(w);
        if (rc == HIL_E_TIMEOUT && !gathered)
            return give_up(w);
        acknowledge(w);
    }
    hil_mb_gather_learn(w);
    w->timeouts_in_row = 0;
    return HIL_OK;
}

int hil_mb_tcp_wire_init(struct hil_mb_tcp_wire *w, const char *host, uint16_t port)
{
    static const struct hil_mb_wire_kind kind = {hil_mb_tcp_connect, hil_mb_tcp_interrupt, add, run, NULL};
    hil_mb_wire_init(&w->base, &kind);
    w->base.tx = w->tx;
    w->base.head = HIL_MBAP_SIZE;
    w->base.max_depth = HIL_MB_MAX_DEPTH;
    w->rx = (struct hil_mbap_stream){.data = w->rx_data, .size = sizeof w->rx_data};
    return hil_mb_resolve(host, port, &w->address, &w->address_size);
}
