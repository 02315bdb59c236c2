#include <string.h>

#include "hil_drivers/crc16.h"
#include "hil_drivers/link_protocol.h"
#include "link_private.h"

#define IMAGE_WINDOW 1024 /* how far ahead of the newest image a new one may be: so many in a row can be lost */

struct frame {
    uint8_t kind, ack;
    uint16_t seq;
    const uint8_t *data;
    size_t n;
};

/* HELLO and WELCOME carry the session that begins, so they cannot be checked with it. */
static int is_greeting(uint8_t kind) { return kind == HIL_LINK_HELLO || kind == HIL_LINK_WELCOME; }

static int take_apart(struct hil_link *l, uint8_t *raw, size_t n, struct frame *f)
{
    n = hil_cobs_decode(raw, n, raw);
    if (n == SIZE_MAX || n < HIL_LINK_HEADER + HIL_LINK_CRC) {
        l->counters.bad_cobs++;
        return 0;
    }
    uint16_t start = is_greeting(raw[0]) ? 0xffff : l->crc_start;
    size_t body = n - HIL_LINK_CRC;
    if (hil_crc16_link(start, raw, body) != (uint16_t)hil_get_bytes(raw + body, HIL_LINK_CRC)) {
        l->counters.bad_crc++;
        return 0;
    }
    *f = (struct frame){raw[0], raw[1], (uint16_t)hil_get_bytes(raw + 2, 2), raw + HIL_LINK_HEADER,
                        body - HIL_LINK_HEADER};
    l->counters.frames_in++;
    return 1;
}

static void lose(struct hil_link *l, const struct hil_link_handler *h, int err)
{
    l->session = 0;
    h->lost(h->self, err);
}

/* The device takes the session that the host offers; the same number again means that WELCOME was lost. */
static void hello(struct hil_link *l, const struct frame *f, const struct hil_link_handler *h)
{
    uint32_t session = (uint32_t)hil_get_bytes(f->data + 2, 4);
    if (l->config.host || session == 0)
        return;
    l->hello_due = 1;
    if (session == l->session)
        return;
    l->offered = session;
    if (hil_get_bytes(f->data, 2) != HIL_LINK_VERSION)
        return; /* WELCOME tells the version; there is no session */
    hil_link_begin_session(l, session);
    l->hello_due = 1;
    h->connected(h->self);
}

static void welcome(struct hil_link *l, const struct frame *f, const struct hil_link_handler *h)
{
    if (!l->config.host || l->session || l->offered == 0 || hil_get_bytes(f->data + 2, 4) != l->offered)
        return;
    if (hil_get_bytes(f->data, 2) != HIL_LINK_VERSION) {
        l->offered = 0;
        lose(l, h, HIL_E_ABI);
        return;
    }
    hil_link_begin_session(l, l->offered);
    h->connected(h->self);
}

static void image(struct hil_link *l, const struct frame *f, int64_t now_ns, const struct hil_link_handler *h)
{
    uint16_t ahead = (uint16_t)(f->seq - l->rx_image_seq);
    if (l->rx_any_image && (ahead == 0 || ahead > IMAGE_WINDOW)) {
        l->counters.old_images++;
        return;
    }
    l->rx_any_image = 1;
    l->rx_image_seq = f->seq;
    l->counters.images_in++;
    h->image(h->self, f->seq, f->data, f->n, now_ns);
}

/* Messages come in order: one that is ahead waits for its resend, as those between are missing. */
static void message(struct hil_link *l, const struct frame *f, int64_t now_ns, const struct hil_link_handler *h)
{
    uint16_t ahead = (uint16_t)(f->seq - l->rx_next);
    l->ack_due = 1;
    if (ahead == 0) {
        l->rx_next++;
        l->counters.messages_in++;
        h->message(h->self, f->data, f->n, now_ns);
    } else if (ahead < HIL_LINK_WINDOW) {
        l->counters.out_of_window++;
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

static void handle(struct hil_link *l, const struct frame *f, int64_t now_ns, const struct hil_link_handler *h)
{
    if (f->kind < HIL_LINK_HELLO || f->kind > HIL_LINK_BYE) {
        l->counters.bad_kind++;
        return;
    }
    if (!length_fits(f)) {
        l->counters.bad_length++;
        return;
    }
    if (f->kind == HIL_LINK_HELLO)
        hello(l, f, h);
    else if (f->kind == HIL_LINK_WELCOME)
        welcome(l, f, h);
    if (is_greeting(f->kind) || !l->session)
        return;
    hil_link_acknowledged(l, f->ack, now_ns);
    if (f->kind == HIL_LINK_IMAGE)
        image(l, f, now_ns, h);
    else if (f->kind == HIL_LINK_MESSAGE)
        message(l, f, now_ns, h);
    else if (f->kind == HIL_LINK_BYE)
        lose(l, h, HIL_OK);
}

static void end_of_frame(struct hil_link *l, int64_t now_ns, const struct hil_link_handler *h)
{
    struct frame f;
    size_t n = l->rx_n;
    int overflow = l->rx_overflow;
    l->rx_n = l->rx_overflow = 0;
    if (overflow)
        l->counters.bad_length++;
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
