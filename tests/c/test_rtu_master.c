/* Modbus RTU at a master: what among the bytes of a line is the answer. */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "hil_drivers/rtu_master.h"

#define UNIT 17

static size_t frame(char *adu, uint8_t unit, const char *pdu, size_t n)
{
    adu[0] = (char)unit;
    memcpy(adu + 1, pdu, n);
    return hil_rtu_finish((uint8_t *)adu, 1 + n);
}

static const uint8_t read_two[] = {3, 0, 0, 0, 2};

static void hear(struct hil_rtu_rx *rx, const char *bytes, size_t n, int64_t now_ns)
{
    hil_rtu_rx_start(rx, n, now_ns);
    for (size_t i = 0; i < n; i++)
        hil_rtu_rx_push(rx, (uint8_t)bytes[i]);
}

static struct hil_rtu_rx listening(void)
{
    struct hil_rtu_rx rx;
    struct hil_rtu_timing timing = hil_rtu_timing(0, 11, 0);
    hil_rtu_rx_init(&rx, &timing, 0);
    return rx;
}

static void an_answer_is_found_with_its_last_byte_and_among_noise(void)
{
    char line[32] = "\xff\x11\x03\x04"; /* noise that begins like the answer */
    struct hil_mb_answer a;
    size_t n = 4 + frame(line + 4, UNIT, "\x03\x04\x12\x34\x56\x78", 6);
    for (size_t noise = 0; noise < 3; noise++) {
        struct hil_rtu_rx rx = listening();
        const char *from = line + 4 - 2 * noise;
        size_t length = n - 4 + 2 * noise;
        for (size_t i = 0; i < length; i++) {
            assert(!hil_rtu_find_answer(&rx, UNIT, read_two, &a));
            hear(&rx, from + i, 1, 1000);
        }
        assert(hil_rtu_find_answer(&rx, UNIT, read_two, &a) && a.n_data == 4 && !memcmp(a.data, "\x12\x34\x56\x78", 4));
        assert(rx.count[HIL_RTU_NOISE_BYTES] == 2 * noise && rx.n == 0);
    }
}

static void an_exception_is_shorter(void)
{
    char line[8];
    struct hil_mb_answer a;
    struct hil_rtu_rx rx = listening();
    hear(&rx, line, frame(line, UNIT, "\x83\x02", 2), 1000);
    assert(hil_rtu_find_answer(&rx, UNIT, read_two, &a) && a.exception == 2);
}

static enum hil_rtu_verdict verdict_on(uint8_t unit, const char *pdu, size_t n, int damage, struct hil_rtu_rx *rx)
{
    char line[32];
    struct hil_mb_answer a;
    size_t length = frame(line, unit, pdu, n);
    *rx = listening();
    line[length - 1] ^= (char)damage;
    hear(rx, line, length, 1000);
    assert(!hil_rtu_find_answer(rx, UNIT, read_two, &a));
    enum hil_rtu_verdict found = hil_rtu_judge_answer(rx, UNIT, read_two);
    assert(rx->n == 0);
    return found;
}

static void what_is_no_answer_gets_its_name(void)
{
    struct hil_rtu_rx rx;
    assert(verdict_on(UNIT, "\x03\x04\x12\x34\x56\x78", 6, 1, &rx) == HIL_RTU_GARBLED && rx.count[HIL_RTU_WRONG_CRC]);
    assert(verdict_on(UNIT + 1, "\x03\x04\x12\x34\x56\x78", 6, 0, &rx) == HIL_RTU_FOREIGN);
    assert(verdict_on(UNIT, "\x03\x02\x12\x34", 4, 0, &rx) == HIL_RTU_MALFORMED);
    assert(verdict_on(UNIT, "\x04\x04\x12\x34\x56\x78", 6, 0, &rx) == HIL_RTU_MALFORMED);
    assert(verdict_on(0x55, "\x00", 1, 1, &rx) == HIL_RTU_NOISE && rx.count[HIL_RTU_WRONG_CRC] == 1);
}

static void a_pause_inside_an_answer_spoils_it(void)
{
    char line[16];
    struct hil_mb_answer a;
    struct hil_rtu_rx rx = listening();
    size_t n = frame(line, UNIT, "\x03\x04\x12\x34\x56\x78", 6);
    hear(&rx, line, 4, 1000);
    hear(&rx, line + 4, n - 4, 1000 + 750001);
    assert(!hil_rtu_find_answer(&rx, UNIT, read_two, &a));
    assert(hil_rtu_judge_answer(&rx, UNIT, read_two) == HIL_RTU_GARBLED && rx.count[HIL_RTU_GAPS] == 1);
}

/* It does not matter in what pieces a line is heard. */
static void a_bad_byte_behind_a_whole_answer_does_not_spoil_it(void)
{
    char line[32];
    struct hil_mb_answer a;
    struct hil_rtu_rx rx = listening();
    size_t n = frame(line, UNIT, "\x03\x04\x12\x34\x56\x78", 6);
    rx.marked = 1;
    memcpy(line + n, "\xff\x00\x55", 3);
    hear(&rx, line, n + 3, 1000);
    assert(hil_rtu_find_answer(&rx, UNIT, read_two, &a) && a.n_data == 4 && rx.count[HIL_RTU_LINE_ERRORS] == 1);
    hear(&rx, line + n, 3, 1000);
    hear(&rx, line, n, 1000);
    assert(!hil_rtu_find_answer(&rx, UNIT, read_two, &a)); /* before one it does */
}

int main(void)
{
    an_answer_is_found_with_its_last_byte_and_among_noise();
    an_exception_is_shorter();
    what_is_no_answer_gets_its_name();
    a_pause_inside_an_answer_spoils_it();
    a_bad_byte_behind_a_whole_answer_does_not_spoil_it();
    puts("test_rtu_master: ok");
    return 0;
}
