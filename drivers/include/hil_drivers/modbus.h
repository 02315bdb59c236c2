/* Modbus PDUs, both directions. Portable, no OS.
 *
 * Source: MODBUS Application Protocol Specification V1.1b3 (2012), section 6, whose state diagrams also give the order of a
 * server's checks: function code (01), quantity and byte count (03), addresses (02), execution (04). */
#ifndef HIL_DRIVERS_MODBUS_H
#define HIL_DRIVERS_MODBUS_H

#include "hil/types.h"

enum hil_mb_function {
    HIL_MB_READ_COILS = 1,
    HIL_MB_READ_DISCRETE_INPUTS = 2,
    HIL_MB_READ_HOLDING_REGISTERS = 3,
    HIL_MB_READ_INPUT_REGISTERS = 4,
    HIL_MB_WRITE_COIL = 5,
    HIL_MB_WRITE_REGISTER = 6,
    HIL_MB_WRITE_COILS = 15,
    HIL_MB_WRITE_REGISTERS = 16,
    HIL_MB_MASK_WRITE_REGISTER = 22,
    HIL_MB_READ_WRITE_REGISTERS = 23
};

enum hil_mb_exception {
    HIL_MB_OK = 0,
    HIL_MB_ILLEGAL_FUNCTION = 0x01,
    HIL_MB_ILLEGAL_ADDRESS = 0x02,
    HIL_MB_ILLEGAL_VALUE = 0x03,
    HIL_MB_DEVICE_FAILURE = 0x04,
    HIL_MB_ACKNOWLEDGE = 0x05,
    HIL_MB_DEVICE_BUSY = 0x06,
    HIL_MB_GATEWAY_PATH = 0x0a,
    HIL_MB_GATEWAY_TARGET = 0x0b
};

#define HIL_MB_PDU_MAX             253  /* section 4.1 */
#define HIL_MB_MAX_READ_BITS       2000 /* 6.1, 6.2 */
#define HIL_MB_MAX_READ_REGISTERS  125  /* 6.3, 6.4, 6.17 */
#define HIL_MB_MAX_WRITE_BITS      1968 /* 6.11 */
#define HIL_MB_MAX_WRITE_REGISTERS 123  /* 6.12 */
#define HIL_MB_MAX_RW_REGISTERS    121  /* 6.17: the written half of code 23 */

/* A request. `data` points to the values as they stand on the wire: big-endian registers, coils packed from the lowest bit. */
struct hil_mb_request {
    uint8_t function;
    uint16_t address, quantity;             /* what is read; for codes that only write: what is written */
    uint16_t write_address, write_quantity; /* code 23 */
    uint16_t and_mask, or_mask; /* code 22: register = (register AND and_mask) OR (or_mask AND NOT and_mask) */
    const uint8_t *data;
    uint16_t n_data; /* bytes */
};

/* An answer: an exception code, or 0 and the values that were read (none for codes that only write). */
struct hil_mb_answer {
    uint8_t exception;
    const uint8_t *data;
    uint16_t n_data;
};

/* Bytes of n packed coils. */
static inline uint16_t hil_mb_bit_bytes(unsigned n) { return (uint16_t)((n + 7u) / 8u); }
static inline uint16_t hil_mb_get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static inline void hil_mb_put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* Client: writes the request into `pdu` (HIL_MB_PDU_MAX bytes) and returns its length, or 0 when a limit of the specification
 * is broken. With data = NULL the place of the values is left for the caller to fill, at hil_mb_data_offset. */
size_t hil_mb_request_encode(const struct hil_mb_request *r, uint8_t *pdu);
/* Where a request's values start in its PDU: 3, 6 or 10; 0 for codes without values. */
size_t hil_mb_data_offset(uint8_t function);

/* Client: reads the answer to `sent` (a whole request PDU). HIL_E_ARG: this cannot be an answer to it: other function, wrong
 * length, wrong echo. `answer->data` points into `pdu`. */
int hil_mb_answer_decode(const uint8_t *sent, const uint8_t *pdu, size_t n, struct hil_mb_answer *answer);

/* Client: length of the answer PDU to `sent` when it is no exception. */
size_t hil_mb_answer_size(const uint8_t *sent);

/* Server: reads a request. Returns HIL_MB_OK or the exception code (01, 03) to answer; addresses are the caller's to check.
 * `r->data` points into `pdu`. */
int hil_mb_request_decode(const uint8_t *pdu, size_t n, struct hil_mb_request *r);

/* Server: writes the answer's head for a valid request and returns the length of the whole answer. For codes that read, the
 * values belong at pdu + 2. `pdu` may be where the request lies. */
size_t hil_mb_answer_head(const struct hil_mb_request *r, uint8_t *pdu);
/* Server: an exception answer, 2 bytes. */
size_t hil_mb_exception_encode(uint8_t function, int exception, uint8_t *pdu);

#endif
