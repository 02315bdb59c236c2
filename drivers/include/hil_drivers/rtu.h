/* Modbus RTU frames: unit, PDU, CRC, held together by silence. Portable, no OS; the same code runs in the firmware.
 *
 * Source: MODBUS over Serial Line Specification and Implementation Guide V1.02 (2006), section 2.5.1: frames are at least
 * 3.5 character times apart, and a pause of more than 1.5 inside one spoils it. Above 19200 baud both are fixed: 750 us
 * and 1750 us.
 *
 * All times are the caller's, in ns. Who sees bytes late (an operating system, a USB adapter) cannot tell a pause on the
 * line from one of its own: `slack_ns` is added to both limits. Silence is never waited for when the length is known. */
#ifndef HIL_DRIVERS_RTU_H
#define HIL_DRIVERS_RTU_H

#include "hil_drivers/modbus.h"

#define HIL_RTU_ADU_MAX   256
#define HIL_RTU_ADU_MIN   4 /* unit, function, CRC */
#define HIL_RTU_BROADCAST 0 /* 2.2: executed by all, answered by none */
#define HIL_RTU_UNIT_MAX  247

struct hil_rtu_timing {
    int64_t char_ns;    /* one character; 0: the line has no bit timing (a pseudo-terminal) */
    int64_t gap_ns;     /* a longer pause inside a frame spoils it */
    int64_t silence_ns; /* so long a pause ends a frame */
    int64_t turn_ns;    /* we send so long after the last byte received; 0 without bit timing */
};

/* bit_ns 0: no bit timing, then the pauses are the fixed ones. char_bits: start, data, parity and stop bits. */
struct hil_rtu_timing hil_rtu_timing(int64_t bit_ns, unsigned char_bits, int64_t slack_ns);

/* What a receiver counts beside frames; in the order of HIL_MBC_WRONG_CRC and the following (mb_counters.h). */
enum hil_rtu_count {
    HIL_RTU_WRONG_CRC = 0, /* frames with a wrong CRC: disturbed or cut short */
    HIL_RTU_NOISE_BYTES,   /* bytes that belong to no frame */
    HIL_RTU_GAPS,          /* frames spoiled by a pause */
    HIL_RTU_LINE_ERRORS,   /* bytes with a wrong parity or stop bit, breaks, bytes lost */
    HIL_RTU_TOO_LONG,      /* frames of more than 256 bytes */
    HIL_RTU_BROADCASTS,    /* requests to all */
    HIL_RTU_COUNTS
};

struct hil_rtu_rx {
    struct hil_rtu_timing timing;
    int64_t last_ns; /* when the newest byte was seen */
    uint16_t n;      /* bytes of the running frame */
    uint8_t spoiled; /* nothing is accepted before the next silence */
    uint8_t marked;  /* bytes come as PARMRK delivers them: ff 00 X is a bad byte, ff ff is ff (termios(3)) */
    uint8_t mark;    /* how far into such a mark */
    uint8_t data[HIL_RTU_ADU_MAX];
    uint64_t count[HIL_RTU_COUNTS];
};

void hil_rtu_rx_init(struct hil_rtu_rx *rx, const struct hil_rtu_timing *timing, int marked);
/* Forgets the running frame. */
static inline void hil_rtu_rx_clear(struct hil_rtu_rx *rx) { rx->n = rx->spoiled = rx->mark = 0; }

/* n bytes were seen at now_ns: 1 when a silence lies between them and the running frame, which therefore has ended: the
 * caller judges and clears it before hil_rtu_rx_start. n = 0: whether it has ended by now. */
int hil_rtu_rx_is_over(const struct hil_rtu_rx *rx, size_t n, int64_t now_ns);
/* Judges the pause before those n bytes, and notes the time. */
void hil_rtu_rx_start(struct hil_rtu_rx *rx, size_t n, int64_t now_ns);
/* Takes one of them; 1 when the running frame has grown by a byte. */
int hil_rtu_rx_push(struct hil_rtu_rx *rx, uint8_t byte);
/* The line was disturbed: `n` bytes are lost or wrong. */
void hil_rtu_rx_disturb(struct hil_rtu_rx *rx, unsigned n);
/* When the running frame has ended if nothing more comes; INT64_MAX: there is none. */
int64_t hil_rtu_rx_over_ns(const struct hil_rtu_rx *rx);

/* Whether the last two of n bytes are the CRC of those before them. */
int hil_rtu_crc_is_right(const uint8_t *adu, size_t n);
/* Appends the CRC to n bytes (unit and PDU); returns the length of the whole frame. */
size_t hil_rtu_finish(uint8_t *adu, size_t n);
/* Length of the frame whose first n bytes stand at `adu`, when these tell it; else 0. */
size_t hil_rtu_request_size(const uint8_t *adu, size_t n);
size_t hil_rtu_answer_size(const uint8_t *adu, size_t n);

#endif
