/* From bytes to frames, and what becomes of each. */
#include <string.h>

#include "proxy_private.h"

/* ---- transactions ---- */

static struct proxy_request *note_request(struct hil_proxy *p, struct proxy_session *s, const struct proxy_frame *f)
{
    struct proxy_request *r = &s->requests[s->next_request++ % REQUESTS];
    *r = (struct proxy_request){++p->transactions, f->id, f->unit, f->function, f->address, f->quantity, -1, -1, 0};
    return r;
}

/* The newest request with this transaction number; on a serial line the newest. */
static struct proxy_request *find_request(struct hil_proxy *p, struct proxy_session *s, const struct proxy_frame *f)
{
    if (p->options.protocol == HIL_PROXY_LINK || f->n < 2)
        return NULL;
    int id = p->options.protocol == HIL_PROXY_TCP ? proxy_get16(f->data) : 0;
    for (unsigned i = 1; i <= REQUESTS; i++) {
        struct proxy_request *r = &s->requests[(s->next_request - i) % REQUESTS];
        if (r->number && r->id == id)
            return r;
    }
    return NULL;
}

/* The client gets the answer of the unit and the registers that it has asked for. */
static void put_mask_on(struct proxy_frame *f, const struct proxy_request *r)
{
    int echoes = f->function == 5 || f->function == 6 || f->function == 15 || f->function == 16 || f->function == 22;
    if (r->real_unit >= 0)
        f->data[f->head - 1] = (uint8_t)(f->unit = r->real_unit);
    if (r->real_address >= 0 && echoes && !f->is_exception && proxy_pdu_size(f) >= 3)
        proxy_put16(proxy_pdu(f) + 1, r->real_address);
    proxy_seal(f);
}

static void look_up(struct hil_proxy *p, struct proxy_session *s, struct proxy_frame *f)
{
    f->request = f->way == HIL_PROXY_RESPONSE ? find_request(p, s, f) : NULL;
    proxy_look(p->options.protocol, f, f->request);
    if (f->way == HIL_PROXY_REQUEST)
        f->request = note_request(p, s, f);
    f->number = f->request ? f->request->number : 0;
}

/* ---- frames ---- */

static void carry_out(struct hil_proxy *p, struct proxy_session *s, const struct proxy_frame *f,
                      const struct proxy_verdict *v)
{
    struct proxy_stream *w = &s->stream[f->way];
    if (v->n_answer) {
        struct proxy_verdict plain = {.fault = v->fault};
        proxy_deliver(p, s, !f->way, v->answer, v->n_answer, f->number, &plain);
        if (proxy_flush(p, s, !f->way) < 0)
            proxy_close(p, s, 1);
    }
    if (v->mute) {
        w->muted = 1;
        w->mute_ns = v->mute_ns;
    }
    if (!v->drop)
        proxy_deliver(p, s, f->way, f->data, f->n, f->number, v);
    if (v->reset)
        proxy_close(p, s, 1);
}

/* It has gone on as it came: only what is told of it is left. */
static void has_passed(struct hil_proxy *p, struct proxy_session *s, int way, const uint8_t *data, size_t n,
                       uint64_t number)
{
    proxy_tell_frame(p, s, way, !way, 0, number, data, n);
    s->stream[way].muted = 0; /* or it would not have gone */
    proxy_end_through(p, s, way);
}

static void pass_frame(struct hil_proxy *p, struct proxy_session *s, int way, const uint8_t *data, size_t n)
{
    struct proxy_frame *f = &p->frame;
    struct proxy_verdict v;
    memcpy(f->data, data, n);
    f->n = n;
    f->way = way;
    look_up(p, s, f);
    proxy_add(p, way == HIL_PROXY_REQUEST ? HIL_PROXY_REQUESTS : HIL_PROXY_RESPONSES, 1);
    proxy_tell_frame(p, s, way, way, 0, f->number, data, n);
    struct proxy_stream *w = &s->stream[way];
    if (w->passed) {
        has_passed(p, s, way, data, n, f->number);
        return;
    }
    if (w->muted && p->now_ns < w->mute_ns)
        return;
    w->muted = 0;
    memset(&v, 0, offsetof(struct proxy_verdict, answer));
    if (f->request && f->request->fault && way == HIL_PROXY_RESPONSE && f->is_modbus) {
        put_mask_on(f, f->request);
        v.fault = f->request->fault;
    }
    proxy_apply(p, s, f, &v);
    carry_out(p, s, f, &v);
}

/* What is no frame of the protocol goes on as it came. */
static void pass_bytes(struct hil_proxy *p, struct proxy_session *s, int way, const uint8_t *data, size_t n)
{
    const struct proxy_verdict plain = {0};
    struct proxy_stream *w = &s->stream[way];
    proxy_add(p, HIL_PROXY_NO_FRAME, n);
    proxy_tell_frame(p, s, way, way, 0, 0, data, n);
    if (w->passed) {
        has_passed(p, s, way, data, n, 0);
        return;
    }
    if (w->muted && p->now_ns < w->mute_ns)
        return;
    for (size_t at = 0; at < n; at += HIL_PROXY_FRAME_MAX)
        proxy_deliver(p, s, way, data + at, n - at < HIL_PROXY_FRAME_MAX ? n - at : HIL_PROXY_FRAME_MAX, 0, &plain);
}

/* The rest of a header whose beginning has already gone. */
static size_t pass_header(struct hil_proxy *p, struct proxy_session *s, int way, const uint8_t *data, size_t n)
{
    struct proxy_stream *w = &s->stream[way];
    size_t size = MBAP_HEAD - w->n_head < n ? MBAP_HEAD - w->n_head : n;
    memcpy(w->head + w->n_head, data, size);
    w->n_head += size;
    pass_bytes(p, s, way, data, size);
    if (w->n_head == MBAP_HEAD) {
        size_t frame = proxy_mbap_size(w->head);
        w->skip = frame == SIZE_MAX ? 0 : frame - MBAP_HEAD;
        w->n_head = 0;
    }
    return size;
}

/* One frame or what is none from the n bytes; how many it were, 0: more has to come. */
static size_t pass_next(struct hil_proxy *p, struct proxy_session *s, int way, const uint8_t *data, size_t n)
{
    struct proxy_stream *w = &s->stream[way];
    if (w->n_head)
        return pass_header(p, s, way, data, n);
    size_t size = w->skip ? (w->skip < n ? w->skip : n) : proxy_split(p->options.protocol, way, data, n);
    int is_frame = !w->skip && size != SIZE_MAX;
    if (!w->skip)
        proxy_pass_through(p, s, way, data, is_frame && size ? size : n);
    size = size == SIZE_MAX ? n : size;
    w->skip -= w->skip ? size : 0;
    if (is_frame && size)
        pass_frame(p, s, way, data, size);
    else if (size)
        pass_bytes(p, s, way, data, size);
    return size;
}

void proxy_take(struct hil_proxy *p, struct proxy_session *s, int way)
{
    struct proxy_stream *w = &s->stream[way];
    size_t at = 0, size = 1;
    while (size && at < w->rx_n && s->used)
        at += size = pass_next(p, s, way, w->rx + at, w->rx_n - at);
    if (!s->used)
        return;
    w->rx_n -= at;
    memmove(w->rx, w->rx + at, w->rx_n);
    w->rx_due_ns = w->rx_n ? p->now_ns + p->options.silence_ns : INT64_MAX;
}

/* On a serial line the silence makes it a frame; over TCP it is one that stays incomplete for long, and its rest follows. */
void proxy_give_up(struct hil_proxy *p, struct proxy_session *s, int way)
{
    struct proxy_stream *w = &s->stream[way];
    size_t n = w->rx_n;
    proxy_add(p, HIL_PROXY_BY_SILENCE, 1);
    w->rx_n = 0;
    w->rx_due_ns = INT64_MAX;
    if (p->options.protocol == HIL_PROXY_RTU && n <= HIL_PROXY_FRAME_MAX) {
        pass_frame(p, s, way, w->rx, n);
        return;
    }
    if (p->options.protocol == HIL_PROXY_TCP && n >= MBAP_HEAD)
        w->skip = proxy_mbap_size(w->rx) - n;
    else if (p->options.protocol == HIL_PROXY_TCP)
        memcpy(w->head, w->rx, w->n_head = n);
    pass_bytes(p, s, way, w->rx, n);
}
