#include "hil_drivers/mbap.h"

#include <string.h>

uint8_t *hil_mbap_space(struct hil_mbap_stream *s, size_t *n)
{
    if (s->head) { /* mostly nothing or part of one frame is left, so this moves little */
        memmove(s->data, s->data + s->head, s->tail - s->head);
        s->tail -= s->head;
        s->head = 0;
    }
    *n = s->size - s->tail;
    return s->data + s->tail;
}

enum hil_mbap_result hil_mbap_next(struct hil_mbap_stream *s, struct hil_mbap_frame *frame)
{
    const uint8_t *p = s->data + s->head;
    uint32_t have = s->tail - s->head;
    if (have < 6)
        return HIL_MBAP_MORE;
    unsigned length = hil_mb_get16(p + 4); /* unit and PDU; a PDU has at least its function code */
    if (length < 2 || length > 1 + HIL_MB_PDU_MAX)
        return HIL_MBAP_LOST;
    if (have < 6 + length)
        return HIL_MBAP_MORE;
    frame->transaction = hil_mb_get16(p);
    frame->protocol = hil_mb_get16(p + 2);
    frame->unit = p[6];
    frame->pdu = p + HIL_MBAP_SIZE;
    frame->n = (uint16_t)(length - 1);
    s->head += 6 + length;
    return frame->protocol == 0 ? HIL_MBAP_FRAME : HIL_MBAP_OTHER;
}

size_t hil_mbap_encode(uint8_t *adu, uint16_t transaction, uint8_t unit, size_t n)
{
    hil_mb_put16(adu, transaction);
    hil_mb_put16(adu + 2, 0);
    hil_mb_put16(adu + 4, (unsigned)n + 1);
    adu[6] = unit;
    return HIL_MBAP_SIZE + n;
}
