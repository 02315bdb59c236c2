/* Modbus TCP frames: the MBAP header and the cutting of a byte stream into frames. Portable, no OS.
 *
 * Source: MODBUS Messaging on TCP/IP Implementation Guide V1.0b (2006), section 3.1.3: transaction (2 bytes), protocol
 * (2 bytes, 0), length of what follows (2 bytes), unit (1 byte), then the PDU. */
#ifndef HIL_DRIVERS_MBAP_H
#define HIL_DRIVERS_MBAP_H

#include "hil_drivers/modbus.h"

#define HIL_MBAP_SIZE  7
#define HIL_MB_ADU_MAX (HIL_MBAP_SIZE + HIL_MB_PDU_MAX)

struct hil_mbap_frame {
    uint16_t transaction, protocol;
    uint8_t unit;
    const uint8_t *pdu;
    uint16_t n; /* bytes of the PDU, 1 to 253 */
};

enum hil_mbap_result {
    HIL_MBAP_MORE = 0,  /* no whole frame yet */
    HIL_MBAP_FRAME = 1, /* a frame of Modbus */
    HIL_MBAP_OTHER = 2, /* a whole frame of another protocol: leave it out, the stream goes on behind it */
    HIL_MBAP_LOST = 3   /* an impossible length: where the next frame starts is unknown, close the connection */
};

/* Bytes received and not yet used. `data` has room for `size` bytes, at least HIL_MB_ADU_MAX, and stays the caller's. */
struct hil_mbap_stream {
    uint8_t *data;
    uint32_t size, head, tail;
};

/* Room behind the bytes that wait: at least size - HIL_MB_ADU_MAX when all whole frames were taken out. */
uint8_t *hil_mbap_space(struct hil_mbap_stream *s, size_t *n);
/* n bytes were written there. */
static inline void hil_mbap_received(struct hil_mbap_stream *s, size_t n) { s->tail += (uint32_t)n; }
/* Takes the next frame out; `frame` points into the stream and is valid until hil_mbap_space. */
enum hil_mbap_result hil_mbap_next(struct hil_mbap_stream *s, struct hil_mbap_frame *frame);
static inline void hil_mbap_clear(struct hil_mbap_stream *s) { s->head = s->tail = 0; }

/* Writes the header for a PDU of n bytes and returns the length of the whole frame. */
size_t hil_mbap_encode(uint8_t *adu, uint16_t transaction, uint8_t unit, size_t n);

#endif
