#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "mb_server_private.h"

static void watch(struct hil_mb_server *s, struct hil_mb_session *c, int op, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = c};
    if (epoll_ctl(s->epoll_fd, op, c->fd, &e) < 0)
        hil_mb_session_close(s, c);
}

void hil_mb_session_open(struct hil_mb_server *s, struct hil_mb_session *c, int fd)
{
    c->fd = fd;
    c->proven = c->sending = 0;
    c->active_ns = s->now_ns;
    c->tx_head = c->tx_tail = 0;
    c->rx = (struct hil_mbap_stream){.data = c->rx_data, .size = sizeof c->rx_data};
    atomic_fetch_add(&s->n_clients, 1);
    watch(s, c, EPOLL_CTL_ADD, EPOLLIN);
}

void hil_mb_session_close(struct hil_mb_server *s, struct hil_mb_session *c)
{
    if (c->fd < 0)
        return;
    close(c->fd);
    c->fd = -1;
    atomic_fetch_sub(&s->n_clients, 1);
    if (s->accept_again_ns) /* a descriptor is free again */
        hil_mb_pause_accept(s, 0);
}

/* Sends what waits. What the client does not take stays, and nothing more is read from it until it does. */
static void flush(struct hil_mb_server *s, struct hil_mb_session *c)
{
    ssize_t n = send(c->fd, c->tx + c->tx_head, c->tx_tail - c->tx_head, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        hil_mb_count(&s->serving.counters, HIL_MBC_CLOSED_BY_PEER, 1);
        hil_mb_session_close(s, c);
        return;
    }
    if (n > 0) {
        c->tx_head += (uint32_t)n;
        hil_mb_count(&s->serving.counters, HIL_MBC_BYTES_SENT, (uint64_t)n);
    }
    int all = c->tx_head == c->tx_tail;
    if (all)
        c->tx_head = c->tx_tail = 0;
    if (all == !c->sending)
        return;
    c->sending = !all;
    hil_mb_count(&s->serving.counters, HIL_MBC_BACK_PRESSURE, !all);
    watch(s, c, EPOLL_CTL_MOD, all ? EPOLLIN : EPOLLOUT);
}

static int is_ours(const struct hil_mb_server *s, uint8_t unit)
{
    return s->unit < 0 || unit == s->unit || unit == 0 || unit == 255;
}

/* Executes one request and appends its answer. Returns 1 when registers were written. */
static int serve_frame(struct hil_mb_server *s, struct hil_mb_session *c, const struct hil_mbap_frame *f)
{
    uint8_t *adu = c->tx + c->tx_tail, *pdu = adu + HIL_MBAP_SIZE;
    int wrote = 0;
    size_t n;
    hil_mb_count(&s->serving.counters, HIL_MBC_REQUESTS, 1);
    if (is_ours(s, f->unit)) {
        n = hil_mb_serve(&s->serving.bank, f->pdu, f->n, pdu, &wrote);
    } else {
        hil_mb_count(&s->serving.counters, HIL_MBC_WRONG_UNIT, 1);
        n = hil_mb_exception_encode(f->pdu[0], HIL_MB_GATEWAY_TARGET, pdu);
    }
    if (pdu[0] & 0x80)
        hil_mb_count_exception(&s->serving.counters, pdu[1]);
    else
        c->proven = 1;
    c->tx_tail += (uint32_t)hil_mbap_encode(adu, f->transaction, f->unit, n);
    hil_mb_count(&s->serving.counters, HIL_MBC_ANSWERS, 1);
    return wrote;
}

static void serve_frames(struct hil_mb_server *s, struct hil_mb_session *c)
{
    struct hil_mbap_frame frame;
    enum hil_mbap_result result;
    int wrote = 0;
    while ((result = hil_mbap_next(&c->rx, &frame)) != HIL_MBAP_MORE && result != HIL_MBAP_LOST) {
        if (result == HIL_MBAP_FRAME)
            wrote |= serve_frame(s, c, &frame);
        else /* another protocol's frame is discarded (guide, figure 16) */
            hil_mb_count(&s->serving.counters, HIL_MBC_MALFORMED, 1);
    }
    if (wrote)
        hil_mb_serving_publish(&s->serving, s->now_ns);
    if (c->tx_tail)
        flush(s, c);
    if (result == HIL_MBAP_LOST) {
        hil_mb_count(&s->serving.counters, HIL_MBC_MALFORMED, 1);
        hil_mb_count(&s->serving.counters, HIL_MBC_CLOSED_JUNK, 1);
        hil_mb_session_close(s, c);
    }
}

void hil_mb_session_ready(struct hil_mb_server *s, struct hil_mb_session *c)
{
    if (c->fd < 0)
        return; /* closed earlier in this turn */
    if (c->sending) {
        flush(s, c);
        return;
    }
    size_t room;
    uint8_t *space = hil_mbap_space(&c->rx, &room);
    ssize_t n = recv(c->fd, space, room, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (n <= 0) {
        hil_mb_count(&s->serving.counters, HIL_MBC_CLOSED_BY_PEER, 1);
        hil_mb_session_close(s, c);
        return;
    }
    hil_mbap_received(&c->rx, (size_t)n);
    hil_mb_count(&s->serving.counters, HIL_MBC_BYTES_RECEIVED, (uint64_t)n);
    c->active_ns = s->now_ns;
    hil_mb_serving_refresh(&s->serving);
    serve_frames(s, c);
    hil_histogram_add(&s->serving.counters.round_trip, hil_now_ns() - s->now_ns);
}
