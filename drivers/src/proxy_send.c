/* Frames that leave: at once, later, in pieces, or in numbers. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "proxy_private.h"

#define WRITES_PER_TURN 16 /* or a flood would leave no time for other connections */

/* ---- out of the door ---- */

static size_t room(struct proxy_stream *w)
{
    if (w->out_from == w->out_to)
        w->out_from = w->out_to = 0;
    return OUT_MAX - (w->out_to - w->out_from);
}

static int append(struct hil_proxy *p, struct proxy_session *s, int way, const uint8_t *data, size_t n)
{
    struct proxy_stream *w = &s->stream[way];
    if (room(w) < n)
        return 0;
    if (OUT_MAX - w->out_to < n) {
        memmove(w->out, w->out + w->out_from, w->out_to - w->out_from);
        w->out_to -= w->out_from;
        w->out_from = 0;
    }
    memcpy(w->out + w->out_to, data, n);
    w->out_to += n;
    proxy_add(p, HIL_PROXY_BYTES_OUT, n);
    return 1;
}

void proxy_forward(struct hil_proxy *p, struct proxy_session *s, int way, const uint8_t *data, size_t n)
{
    if (!append(p, s, way, data, n))
        proxy_add(p, HIL_PROXY_OVERFLOWS, 1);
}

static void refill_flood(struct hil_proxy *p, struct proxy_session *s, int way)
{
    struct proxy_stream *w = &s->stream[way];
    while (w->flood_left && room(w) >= OUT_FREE && append(p, s, way, w->flood, w->flood_n)) {
        w->flood_left--;
        proxy_tell_frame(p, s, way, !way, w->flood_fault, 0, w->flood, w->flood_n);
    }
}

static void throw_away(struct proxy_stream *w)
{
    w->out_from = w->out_to = 0;
    w->flood_left = 0;
}

/* At the end of a line nobody is, or who was there has gone: that is no end of the line. */
static int is_vacant(const struct hil_proxy *p, struct proxy_session *s, int way, int gone)
{
    if (way != HIL_PROXY_RESPONSE || !proxy_is_line(p, s))
        return 0;
    s->left |= gone;
    return gone || s->left || s->fd[0] < 0;
}

int proxy_flush(struct hil_proxy *p, struct proxy_session *s, int way)
{
    struct proxy_stream *w = &s->stream[way];
    int is_file = s->lasting && !(proxy_is_line(p, s) && way == HIL_PROXY_RESPONSE);
    if (!s->used || s->connecting)
        return 0;
    if (is_vacant(p, s, way, 0)) {
        throw_away(w);
        return 0;
    }
    for (int i = 0; i < WRITES_PER_TURN; i++) {
        refill_flood(p, s, way);
        if (w->out_from == w->out_to)
            break;
        const uint8_t *data = w->out + w->out_from;
        size_t n = w->out_to - w->out_from;
        ssize_t sent = is_file ? write(s->fd[!way], data, n) : send(s->fd[!way], data, n, MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR || is_vacant(p, s, way, 1) ? 0 : -1;
        w->out_from += (size_t)sent;
    }
    return 0;
}

/* ---- held frames ---- */

static struct proxy_held *free_place(struct proxy_stream *w)
{
    for (unsigned i = 0; i < HELD_MAX; i++)
        if (!w->held[i].used)
            return &w->held[i];
    return NULL;
}

static int hold(struct hil_proxy *p, struct proxy_stream *w, const uint8_t *data, size_t n, uint64_t number,
                const struct proxy_verdict *v)
{
    struct proxy_held *h = free_place(w);
    if (!h)
        return 0;
    h->used = 1;
    h->in_order = (uint8_t)(!v->after_next && (v->in_order || v->piece || !v->delay_ns));
    h->after_next = (uint8_t)v->after_next;
    h->due_ns = p->now_ns + v->delay_ns;
    h->gap_ns = v->gap_ns;
    h->turn = w->turn++;
    h->n = n;
    h->sent = 0;
    h->first = v->piece ? v->first : n;
    h->piece = v->piece ? v->piece : n;
    h->number = number;
    h->fault = (uint16_t)v->fault;
    memcpy(h->data, data, n);
    w->n_held++;
    w->n_in_order += h->in_order;
    return 1;
}

static const struct proxy_held *first_in_order(const struct proxy_stream *w)
{
    const struct proxy_held *first = NULL;
    for (unsigned i = 0; i < HELD_MAX && w->n_in_order; i++) {
        const struct proxy_held *h = &w->held[i];
        if (h->used && h->in_order && (!first || h->turn < first->turn))
            first = h;
    }
    return first;
}

/* The one that leaves next; NULL: nothing is held. */
static struct proxy_held *next_held(const struct proxy_stream *w)
{
    const struct proxy_held *ordered = first_in_order(w), *next = ordered;
    for (unsigned i = 0; i < HELD_MAX && w->n_held; i++) {
        const struct proxy_held *h = &w->held[i];
        int earlier = !next || h->due_ns < next->due_ns || (h->due_ns == next->due_ns && h->turn < next->turn);
        if (h->used && !h->in_order && earlier)
            next = h;
    }
    return (struct proxy_held *)next;
}

/* Nothing comes between the bytes of a frame that goes on as it comes. */
int64_t proxy_next_due(const struct proxy_stream *w)
{
    const struct proxy_held *h = w->passed ? NULL : next_held(w);
    return h ? h->due_ns : INT64_MAX;
}

/* Sends a piece; 0: there is no room for it. */
static int send_piece(struct hil_proxy *p, struct proxy_session *s, int way, struct proxy_held *h)
{
    struct proxy_stream *w = &s->stream[way];
    size_t left = h->n - h->sent, n = h->sent ? h->piece : h->first;
    n = n < left ? n : left;
    if (!append(p, s, way, h->data + h->sent, n))
        return 0;
    proxy_tell_frame(p, s, way, !way, h->fault, h->number, h->data + h->sent, n);
    h->sent += n;
    h->due_ns += h->gap_ns;
    if (h->sent == h->n) {
        h->used = 0;
        w->n_held--;
        w->n_in_order -= h->in_order;
    }
    return 1;
}

void proxy_release(struct hil_proxy *p, struct proxy_session *s, int way)
{
    struct proxy_stream *w = &s->stream[way];
    struct proxy_held *h;
    while (s->used && w->n_held && !w->passed && (h = next_held(w))->due_ns <= p->now_ns) {
        int in_pieces = h->piece < h->n || h->first < h->n;
        if (!send_piece(p, s, way, h))
            return;
        if (in_pieces && proxy_flush(p, s, way) < 0) /* a segment of its own */
            proxy_close(p, s, 1);
    }
}

/* ---- deliver ---- */

static void deliver_one(struct hil_proxy *p, struct proxy_session *s, int way, const uint8_t *data, size_t n,
                        uint64_t number, const struct proxy_verdict *v)
{
    struct proxy_stream *w = &s->stream[way];
    int waits = v->delay_ns || v->piece || v->after_next || w->n_in_order || w->passed;
    if (waits && hold(p, w, data, n, number, v))
        return;
    proxy_add(p, HIL_PROXY_NOT_HELD, (uint64_t)waits);
    if (append(p, s, way, data, n))
        proxy_tell_frame(p, s, way, !way, v->fault, number, data, n);
    else
        proxy_add(p, HIL_PROXY_OVERFLOWS, 1);
}

/* Those that wait for a frame to overtake them have seen it. */
static void let_go(struct hil_proxy *p, struct proxy_stream *w, uint64_t before)
{
    for (unsigned i = 0; i < HELD_MAX && w->n_held; i++)
        if (w->held[i].used && w->held[i].after_next && w->held[i].turn < before) {
            w->held[i].due_ns = p->now_ns;
            w->held[i].after_next = 0;
        }
}

void proxy_deliver(struct hil_proxy *p, struct proxy_session *s, int way, const uint8_t *data, size_t n,
                   uint64_t number, const struct proxy_verdict *v)
{
    struct proxy_stream *w = &s->stream[way];
    uint64_t before = w->turn;
    for (int i = 0; i <= v->copies; i++)
        deliver_one(p, s, way, data, n, number, v);
    if (v->flood) {
        memcpy(w->flood, data, w->flood_n = n);
        w->flood_left = (uint64_t)v->flood;
        w->flood_fault = v->fault;
    }
    if (!v->after_next)
        let_go(p, w, before);
    proxy_release(p, s, way);
}
