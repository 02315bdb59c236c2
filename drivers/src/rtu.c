#include "hil_drivers/rtu.h"

#include <string.h>

#include "hil_drivers/crc16.h"

/* 2.5.1.1: above 19200 baud */
#define FIXED_GAP_NS     750000
#define FIXED_SILENCE_NS 1750000
#define BIT_NS_AT_19200  52083

struct hil_rtu_timing hil_rtu_timing(int64_t bit_ns, unsigned char_bits, int64_t slack_ns)
{
    int64_t character = bit_ns * char_bits;
    int fixed = bit_ns < BIT_NS_AT_19200;
    int64_t gap = fixed ? FIXED_GAP_NS : character * 3 / 2, silence = fixed ? FIXED_SILENCE_NS : character * 7 / 2;
    return (struct hil_rtu_timing){character, gap + slack_ns, silence + slack_ns, bit_ns ? silence : 0};
}

void hil_rtu_rx_init(struct hil_rtu_rx *rx, const struct hil_rtu_timing *timing, int marked)
{
    memset(rx, 0, sizeof *rx);
    rx->timing = *timing;
    rx->marked = marked != 0;
}

static int is_running(const struct hil_rtu_rx *rx) { return rx->n || rx->spoiled || rx->mark; }

/* Silence between the newest byte and the first of the n that were seen at now_ns. With none seen, one may be on its way. */
static int64_t pause_before(const struct hil_rtu_rx *rx, size_t n, int64_t now_ns)
{
    return now_ns - rx->last_ns - (n ? (int64_t)n : 1) * rx->timing.char_ns;
}

int hil_rtu_rx_is_over(const struct hil_rtu_rx *rx, size_t n, int64_t now_ns)
{
    return is_running(rx) && pause_before(rx, n, now_ns) >= rx->timing.silence_ns;
}

static void spoil(struct hil_rtu_rx *rx, enum hil_rtu_count why)
{
    if (!rx->spoiled)
        rx->count[why]++;
    rx->spoiled = 1;
}

void hil_rtu_rx_start(struct hil_rtu_rx *rx, size_t n, int64_t now_ns)
{
    if (is_running(rx) && pause_before(rx, n, now_ns) > rx->timing.gap_ns)
        spoil(rx, HIL_RTU_GAPS);
    rx->last_ns = now_ns;
}

void hil_rtu_rx_disturb(struct hil_rtu_rx *rx, unsigned n)
{
    rx->count[HIL_RTU_LINE_ERRORS] += n;
    rx->spoiled = 1;
}

/* 1: `byte` is one of the line's own; 0: part of a mark. */
static int unmark(struct hil_rtu_rx *rx, uint8_t byte)
{
    uint8_t before = rx->mark;
    rx->mark = 0;
    if (before == 2) /* ff 00 and now the bad byte, 0 for a break */
        hil_rtu_rx_disturb(rx, 1);
    else if (before == 1 && byte == 0xff)
        return 1;
    else if (before == 1 && byte != 0) /* no driver sends this */
        hil_rtu_rx_disturb(rx, 1);
    else if (before == 1)
        rx->mark = 2;
    else if (byte == 0xff)
        rx->mark = 1;
    else
        return 1;
    return 0;
}

int hil_rtu_rx_push(struct hil_rtu_rx *rx, uint8_t byte)
{
    if (rx->marked && !unmark(rx, byte))
        return 0;
    if (rx->n == HIL_RTU_ADU_MAX)
        spoil(rx, HIL_RTU_TOO_LONG);
    if (rx->spoiled)
        return 0;
    rx->data[rx->n++] = byte;
    return 1;
}

int64_t hil_rtu_rx_over_ns(const struct hil_rtu_rx *rx)
{
    return is_running(rx) ? rx->last_ns + rx->timing.silence_ns + rx->timing.char_ns : INT64_MAX;
}

int hil_rtu_crc_is_right(const uint8_t *adu, size_t n)
{
    return n >= HIL_RTU_ADU_MIN && hil_crc16_modbus(adu, n - 2) == (adu[n - 2] | adu[n - 1] << 8);
}

size_t hil_rtu_finish(uint8_t *adu, size_t n)
{
    uint16_t crc = hil_crc16_modbus(adu, n);
    adu[n] = (uint8_t)crc;
    adu[n + 1] = (uint8_t)(crc >> 8);
    return n + 2;
}

size_t hil_rtu_request_size(const uint8_t *adu, size_t n)
{
    size_t offset = n < 2 ? 0 : hil_mb_data_offset(adu[1]);
    if (offset > 3) /* the byte before the values counts them */
        return n <= offset ? 0 : 1 + offset + adu[offset] + 2;
    if (n < 2)
        return 0;
    switch (adu[1]) {
    case HIL_MB_READ_COILS:
    case HIL_MB_READ_DISCRETE_INPUTS:
    case HIL_MB_READ_HOLDING_REGISTERS:
    case HIL_MB_READ_INPUT_REGISTERS:
    case HIL_MB_WRITE_COIL:
    case HIL_MB_WRITE_REGISTER: return 8;
    case HIL_MB_MASK_WRITE_REGISTER: return 10;
    default: return 0;
    }
}

size_t hil_rtu_answer_size(const uint8_t *adu, size_t n)
{
    if (n < 3)
        return 0;
    switch (adu[1]) {
    case HIL_MB_READ_COILS:
    case HIL_MB_READ_DISCRETE_INPUTS:
    case HIL_MB_READ_HOLDING_REGISTERS:
    case HIL_MB_READ_INPUT_REGISTERS:
    case HIL_MB_READ_WRITE_REGISTERS: return 3 + (size_t)adu[2] + 2;
    case HIL_MB_WRITE_COIL:
    case HIL_MB_WRITE_REGISTER:
    case HIL_MB_WRITE_COILS:
    case HIL_MB_WRITE_REGISTERS: return 8;
    case HIL_MB_MASK_WRITE_REGISTER: return 10;
    default: return adu[1] & 0x80 ? 5 : 0;
    }
}
