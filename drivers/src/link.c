#include <string.h>

#include "hil_drivers/crc16.h"
#include "link_private.h"

#define NO_SESSION            0xffffffffu /* both checks start from 0xffff */
#define DEFAULT(field, value) l->config.field = l->config.field ? l->config.field : (value)

void hil_link_init(struct hil_link *l, const struct hil_link_config *config)
{
    memset(l, 0, sizeof *l);
    l->config = *config;
    DEFAULT(rto_first_ns, 50000000);
    DEFAULT(rto_min_ns, 2000000);
    DEFAULT(rto_max_ns, 1000000000);
    DEFAULT(lost_after, 8);
    l->checks_start = NO_SESSION;
}

uint32_t hil_link_checks(const struct hil_link *l, const uint8_t *frame, size_t n)
{
    return hil_crc16_both(hil_link_is_greeting(frame[0]) ? NO_SESSION : l->checks_start, frame, n);
}

/* ---- sessions ---- */

void hil_link_end_session(struct hil_link *l)
{
    l->session = l->offered = 0;
    l->hello_due = l->ack_due = l->bye_due = l->image_due = 0;
    l->rx_image_seq = l->rx_next = l->image_seq = 0;
    l->tx_oldest = l->tx_send = l->tx_next = 0;
}

void hil_link_begin_session(struct hil_link *l, uint32_t session)
{
    if (l->session) /* one that timed out may be the host's still: it has not seen WELCOME and goes on asking */
        l->ended = l->session;
    hil_link_end_session(l);
    l->session = session;
    l->checks_start = session;
    hil_rto_init(&l->rto, l->config.rto_first_ns, l->config.rto_min_ns, l->config.rto_max_ns);
}

void hil_link_connect(struct hil_link *l, uint32_t session, int64_t now_ns)
{
    hil_link_end_session(l);
    l->offered = session;
    l->hello_due = 1;
    l->hello_ns = now_ns;
    l->hello_every_ns = l->config.rto_first_ns;
}

void hil_link_disconnect(struct hil_link *l)
{
    l->bye_due = l->session != 0;
    l->offered = 0;
    l->hello_due = 0;
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
    if ((uint16_t)(l->tx_next - l->tx_oldest) == HIL_LINK_WINDOW)
        return HIL_E_FULL;
    struct hil_link_slot *s = hil_link_slot(l, l->tx_next++);
    s->sent_ns = now_ns; /* until it is sent: since when it waits */
    s->sends = 0;
    s->n = (uint16_t)n;
    memcpy(s->data, data, n);
    return HIL_OK;
}

int64_t hil_link_next_ns(const struct hil_link *l)
{
    if (!l->session)
        return l->config.host && l->hello_due ? l->hello_ns : INT64_MAX;
    if (l->tx_send != l->tx_next)
        return l->slot[l->tx_send % HIL_LINK_WINDOW].sent_ns;
    return l->tx_oldest != l->tx_send ? l->timer_ns : INT64_MAX;
}

/* ---- acknowledgement ---- */

void hil_link_acknowledged(struct hil_link *l, uint8_t next, int64_t now_ns)
{
    uint8_t n = (uint8_t)(next - (uint8_t)l->tx_oldest);
    if (n == 0 || n > (uint16_t)(l->tx_next - l->tx_oldest))
        return; /* known already */
    for (; n > 0; n--) {
        const struct hil_link_slot *s = hil_link_slot(l, l->tx_oldest);
        if (s->sends == 1)
            hil_rto_measure(&l->rto, now_ns - s->sent_ns);
        if (l->tx_send == l->tx_oldest) /* it was about to be resent */
            l->tx_send++;
        l->tx_oldest++;
    }
    l->timer_ns = now_ns + l->rto.ns; /* RFC 6298, 5.3 */
}

/* ---- counters ---- */

static const char *const names[HIL_LINK_COUNTERS] = {
    "bytes_in",       "bytes_out",   "frames_out",     "resent",       "bad_cobs",   "bad_crc",     "frames_in",
    "bad_kind",       "bad_length",  "out_of_session", "greetings_in", "acks_in",    "images_in",   "old_images",
    "skipped_images", "messages_in", "duplicates",     "out_of_turn",  "images_out", "messages_out"};

const char *hil_link_counter_name(unsigned k) { return k < HIL_LINK_COUNTERS ? names[k] : NULL; }
