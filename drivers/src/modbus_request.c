#include "hil_drivers/modbus.h"

#include <string.h>

static int within(unsigned quantity, unsigned most) { return quantity >= 1 && quantity <= most; }

/* The quantities of section 6, for every code. */
static int quantities_allowed(const struct hil_mb_request *r)
{
    switch (r->function) {
    case HIL_MB_READ_COILS:
    case HIL_MB_READ_DISCRETE_INPUTS: return within(r->quantity, HIL_MB_MAX_READ_BITS);
    case HIL_MB_READ_HOLDING_REGISTERS:
    case HIL_MB_READ_INPUT_REGISTERS: return within(r->quantity, HIL_MB_MAX_READ_REGISTERS);
    case HIL_MB_WRITE_COIL:
    case HIL_MB_WRITE_REGISTER:
    case HIL_MB_MASK_WRITE_REGISTER: return r->quantity == 1;
    case HIL_MB_WRITE_COILS: return within(r->quantity, HIL_MB_MAX_WRITE_BITS);
    case HIL_MB_WRITE_REGISTERS: return within(r->quantity, HIL_MB_MAX_WRITE_REGISTERS);
    case HIL_MB_READ_WRITE_REGISTERS:
        return within(r->quantity, HIL_MB_MAX_READ_REGISTERS) && within(r->write_quantity, HIL_MB_MAX_RW_REGISTERS);
    default: return 0;
    }
}

size_t hil_mb_data_offset(uint8_t function)
{
    switch (function) {
    case HIL_MB_WRITE_COIL:
    case HIL_MB_WRITE_REGISTER: return 3;
    case HIL_MB_WRITE_COILS:
    case HIL_MB_WRITE_REGISTERS: return 6;
    case HIL_MB_READ_WRITE_REGISTERS: return 10;
    default: return 0;
    }
}

static uint16_t data_bytes(const struct hil_mb_request *r)
{
    switch (r->function) {
    case HIL_MB_WRITE_COIL:
    case HIL_MB_WRITE_REGISTER: return 2;
    case HIL_MB_WRITE_COILS: return hil_mb_bit_bytes(r->quantity);
    case HIL_MB_WRITE_REGISTERS: return (uint16_t)(2 * r->quantity);
    case HIL_MB_READ_WRITE_REGISTERS: return (uint16_t)(2 * r->write_quantity);
    default: return 0;
    }
}

size_t hil_mb_request_encode(const struct hil_mb_request *r, uint8_t *pdu)
{
    if (!quantities_allowed(r))
        return 0;
    size_t offset = hil_mb_data_offset(r->function);
    uint16_t bytes = data_bytes(r);
    pdu[0] = r->function;
    hil_mb_put16(pdu + 1, r->address);
    if (offset != 3) /* codes 5 and 6 have their value where the others have the quantity */
        hil_mb_put16(pdu + 3, r->quantity);
    if (offset == 6)
        pdu[5] = (uint8_t)bytes;
    if (r->function == HIL_MB_MASK_WRITE_REGISTER) {
        hil_mb_put16(pdu + 3, r->and_mask);
        hil_mb_put16(pdu + 5, r->or_mask);
        return 7;
    }
    if (offset == 10) {
        hil_mb_put16(pdu + 5, r->write_address);
        hil_mb_put16(pdu + 7, r->write_quantity);
        pdu[9] = (uint8_t)bytes;
    }
    if (r->data && bytes)
        memcpy(pdu + offset, r->data, bytes);
    return offset ? offset + bytes : 5;
}

/* Fields at their places; what does not apply to the function is overwritten or ignored by the caller. */
static int decode_fields(const uint8_t *pdu, size_t n, struct hil_mb_request *r)
{
    size_t offset = hil_mb_data_offset(r->function);
    size_t head = r->function == HIL_MB_MASK_WRITE_REGISTER ? 7 : offset ? offset : 5;
    if (n < head)
        return HIL_MB_ILLEGAL_VALUE;
    r->address = hil_mb_get16(pdu + 1);
    r->quantity = (offset == 3 || head == 7) ? 1 : hil_mb_get16(pdu + 3);
    if (head == 7) {
        r->and_mask = hil_mb_get16(pdu + 3);
        r->or_mask = hil_mb_get16(pdu + 5);
    }
    if (offset == 10) {
        r->write_address = hil_mb_get16(pdu + 5);
        r->write_quantity = hil_mb_get16(pdu + 7);
    }
    if (!quantities_allowed(r))
        return HIL_MB_ILLEGAL_VALUE;
    r->n_data = data_bytes(r);
    r->data = offset ? pdu + offset : NULL;
    /* "the implied length is incorrect" is an illegal value too (section 7) */
    if (n != head + r->n_data || (offset > 3 && pdu[offset - 1] != r->n_data))
        return HIL_MB_ILLEGAL_VALUE;
    return HIL_MB_OK;
}

int hil_mb_request_decode(const uint8_t *pdu, size_t n, struct hil_mb_request *r)
{
    memset(r, 0, sizeof *r);
    if (n == 0)
        return HIL_MB_ILLEGAL_FUNCTION;
    r->function = pdu[0];
    switch (r->function) {
    case HIL_MB_READ_COILS:
    case HIL_MB_READ_DISCRETE_INPUTS:
    case HIL_MB_READ_HOLDING_REGISTERS:
    case HIL_MB_READ_INPUT_REGISTERS:
    case HIL_MB_WRITE_COIL:
    case HIL_MB_WRITE_REGISTER:
    case HIL_MB_WRITE_COILS:
    case HIL_MB_WRITE_REGISTERS:
    case HIL_MB_MASK_WRITE_REGISTER:
    case HIL_MB_READ_WRITE_REGISTERS: break;
    default: return HIL_MB_ILLEGAL_FUNCTION;
    }
    int exception = decode_fields(pdu, n, r);
    if (exception == HIL_MB_OK && r->function == HIL_MB_WRITE_COIL) {
        uint16_t value = hil_mb_get16(r->data); /* 6.5: 0xFF00 is on, 0x0000 is off, all else is illegal */
        if (value != 0x0000 && value != 0xff00)
            return HIL_MB_ILLEGAL_VALUE;
    }
    return exception;
}
