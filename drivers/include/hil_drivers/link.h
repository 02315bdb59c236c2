/* One end of the link between a bench and a microcontroller board: frames, sequence, acknowledgement, resend. The same code
 * is the host's end and the firmware's. Portable, no OS, no allocation; the caller gives bytes and the time.
 *
 * On the wire a frame is COBS(kind u8, ack u8, seq u16, payload, crc u16, check u16) and a zero byte; numbers are
 * little-endian. COBS: S. Cheshire, M. Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Trans. Networking 7 (1999).
 * Over everything before them go a CRC-16/IBM-3740 (polynomial 0x1021) and, as `check`, a CRC of polynomial 0x8005
 * (reflected): one CRC-16 lets a disturbed frame in 65,536 pass, both together one in 2^32. They start from the low and the
 * high half of the session's number (0xffff each in HELLO and WELCOME), so that a frame of another session does not pass.
 * What passes is still refused when its kind, length or numbers are not plausible.
 *
 * Two kinds of traffic:
 *   images    newest wins. Never resent by the link: a sample that is late is worth nothing. One that is older than the
 *             newest one seen is dropped and counted.
 *   messages  all arrive, once, in order: window of HIL_LINK_WINDOW, cumulative acknowledgement in every frame, resend after
 *             an adaptive timeout (RFC 6298: smoothed round trip and variance, doubled at each expiry, Karn's rule). The
 *             receiver keeps nothing that is ahead of its turn, so an expiry resends all that is not acknowledged.
 *
 * A session begins with the host's HELLO, which carries a random number, and the device's WELCOME, which echoes it. A HELLO
 * with a new number ends the device's session before.
 *
 * On a line that is whole again the oldest message arrives at most rto_max_ns and one way later. A frame may be overtaken
 * by 200 messages or 16,000 images, which is more than any line holds; then it counts as new. */
#ifndef HIL_DRIVERS_LINK_H
#define HIL_DRIVERS_LINK_H

#include "hil_drivers/rto.h"

#define HIL_LINK_VERSION     1
#define HIL_LINK_WINDOW      8
#define HIL_LINK_AHEAD       16384 /* an image this far ahead of the newest, or less, is new: so many in a row may be lost */
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

/* Between two zero bytes lies one frame, and it is counted once: in bad_cobs, bad_crc or frames_in; a whole one also in one of
 * those below. uint64_t only: hil_link_counter_name counts on it. */
struct hil_link_counters {
    uint64_t bytes_in, bytes_out, frames_out, resent; /* resent: frames that carried a message again */
    uint64_t bad_cobs, bad_crc, frames_in;            /* thrown away: nothing that this session's other side has sent */
    uint64_t bad_kind, bad_length, out_of_session;    /* whole, thrown away */
    uint64_t greetings_in, acks_in;                   /* HELLO, WELCOME, BYE; ACK */
    uint64_t images_in, old_images, skipped_images; /* skipped: missing in the numbers of those that came (no frames) */
    uint64_t messages_in, duplicates, out_of_turn;  /* out_of_turn: the one before is missing; it comes again */
    uint64_t images_out, messages_out;              /* messages_out: each once */
};
#define HIL_LINK_COUNTERS (sizeof(struct hil_link_counters) / sizeof(uint64_t))

/* 0 stands for the value given behind it. */
struct hil_link_config {
    uint8_t host;         /* 1: the host's end, 0: the device's */
    int64_t rto_first_ns; /* 50 ms: resend timeout before a round trip has been measured; first wait for WELCOME */
    int64_t rto_min_ns;   /* 2 ms */
    int64_t rto_max_ns;   /* 1 s */
    uint32_t lost_after;  /* 8: resends of one message until the other side is lost */
};

struct hil_link_slot { /* a message on its way */
    int64_t sent_ns;
    uint32_t sends;
    uint16_t n;
    uint8_t data[HIL_LINK_MAX_MESSAGE];
};

/* Plain data, no pointers: N ends live in one process. */
struct hil_link {
    struct hil_link_config config;
    struct hil_link_counters counters;
    uint32_t session, offered, ended; /* 0: none. offered: HELLO is not answered yet. ended: replaced or ended by BYE */
    uint32_t checks_start;            /* of both, see hil_crc16_both */
    /* receiving */
    uint16_t rx_n;
    uint8_t rx_overflow;
    uint16_t rx_image_seq, rx_next; /* newest image seen; message expected next */
    uint8_t rx[HIL_LINK_MAX_FRAME];
    /* sending */
    uint8_t hello_due, ack_due, bye_due, image_due;
    uint16_t image_seq, image_n;
    uint16_t tx_oldest, tx_send, tx_next; /* message numbers: oldest not acknowledged, next to send, next to give */
    int64_t hello_ns, hello_every_ns;     /* host: when HELLO is sent next, and the wait behind it */
    int64_t timer_ns;                     /* when tx_oldest is resent */
    struct hil_rto rto;
    struct hil_link_slot slot[HIL_LINK_WINDOW];
    uint8_t image[HIL_LINK_MAX_IMAGE];
};

/* All may be called in a tick, but none is: the link lives in a bus thread or in the firmware's main loop. */
void hil_link_init(struct hil_link *l, const struct hil_link_config *config);
/* Host: begins a session with this number (random, not 0); HELLO is repeated until WELCOME arrives, after rto_first_ns, then
 * with doubled waits up to rto_max_ns. */
void hil_link_connect(struct hil_link *l, uint32_t session, int64_t now_ns);
static inline int hil_link_is_connected(const struct hil_link *l) { return l->session != 0; }
/* Ends the session: poll sends what waits, then BYE. Host: gives up connecting. */
void hil_link_disconnect(struct hil_link *l);
/* Takes what came over the wire, in pieces of any size. */
void hil_link_receive(struct hil_link *l, const uint8_t *bytes, size_t n, int64_t now_ns,
                      const struct hil_link_handler *h);
/* The newest image replaces one that has not been sent yet. Returns its sequence number. n: 1 to HIL_LINK_MAX_IMAGE. */
uint16_t hil_link_send_image(struct hil_link *l, const uint8_t *data, size_t n);
/* HIL_OK; HIL_E_FULL: the window is full, try again after an acknowledgement; HIL_E_SIZE; HIL_E_ARG: no session. */
int hil_link_send_message(struct hil_link *l, const uint8_t *data, size_t n, int64_t now_ns);
/* Writes whole frames that are due into `out` (at least HIL_LINK_MAX_FRAME bytes) and returns the bytes; call until 0. */
size_t hil_link_poll(struct hil_link *l, uint8_t *out, size_t size, int64_t now_ns, const struct hil_link_handler *h);
/* When poll may have something to do without anything having come in: INT64_MAX, or a time. */
int64_t hil_link_next_ns(const struct hil_link *l);
/* Name of counter k as in the manifest, in the order of the struct; NULL behind the last one. */
const char *hil_link_counter_name(unsigned k);

/* ---- the parts, for tests ---- */

/* COBS without the zero byte. encode: n + n / 254 + 1 bytes at most. decode: bytes written to `out`, which may be `in`;
 * SIZE_MAX when it is not COBS. */
size_t hil_cobs_encode(const uint8_t *in, size_t n, uint8_t *out);
size_t hil_cobs_decode(const uint8_t *in, size_t n, uint8_t *out);

#endif
