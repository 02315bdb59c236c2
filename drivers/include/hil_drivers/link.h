/* One end of the link between a bench and a microcontroller board: frames, sequence, acknowledgement, resend. The same code
 * is the host's end and the firmware's. Portable, no OS, no allocation; the caller gives bytes and the time.
 *
 * On the wire a frame is COBS(kind u8, ack u8, seq u16, payload, crc u16) and a zero byte; numbers are little-endian. COBS:
 * S. Cheshire, M. Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Trans. Networking 7 (1999). The CRC is CRC-16/IBM-3740
 * (polynomial 0x1021) over everything before it; its initial value is the session's number (0xffff before there is one), so
 * that a frame of another session never passes.
 *
 * Two kinds of traffic:
 *   images    newest wins. Never resent by the link: a sample that is late is worth nothing. One that is older than the
 *             newest one seen is dropped and counted.
 *   messages  all arrive, once, in order: window of HIL_LINK_WINDOW, cumulative acknowledgement in every frame, resend after
 *             an adaptive timeout (RFC 6298: smoothed round trip and variance, doubled at each expiry, Karn's rule).
 *
 * A session begins with the host's HELLO, which carries a random number, and the device's WELCOME, which echoes it. A HELLO
 * with a new number ends the device's session before. */
#ifndef HIL_DRIVERS_LINK_H
#define HIL_DRIVERS_LINK_H

#include "hil/types.h"

#define HIL_LINK_VERSION     1
#define HIL_LINK_WINDOW      8
#define HIL_LINK_MAX_IMAGE   1024                      /* bytes of an image's payload */
#define HIL_LINK_MAX_MESSAGE 200                       /* bytes of a message's payload */
#define HIL_LINK_MAX_FRAME   (HIL_LINK_MAX_IMAGE + 16) /* on the wire, with COBS's overhead and the zero byte */

enum hil_link_kind {
    HIL_LINK_HELLO = 1,   /* host -> device: version u16, session u32 */
    HIL_LINK_WELCOME = 2, /* device -> host: version u16, session u32 */
    HIL_LINK_IMAGE = 3,
    HIL_LINK_MESSAGE = 4,
    HIL_LINK_ACK = 5, /* nothing but its header */
    HIL_LINK_BYE = 6  /* either side ends the session */
};

/* What happens on the link; called from within hil_link_receive and hil_link_poll. Data lives for the call only. */
struct hil_link_handler {
    void *self;
    void (*connected)(void *self); /* a session begins (device: also when one replaces another) */
    void (*image)(void *self, uint16_t seq, const uint8_t *data, size_t n, int64_t now_ns);
    void (*message)(void *self, const uint8_t *data, size_t n, int64_t now_ns);
    void (*lost)(void *self, int err); /* HIL_OK: the other side said BYE; HIL_E_TIMEOUT: it acknowledges no more;
                                          HIL_E_ABI: it speaks another version */
};

/* Every error is counted once, by what was seen of it. */
struct hil_link_counters {
    uint64_t bytes_in, bytes_out, frames_in, frames_out;
    uint64_t bad_cobs, bad_crc, bad_length, bad_kind; /* thrown away: not a frame of this session */
    uint64_t old_images, duplicates, out_of_window;   /* whole frames that were not new */
    uint64_t resent, images_in, images_out, messages_in, messages_out;
};

struct hil_link_config {
    uint8_t host;                                 /* 1: the host's end, 0: the device's */
    int64_t rto_first_ns, rto_min_ns, rto_max_ns; /* resend timeout; 0: 50 ms, 2 ms, 1 s */
    uint32_t lost_after;                          /* resends of one message until the other side is lost; 0: 8 */
};

struct hil_link_slot { /* a message on its way */
    int64_t sent_ns;
    uint16_t n, resends;
    uint8_t due; /* not sent yet */
    uint8_t data[HIL_LINK_MAX_MESSAGE];
};

/* Plain data, no pointers: N ends live in one process. */
struct hil_link {
    struct hil_link_config config;
    struct hil_link_counters counters;
    uint32_t session, offered; /* 0: none; offered: HELLO has not been answered yet */
    uint16_t crc_start;
    /* receiving */
    uint16_t rx_n;
    uint8_t rx_overflow, rx_any_image;
    uint16_t rx_image_seq, rx_next; /* newest image seen; message expected next */
    uint8_t rx[HIL_LINK_MAX_FRAME];
    /* sending */
    uint8_t hello_due, ack_due, bye_due, image_due;
    uint16_t image_seq, tx_next, tx_oldest; /* next message number to give; oldest not acknowledged */
    uint16_t image_n;
    int64_t hello_ns;
    int64_t srtt_ns, rttvar_ns, rto_ns;
    struct hil_link_slot slot[HIL_LINK_WINDOW];
    uint8_t image[HIL_LINK_MAX_IMAGE];
};

/* All may be called in a tick, but none is: the link lives in a bus thread or in the firmware's main loop. */
void hil_link_init(struct hil_link *l, const struct hil_link_config *config);
/* Host: begins a session with this number (not 0); HELLO is repeated until WELCOME arrives. */
void hil_link_connect(struct hil_link *l, uint32_t session, int64_t now_ns);
static inline int hil_link_is_connected(const struct hil_link *l) { return l->session != 0; }
/* Ends the session; the next poll sends BYE. */
void hil_link_disconnect(struct hil_link *l);
/* Takes what came over the wire, in pieces of any size. */
void hil_link_receive(struct hil_link *l, const uint8_t *bytes, size_t n, int64_t now_ns,
                      const struct hil_link_handler *h);
/* The newest image replaces one that has not been sent yet. Returns its sequence number. n <= HIL_LINK_MAX_IMAGE. */
uint16_t hil_link_send_image(struct hil_link *l, const uint8_t *data, size_t n);
/* HIL_OK; HIL_E_FULL: the window is full, try again after an acknowledgement; HIL_E_SIZE; HIL_E_ARG: no session. */
int hil_link_send_message(struct hil_link *l, const uint8_t *data, size_t n, int64_t now_ns);
/* Writes whole frames that are due into `out` (at least HIL_LINK_MAX_FRAME bytes) and returns the bytes; call until 0. */
size_t hil_link_poll(struct hil_link *l, uint8_t *out, size_t size, int64_t now_ns, const struct hil_link_handler *h);
/* When poll may have something to do without anything having come in: INT64_MAX, or a time. */
int64_t hil_link_next_ns(const struct hil_link *l);

/* ---- the parts, for tests ---- */

/* COBS without the zero byte. encode: n + n / 254 + 1 bytes at most. decode: bytes written to `out`, which may be `in`;
 * SIZE_MAX when it is not COBS. */
size_t hil_cobs_encode(const uint8_t *in, size_t n, uint8_t *out);
size_t hil_cobs_decode(const uint8_t *in, size_t n, uint8_t *out);

#endif
