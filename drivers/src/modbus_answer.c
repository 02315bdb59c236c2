#include "hil_drivers/modbus.h"

#include <string.h>

/* Bytes of values that the answer to this request carries; 0 for codes that only write. */
static unsigned answer_bytes(uint8_t function, unsigned quantity)
{
    switch (function) {
    case HIL_MB_READ_COILS:
    case HIL_MB_READ_DISCRETE_INPUTS: return hil_mb_bit_bytes(quantity);
    case HIL_MB_READ_HOLDING_REGISTERS:
    case HIL_MB_READ_INPUT_REGISTERS:
    case HIL_MB_READ_WRITE_REGISTERS: return 2 * quantity;
    default: return 0;
    }
}

size_t hil_mb_answer_size(const uint8_t *sent)
{
    unsigned bytes = answer_bytes(sent[0], hil_mb_get16(sent + 3));
    if (bytes)
        return 2 + (size_t)bytes;
    return sent[0] == HIL_MB_MASK_WRITE_REGISTER ? 7 : 5; /* an echo of the request's start */
}

int hil_mb_answer_decode(const uint8_t *sent, const uint8_t *pdu, size_t n, struct hil_mb_answer *answer)
{
    *answer = (struct hil_mb_answer){0, NULL, 0};
    if (n < 2)
        return HIL_E_ARG;
    if (pdu[0] == (sent[0] | 0x80) && n == 2 && pdu[1] != 0) {
        answer->exception = pdu[1];
        return HIL_OK;
    }
    if (pdu[0] != sent[0])
        return HIL_E_ARG;
    if (n != hil_mb_answer_size(sent))
        return HIL_E_ARG;
    unsigned bytes = answer_bytes(sent[0], hil_mb_get16(sent + 3));
    if (bytes == 0) /* codes that only write echo the start of the request: all of it for codes 5, 6 and 22 */
        return memcmp(sent, pdu, n) == 0 ? HIL_OK : HIL_E_ARG;
    if (pdu[1] != bytes)
        return HIL_E_ARG;
    answer->data = pdu + 2;
    answer->n_data = (uint16_t)bytes;
    return HIL_OK;
}

size_t hil_mb_answer_head(const struct hil_mb_request *r, uint8_t *pdu)
{
    unsigned bytes = answer_bytes(r->function, r->quantity);
    pdu[0] = r->function;
    if (bytes) {
        pdu[1] = (uint8_t)bytes;
        return 2 + (size_t)bytes;
    }
    uint16_t value = r->quantity;
    if (r->function == HIL_MB_WRITE_COIL || r->function == HIL_MB_WRITE_REGISTER)
        value = hil_mb_get16(r->data);
    hil_mb_put16(pdu + 1, r->address);
    hil_mb_put16(pdu + 3, value);
    if (r->function != HIL_MB_MASK_WRITE_REGISTER)
        return 5;
    hil_mb_put16(pdu + 3, r->and_mask);
    hil_mb_put16(pdu + 5, r->or_mask);
    return 7;
}

size_t hil_mb_exception_encode(uint8_t function, int exception, uint8_t *pdu)
{
    pdu[0] = function | 0x80;
    pdu[1] = (uint8_t)exception;
    return 2;
}
