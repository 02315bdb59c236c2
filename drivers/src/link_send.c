#include <string.h>

#include "hil_drivers/link_protocol.h"
#include "link_private.h"

static size_t frame(struct hil_link *l, uint8_t *out, uint8_t kind, uint16_t seq, const uint8_t *data, size_t n)
{
    uint8_t raw[HIL_LINK_HEADER + HIL_LINK_MAX_IMAGE + HIL_LINK_CHECKS];
    size_t body = HIL_LINK_HEADER + n;
    raw[0] = kind;
    raw[1] = hil_link_is_greeting(kind) ? 0 : (uint8_t)l->rx_next;
    hil_put_bytes(raw + 2, seq, 2);
    if (n)
        memcpy(raw + HIL_LINK_HEADER, data, n);
    hil_put_bytes(raw + body, hil_link_checks(l, raw, body), HIL_LINK_CHECKS);
    size_t size = hil_cobs_encode(raw, body + HIL_LINK_CHECKS, out);
    out[size++] = 0;
    l->ack_due = 0;
    l->counters.frames_out++;
    l->counters.bytes_out += size;
    return size;
}

/* A frame that is sent again and again until it is answered. The zero byte before it ends what a disturbance may have left in
 * the receiver, so that the first one behind a disturbance counts. */
static size_t insistent_frame(struct hil_link *l, uint8_t *out, uint8_t kind, uint16_t seq, const uint8_t *data,
                              size_t n)
{
    *out = 0;
    l->counters.bytes_out++;
    return 1 + frame(l, out + 1, kind, seq, data, n);
}

/* A device of another version answers with the number that it was offered, and takes no session. */
static size_t greet(struct hil_link *l, uint8_t *out, int64_t now_ns)
{
    uint8_t data[6];
    hil_put_bytes(hil_put_bytes(data, HIL_LINK_VERSION, 2), l->offered ? l->offered : l->session, 4);
    if (!l->config.host) {
        l->hello_due = 0;
        l->offered = 0;
        return frame(l, out, HIL_LINK_WELCOME, 0, data, sizeof data);
    }
    l->hello_ns = now_ns + l->hello_every_ns;
    l->hello_every_ns *= 2;
    if (l->hello_every_ns > l->config.rto_max_ns)
        l->hello_every_ns = l->config.rto_max_ns;
    return insistent_frame(l, out, HIL_LINK_HELLO, 0, data, sizeof data);
}

static size_t bye(struct hil_link *l, uint8_t *out)
{
    size_t n = frame(l, out, HIL_LINK_BYE, 0, NULL, 0);
    hil_link_end_session(l);
    return n;
}

/* Back to the oldest message that is not acknowledged (RFC 6298, 5.4 and 5.5). 0: the other side is lost. */
static int expire(struct hil_link *l, int64_t now_ns)
{
    if (l->tx_oldest == l->tx_send || now_ns < l->timer_ns)
        return 1;
    if (hil_link_slot(l, l->tx_oldest)->sends > l->config.lost_after)
        return 0;
    l->tx_send = l->tx_oldest;
    hil_rto_expired(&l->rto);
    return 1;
}

static size_t send_message(struct hil_link *l, uint8_t *out, int64_t now_ns)
{
    uint16_t number = l->tx_send++;
    struct hil_link_slot *s = hil_link_slot(l, number);
    if (number == l->tx_oldest)
        l->timer_ns = now_ns + l->rto.ns;
    s->sent_ns = now_ns;
    if (s->sends++ == 0) {
        l->counters.messages_out++;
        return frame(l, out, HIL_LINK_MESSAGE, number, s->data, s->n);
    }
    l->counters.resent++;
    return insistent_frame(l, out, HIL_LINK_MESSAGE, number, s->data, s->n);
}

static size_t send_image(struct hil_link *l, uint8_t *out)
{
    l->image_due = 0;
    l->counters.images_out++;
    return frame(l, out, HIL_LINK_IMAGE, l->image_seq, l->image, l->image_n);
}

size_t hil_link_poll(struct hil_link *l, uint8_t *out, size_t size, int64_t now_ns, const struct hil_link_handler *h)
{
    if (size < HIL_LINK_MAX_FRAME)
        return 0;
    if (l->hello_due && (!l->config.host || now_ns >= l->hello_ns))
        return greet(l, out, now_ns);
    if (!l->session)
        return 0;
    if (l->image_due)
        return send_image(l, out);
    if (!expire(l, now_ns)) {
        hil_link_end_session(l);
        h->lost(h->self, HIL_E_TIMEOUT);
        return 0;
    }
    if (l->tx_send != l->tx_next)
        return send_message(l, out, now_ns);
    if (l->bye_due)
        return bye(l, out);
    return l->ack_due ? frame(l, out, HIL_LINK_ACK, 0, NULL, 0) : 0;
}
