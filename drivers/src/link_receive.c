#include "hil_drivers/link_protocol.h"
#include "link_private.h"

struct frame {
    uint8_t kind, ack;
    uint16_t seq;
    const uint8_t *data;
    size_t n;
};

static int take_apart(struct hil_link *l, uint8_t *raw, size_t n, struct frame *f)
{
    n = hil_cobs_decode(raw, n, raw);
    if (n == SIZE_MAX || n < HIL_LINK_HEADER + HIL_LINK_CHECKS) {
        l->counters.bad_cobs++;
        return 0;
    }
    n -= HIL_LINK_CHECKS;
    if (hil_link_checks(l, raw, n) != (uint32_t)hil_get_bytes(raw + n, HIL_LINK_CHECKS)) {
        l->counters.bad_crc++;
        return 0;
    }
    *f =
        (struct frame){raw[0], raw[1], (uint16_t)hil_get_bytes(raw + 2, 2), raw + HIL_LINK_HEADER, n - HIL_LINK_HEADER};
    l->counters.frames_in++;
    return 1;
}

static void lose(struct hil_link *l, const struct hil_link_handler *h, int err)
{
    hil_link_end_session(l);
    h->lost(h->self, err);
}

/* The device takes the session that the host offers. The same number again means that WELCOME was lost; that of the session
 * before, that a HELLO was long on its way. */
static void hello(struct hil_link *l, const struct frame *f, const struct hil_link_handler *h)
{
    uint32_t session = (uint32_t)hil_get_bytes(f->data + 2, 4);
    if (l->config.host || session == 0 || session == l->ended)
        return;
    if (hil_get_bytes(f->data, 2) != HIL_LINK_VERSION) {
        l->offered = session;
    } else if (session != l->session) {
        hil_link_begin_session(l, session);
        h->connected(h->self);
    }
    l->hello_due = 1;
}

static void welcome(struct hil_link *l, const struct frame *f, const struct hil_link_handler *h)
{
    if (!l->config.host || l->offered == 0 || hil_get_bytes(f->data + 2, 4) != l->offered)
        return;
    if (hil_get_bytes(f->data, 2) != HIL_LINK_VERSION) {
        lose(l, h, HIL_E_ABI);
        return;
    }
    hil_link_begin_session(l, l->offered);
    h->connected(h->self);
}

static void image(struct hil_link *l, const struct frame *f, int64_t now_ns, const struct hil_link_handler *h)
{
    uint16_t ahead = (uint16_t)(f->seq - l->rx_image_seq);
    if (ahead == 0 || ahead > HIL_LINK_AHEAD) {
        l->counters.old_images++;
        return;
    }
    l->rx_image_seq = f->seq;
    l->counters.images_in++;
    l->counters.skipped_images += ahead - 1u;
    h->image(h->self, f->seq, f->data, f->n, now_ns);
}

/* Messages come in order: one that is ahead is sent again, as those between are missing. */
static void message(struct hil_link *l, const struct frame *f, int64_t now_ns, const struct hil_link_handler *h)
{
    uint16_t ahead = (uint16_t)(f->seq - l->rx_next);
    l->ack_due = 1;
    if (ahead == 0) {
        l->rx_next++;
        l->counters.messages_in++;
        h->message(h->self, f->data, f->n, now_ns);
    } else if (ahead < HIL_LINK_WINDOW) {
        l->counters.out_of_turn++;
    } else {
        l->counters.duplicates++;
    }
}

static int length_fits(const struct frame *f)
{
    switch (f->kind) {
    case HIL_LINK_HELLO:
    case HIL_LINK_WELCOME: return f->n == 6;
    case HIL_LINK_IMAGE: return f->n >= 1 && f->n <= HIL_LINK_MAX_IMAGE;
    case HIL_LINK_MESSAGE: return f->n >= 1 && f->n <= HIL_LINK_MAX_MESSAGE;
    default: return f->n == 0;
    }
}

/* Images and messages have numbers of their own, all other kinds have none. */
static int kind_fits(const struct frame *f)
{
    if (f->kind == HIL_LINK_IMAGE || f->kind == HIL_LINK_MESSAGE)
        return 1;
    return f->kind >= HIL_LINK_HELLO && f->kind <= HIL_LINK_BYE && f->seq == 0 &&
           (f->ack == 0 || !hil_link_is_greeting(f->kind));
}

static void greeting(struct hil_link *l, const struct frame *f, const struct hil_link_handler *h)
{
    l->counters.greetings_in++;
    if (f->kind == HIL_LINK_HELLO)
        hello(l, f, h);
    else
        welcome(l, f, h);
}

static void in_session(struct hil_link *l, const struct frame *f, int64_t now_ns, const struct hil_link_handler *h)
{
    hil_link_acknowledged(l, f->ack, now_ns);
    if (f->kind == HIL_LINK_IMAGE) {
        image(l, f, now_ns, h);
    } else if (f->kind == HIL_LINK_MESSAGE) {
        message(l, f, now_ns, h);
    } else if (f->kind == HIL_LINK_BYE) {
        l->counters.greetings_in++;
        l->ended = l->session;
        lose(l, h, HIL_OK);
    } else {
        l->counters.acks_in++;
    }
}

static void handle(struct hil_link *l, const struct frame *f, int64_t now_ns, const struct hil_link_handler *h)
{
    if (!kind_fits(f))
        l->counters.bad_kind++;
    else if (!length_fits(f))
        l->counters.bad_length++;
    else if (hil_link_is_greeting(f->kind))
        greeting(l, f, h);
    else if (!l->session)
        l->counters.out_of_session++;
    else
        in_session(l, f, now_ns, h);
}

static void end_of_frame(struct hil_link *l, int64_t now_ns, const struct hil_link_handler *h)
{
    struct frame f;
    size_t n = l->rx_n;
    int overflow = l->rx_overflow;
    l->rx_n = l->rx_overflow = 0;
    if (overflow)
        l->counters.bad_cobs++;
    else if (n && take_apart(l, l->rx, n, &f)) /* nothing between two zero bytes is no frame */
        handle(l, &f, now_ns, h);
}

void hil_link_receive(struct hil_link *l, const uint8_t *bytes, size_t n, int64_t now_ns,
                      const struct hil_link_handler *h)
{
    l->counters.bytes_in += n;
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == 0)
            end_of_frame(l, now_ns, h);
        else if (l->rx_n < sizeof l->rx)
            l->rx[l->rx_n++] = bytes[i];
        else
            l->rx_overflow = 1;
    }
}
