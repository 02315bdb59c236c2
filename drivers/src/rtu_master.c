#include "hil_drivers/rtu_master.h"

size_t hil_rtu_request(uint8_t *adu, uint8_t unit, size_t n)
{
    adu[0] = unit;
    return hil_rtu_finish(adu, 1 + n);
}

static int starts_answer(const uint8_t *adu, uint8_t unit, const uint8_t *sent)
{
    return adu[0] == unit && (adu[1] & 0x7f) == (sent[0] & 0x7f);
}

int hil_rtu_find_answer(struct hil_rtu_rx *rx, uint8_t unit, const uint8_t *sent, struct hil_mb_answer *answer)
{
    size_t whole = 1 + hil_mb_answer_size(sent) + 2;
    for (size_t at = 0; at + 5 <= rx->n;
         at++) { /* when spoiled: what came before, as if each byte were looked at alone */
        const uint8_t *adu = rx->data + at;
        size_t size = adu[1] & 0x80 ? 5 : whole;
        if (!starts_answer(adu, unit, sent) || at + size > rx->n || !hil_rtu_crc_is_right(adu, size) ||
            hil_mb_answer_decode(sent, adu + 1, size - 3, answer) != HIL_OK)
            continue;
        rx->count[HIL_RTU_NOISE_BYTES] += rx->n - size;
        hil_rtu_rx_clear(rx);
        return 1;
    }
    return 0;
}

static enum hil_rtu_verdict verdict(const struct hil_rtu_rx *rx, uint8_t unit, const uint8_t *sent)
{
    if (!rx->spoiled && hil_rtu_crc_is_right(rx->data, rx->n))
        return rx->data[0] == unit ? HIL_RTU_MALFORMED : HIL_RTU_FOREIGN;
    return rx->n >= 2 && starts_answer(rx->data, unit, sent) ? HIL_RTU_GARBLED : HIL_RTU_NOISE;
}

enum hil_rtu_verdict hil_rtu_judge_answer(struct hil_rtu_rx *rx, uint8_t unit, const uint8_t *sent)
{
    enum hil_rtu_verdict found = verdict(rx, unit, sent);
    if (!rx->spoiled && (found == HIL_RTU_GARBLED || found == HIL_RTU_NOISE)) {
        if (rx->n >= HIL_RTU_ADU_MIN)
            rx->count[HIL_RTU_WRONG_CRC]++;
        else
            rx->count[HIL_RTU_NOISE_BYTES] += rx->n;
    }
    hil_rtu_rx_clear(rx);
    return found;
}
