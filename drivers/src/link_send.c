#include <string.h>

#include "hil_drivers/crc16.h"
#include "hil_drivers/link_protocol.h"
#include "link_private.h"

#define HELLO_EVERY_NS 100000000
#define LOST_AFTER     8

static struct hil_link_slot *slot(struct hil_link *l, uint16_t number) { return &l->slot[number % HIL_LINK_WINDOW]; }

static uint16_t under_way(const struct hil_link *l) { return (uint16_t)(l->tx_next - l->tx_oldest); }

/* ---- sessions ---- */

void hil_link_init(struct hil_link *l, const struct hil_link_config *config)
{
    memset(l, 0, sizeof *l);
    l->config = *config;
    if (!l->config.rto_first_ns)
        l->config.rto_first_ns = 50000000;
    if (!l->config.rto_min_ns)
        l->config.rto_min_ns = 2000000;
    if (!l->config.rto_max_ns)
        l->config.rto_max_ns = 1000000000;
    if (!l->config.lost_after)
        l->config.lost_after = LOST_AFTER;
    l->crc_start = 0xffff;
}

void hil_link_begin_session(struct hil_link *l, uint32_t session)
{
    l->session = session;
    l->offered = 0;
    l->crc_start = (uint16_t)(session ^ session >> 16);
    l->rx_any_image = l->ack_due = l->bye_due = l->image_due = l->hello_due = 0;
    l->rx_next = l->tx_next = l->tx_oldest = l->image_seq = 0;
    l->srtt_ns = l->rttvar_ns = 0;
    l->rto_ns = l->config.rto_first_ns;
}

void hil_link_connect(struct hil_link *l, uint32_t session, int64_t now_ns)
{
    l->session = 0;
    l->offered = session;
    l->hello_due = 1;
    l->hello_ns = now_ns;
}

void hil_link_disconnect(struct hil_link *l)
{
    l->bye_due = l->session != 0;
    l->offered = 0;
}

/* ---- what waits to be sent ---- */

uint16_t hil_link_send_image(struct hil_link *l, const uint8_t *data, size_t n)
{
    memcpy(l->image, data, n);
    l->image_n = (uint16_t)n;
    l->image_due = 1;
    return ++l->image_seq;
}

int hil_link_send_message(struct hil_link *l, const uint8_t *data, size_t n, int64_t now_ns)
{
    if (n < 1 || n > HIL_LINK_MAX_MESSAGE)
        return HIL_E_SIZE;
    if (!l->session)
        return HIL_E_ARG;
    if (under_way(l) == HIL_LINK_WINDOW)
        return HIL_E_FULL;
    struct hil_link_slot *s = slot(l, l->tx_next++);
    *s = (struct hil_link_slot){.sent_ns = now_ns, .n = (uint16_t)n, .due = 1};
    memcpy(s->data, data, n);
    return HIL_OK;
}

/* RFC 6298, 2.2 and 2.3; a message that was resent tells nothing (Karn). */
static void measure(struct hil_link *l, int64_t rtt_ns)
{
    if (l->srtt_ns == 0) {
        l->srtt_ns = rtt_ns > 0 ? rtt_ns : 1;
        l->rttvar_ns = rtt_ns / 2;
    } else {
        int64_t error = rtt_ns - l->srtt_ns;
        l->rttvar_ns += ((error < 0 ? -error : error) - l->rttvar_ns) / 4;
        l->srtt_ns += error / 8;
    }
    int64_t rto = l->srtt_ns + 4 * l->rttvar_ns;
    rto = rto < l->config.rto_min_ns ? l->config.rto_min_ns : rto;
    l->rto_ns = rto > l->config.rto_max_ns ? l->config.rto_max_ns : rto;
}

void hil_link_acknowledged(struct hil_link *l, uint8_t next, int64_t now_ns)
{
    uint8_t n = (uint8_t)(next - (uint8_t)l->tx_oldest);
    if (n > under_way(l))
        return; /* older than what is known already */
    for (; n > 0; n--) {
        const struct hil_link_slot *s = slot(l, l->tx_oldest++);
        if (s->resends == 0)
            measure(l, now_ns - s->sent_ns);
    }
}

/* ---- frames ---- */

static size_t frame(struct hil_link *l, uint8_t *out, uint8_t kind, uint16_t seq, const uint8_t *data, size_t n)
{
    uint8_t raw[HIL_LINK_HEADER + HIL_LINK_MAX_IMAGE + HIL_LINK_CRC];
    raw[0] = kind;
    raw[1] = (uint8_t)l->rx_next;
    hil_put_bytes(raw + 2, seq, 2);
    if (n)
        memcpy(raw + HIL_LINK_HEADER, data, n);
    size_t body = HIL_LINK_HEADER + n;
    int greeting = kind == HIL_LINK_HELLO || kind == HIL_LINK_WELCOME;
    hil_put_bytes(raw + body, hil_crc16_link(greeting ? 0xffff : l->crc_start, raw, body), HIL_LINK_CRC);
    size_t size = hil_cobs_encode(raw, body + HIL_LINK_CRC, out);
    out[size++] = 0;
    l->ack_due = 0;
    l->counters.frames_out++;
    l->counters.bytes_out += size;
    return size;
}

static size_t greet(struct hil_link *l, uint8_t *out, int64_t now_ns)
{
    uint8_t data[6];
    uint32_t session = l->session ? l->session : l->offered;
    hil_put_bytes(hil_put_bytes(data, HIL_LINK_VERSION, 2), session, 4);
    l->hello_due = l->config.host;
    l->hello_ns = now_ns + HELLO_EVERY_NS;
    return frame(l, out, l->config.host ? HIL_LINK_HELLO : HIL_LINK_WELCOME, 0, data, sizeof data);
}

static int greeting_due(const struct hil_link *l, int64_t now_ns)
{
    return l->hello_due && (!l->config.host || (l->offered && now_ns >= l->hello_ns));
}

static size_t bye(struct hil_link *l, uint8_t *out)
{
    l->bye_due = 0;
    size_t n = frame(l, out, HIL_LINK_BYE, 0, NULL, 0);
    l->session = 0;
    return n;
}

/* The first message that has not been sent, or whose time is up. Doubles the timeout once an expiry (RFC 6298, 5.5). */
static struct hil_link_slot *next_message(struct hil_link *l, int64_t now_ns, uint16_t *number)
{
    for (*number = l->tx_oldest; *number != l->tx_next; ++*number) {
        struct hil_link_slot *s = slot(l, *number);
        if (s->due)
            return s;
        if (now_ns - s->sent_ns < l->rto_ns)
            continue;
        s->resends++;
        l->counters.resent++;
        if (*number == l->tx_oldest)
            l->rto_ns = 2 * l->rto_ns < l->config.rto_max_ns ? 2 * l->rto_ns : l->config.rto_max_ns;
        return s;
    }
    return NULL;
}

static size_t send_message(struct hil_link *l, uint8_t *out, int64_t now_ns, const struct hil_link_handler *h)
{
    uint16_t number;
    struct hil_link_slot *s = next_message(l, now_ns, &number);
    if (!s)
        return 0;
    if (s->resends > l->config.lost_after) {
        l->session = 0;
        h->lost(h->self, HIL_E_TIMEOUT);
        return 0;
    }
    l->counters.messages_out += s->due;
    s->due = 0;
    s->sent_ns = now_ns;
    return frame(l, out, HIL_LINK_MESSAGE, number, s->data, s->n);
}

size_t hil_link_poll(struct hil_link *l, uint8_t *out, size_t size, int64_t now_ns, const struct hil_link_handler *h)
{
    if (size < HIL_LINK_MAX_FRAME)
        return 0;
    if (greeting_due(l, now_ns))
        return greet(l, out, now_ns);
    if (!l->session)
        return 0;
    if (l->image_due) {
        l->image_due = 0;
        l->counters.images_out++;
        return frame(l, out, HIL_LINK_IMAGE, l->image_seq, l->image, l->image_n);
    }
    size_t n = send_message(l, out, now_ns, h);
    if (n || !l->session)
        return n;
    if (l->bye_due)
        return bye(l, out);
    return l->ack_due ? frame(l, out, HIL_LINK_ACK, 0, NULL, 0) : 0;
}

int64_t hil_link_next_ns(const struct hil_link *l)
{
    if (!l->session)
        return l->hello_due && l->offered ? l->hello_ns : INT64_MAX;
    int64_t next = INT64_MAX;
    for (uint16_t k = l->tx_oldest; k != l->tx_next; k++) {
        const struct hil_link_slot *s = &l->slot[k % HIL_LINK_WINDOW];
        int64_t due = s->due ? s->sent_ns : s->sent_ns + l->rto_ns;
        next = due < next ? due : next;
    }
    return next;
}
