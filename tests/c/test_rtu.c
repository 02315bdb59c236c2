/* Modbus RTU: silence, length and CRC at a slave, on a line whose time this program makes. */
#undef NDEBUG
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "hil_drivers/crc16.h"
#include "hil_drivers/rtu_slave.h"

#define BIT_9600  104167
#define CHAR_9600 ((int64_t)11 * BIT_9600)
#define UNIT      17

/* ---- a slave with ten registers, and its line ---- */

struct bench {
    struct hil_reg_tag in[10];
    struct hil_regmap map;
    struct hil_mb_bank bank;
    _Alignas(8) unsigned char mem[1024];
    struct hil_rtu_slave slave;
    struct hil_rtu_timing timing;
    int64_t now_ns;
};

static void start(struct bench *b, int64_t bit_ns, int marked)
{
    memset(b, 0, sizeof *b);
    for (unsigned i = 0; i < 10; i++)
        b->in[i] = (struct hil_reg_tag){.codec = {.scale = 1, .lo = -HUGE_VAL, .hi = HUGE_VAL, .kind = HIL_U16},
                                        .address = (uint16_t)i,
                                        .table = HIL_HOLDING_REGISTER,
                                        .bit = HIL_WHOLE_WORD};
    b->map = (struct hil_regmap){b->in, NULL, 10, 0};
    assert(hil_mb_bank_size(&b->map) <= sizeof b->mem);
    hil_mb_bank_init(&b->bank, b->mem, &b->map);
    b->timing = hil_rtu_timing(bit_ns, 11, 0);
    b->now_ns = 1000000000;
    hil_rtu_slave_init(&b->slave, &b->bank, UNIT, &b->timing, marked);
}

/* Bytes that take as long as the line makes them take, and are seen together when the last has come. */
static void say(struct bench *b, const char *bytes, size_t n)
{
    b->now_ns += (int64_t)n * b->timing.char_ns;
    hil_rtu_slave_receive(&b->slave, (const uint8_t *)bytes, n, b->now_ns);
}

static size_t frame(char *adu, uint8_t unit, const char *pdu, size_t n)
{
    adu[0] = (char)unit;
    memcpy(adu + 1, pdu, n);
    return hil_rtu_finish((uint8_t *)adu, 1 + n);
}

/* A good request of 8 bytes: write `value` into register 2. */
static const char *write_of(uint8_t unit, unsigned value)
{
    static char adu[2][16];
    static int turn;
    char pdu[] = {6, 0, 2, (char)(value >> 8), (char)value};
    turn = !turn;
    assert(frame(adu[turn], unit, pdu, sizeof pdu) == 8);
    return adu[turn];
}

static const uint8_t *poll_slave(struct bench *b, size_t *n) { return hil_rtu_slave_poll(&b->slave, b->now_ns, n); }

static int answers(struct bench *b)
{
    size_t n;
    const uint8_t *answer = poll_slave(b, &n);
    assert(!answer || (answer[0] == UNIT && hil_rtu_crc_is_right(answer, n)));
    return answer != NULL;
}

static void pass(struct bench *b, int64_t ns) { b->now_ns += ns; }

/* So long that nobody can still be sending. */
static void fall_silent(struct bench *b) { pass(b, b->timing.silence_ns + b->timing.char_ns); }

static double value_of_2(struct bench *b)
{
    double in[10];
    hil_mb_bank_get(&b->bank, in);
    return in[2];
}

static uint64_t count(const struct bench *b, enum hil_rtu_count which) { return b->slave.rx.count[which]; }

/* The line works: what came before has left no trace. */
static void recovers(struct bench *b)
{
    static unsigned value = 100;
    fall_silent(b);
    answers(b);
    say(b, write_of(UNIT, ++value), 8);
    pass(b, b->timing.turn_ns);
    assert(answers(b) && value_of_2(b) == value);
}

/* ---- the line ---- */

static void pauses_are_those_of_the_specification(void)
{
    struct hil_rtu_timing slow = hil_rtu_timing(BIT_9600, 11, 0), fast = hil_rtu_timing(8681, 11, 0);
    struct hil_rtu_timing pty = hil_rtu_timing(0, 10, 20000000), edge = hil_rtu_timing(52083, 11, 0);
    assert(slow.gap_ns == CHAR_9600 * 3 / 2 && slow.silence_ns == CHAR_9600 * 7 / 2 && slow.turn_ns == slow.silence_ns);
    assert(fast.gap_ns == 750000 && fast.silence_ns == 1750000 && fast.turn_ns == 1750000);
    assert(edge.silence_ns == (int64_t)52083 * 11 * 7 / 2); /* 19200 itself still counts characters */
    assert(pty.gap_ns == 20750000 && pty.silence_ns == 21750000 && pty.turn_ns == 0);
}

static void the_crc_is_that_of_the_specification(void)
{
    assert(hil_crc16_modbus((const uint8_t *)"123456789", 9) == 0x4b37);
    assert(hil_rtu_crc_is_right((const uint8_t *)"\x01\x03\x00\x00\x00\x0a\xc5\xcd", 8));
    assert(!hil_rtu_crc_is_right((const uint8_t *)"\x01\x03\x00\x00\x00\x0a\xcd\xc5", 8));
    assert(!hil_rtu_crc_is_right((const uint8_t *)"\xff\xff", 2)); /* the CRC of nothing */
}

static void a_request_ends_with_its_length_and_is_answered_after_3_5_characters(void)
{
    static struct bench b;
    size_t n;
    start(&b, BIT_9600, 0);
    for (int i = 0; i < 8; i++)
        say(&b, write_of(UNIT, 7) + i, 1);
    assert(value_of_2(&b) == 7 && b.slave.wrote); /* executed with its last byte */
    assert(hil_rtu_slave_next_ns(&b.slave) == b.now_ns + CHAR_9600 * 7 / 2);
    pass(&b, CHAR_9600 * 7 / 2 - 1);
    assert(!poll_slave(&b, &n));
    pass(&b, 1);
    assert(!memcmp(poll_slave(&b, &n), write_of(UNIT, 7), 8) && n == 8);
    assert(!poll_slave(&b, &n) && hil_rtu_slave_next_ns(&b.slave) == INT64_MAX);
}

static void without_bit_timing_it_is_answered_at_once(void)
{
    static struct bench b;
    start(&b, 0, 0);
    say(&b, write_of(UNIT, 7), 8);
    assert(answers(&b));
    say(&b, write_of(UNIT, 8), 8); /* and the next needs no silence before it */
    assert(answers(&b) && value_of_2(&b) == 8);
}

static void a_pause_inside_a_frame_spoils_it(void)
{
    static struct bench b;
    start(&b, BIT_9600, 0);
    say(&b, write_of(UNIT, 7), 5);
    pass(&b, CHAR_9600 * 3 / 2); /* just allowed */
    say(&b, write_of(UNIT, 7) + 5, 3);
    pass(&b, b.timing.turn_ns);
    assert(answers(&b) && value_of_2(&b) == 7);
    say(&b, write_of(UNIT, 8), 5);
    pass(&b, CHAR_9600 * 3 / 2 + 1);
    say(&b, write_of(UNIT, 8) + 5, 3);
    fall_silent(&b);
    assert(!answers(&b) && value_of_2(&b) == 7 && count(&b, HIL_RTU_GAPS) == 1);
    recovers(&b);
}

static void silence_ends_a_frame_that_was_cut_short(void)
{
    static struct bench b;
    start(&b, BIT_9600, 0);
    say(&b, write_of(UNIT, 7), 5);
    pass(&b, b.timing.silence_ns);
    say(&b, write_of(UNIT, 9), 8); /* nobody polled in between */
    pass(&b, b.timing.turn_ns);
    assert(answers(&b) && value_of_2(&b) == 9 && count(&b, HIL_RTU_WRONG_CRC) == 1 && count(&b, HIL_RTU_GAPS) == 0);
}

static void a_second_request_without_silence_is_dropped(void)
{
    static struct bench b;
    char both[16];
    start(&b, BIT_9600, 0);
    memcpy(both, write_of(UNIT, 1), 8);
    memcpy(both + 8, write_of(UNIT, 2), 8);
    say(&b, both, 16);
    pass(&b, b.timing.turn_ns);
    assert(answers(&b) && !answers(&b) && value_of_2(&b) == 1 && count(&b, HIL_RTU_NOISE_BYTES) == 8);
    recovers(&b);
}

static void noise_is_counted_and_forgotten(void)
{
    static struct bench b;
    char both[11] = "\x00\xff\x11";
    start(&b, BIT_9600, 0);
    say(&b, "\x11\x03\x55", 3);
    fall_silent(&b);
    assert(!answers(&b) && count(&b, HIL_RTU_NOISE_BYTES) == 3);
    recovers(&b);
    fall_silent(&b);
    memcpy(both + 3, write_of(UNIT, 5), 8);
    say(&b, both, 11); /* noise and request without silence between: found when the line falls silent */
    assert(!answers(&b));
    fall_silent(&b);
    answers(&b);
    pass(&b, b.timing.turn_ns);
    assert(value_of_2(&b) == 5 && count(&b, HIL_RTU_NOISE_BYTES) == 6 && count(&b, HIL_RTU_WRONG_CRC) == 0);
    recovers(&b);
}

static void a_wrong_crc_is_not_executed(void)
{
    static struct bench b;
    start(&b, BIT_9600, 0);
    for (unsigned bit = 0; bit < 64; bit++) {
        char adu[8];
        memcpy(adu, write_of(UNIT, 7), 8);
        adu[bit / 8] ^= (char)(1u << bit % 8);
        say(&b, adu, 8);
        fall_silent(&b);
        assert(!answers(&b) && isnan(value_of_2(&b)));
    }
    assert(count(&b, HIL_RTU_WRONG_CRC) == 64);
    recovers(&b);
}

static void what_others_ask_and_answer_is_left_to_them(void)
{
    static struct bench b;
    char line[64];
    size_t n = frame(line, 9, "\x03\x00\x00\x00\x02", 5);
    n += frame(line + n, 9, "\x03\x04\x11\x06\x00\x02", 6); /* the answer of unit 9: looks like a request */
    n += frame(line + n, UNIT, "\x06\x00\x02\x00\x21", 5);
    start(&b, 0, 0);
    say(&b, line, n);
    assert(answers(&b) && value_of_2(&b) == 0x21);
    assert(b.slave.wrong_unit == 2 && b.slave.requests == 1 && count(&b, HIL_RTU_WRONG_CRC) == 0);
}

static void a_broadcast_is_executed_and_never_answered(void)
{
    static struct bench b;
    char both[16];
    start(&b, 0, 0);
    say(&b, write_of(0, 12), 8);
    assert(!answers(&b) && value_of_2(&b) == 12 && b.slave.wrote && count(&b, HIL_RTU_BROADCASTS) == 1);
    memcpy(both, write_of(0, 13), 8);
    memcpy(both + 8, write_of(UNIT, 14), 8);
    say(&b, both, 16);
    assert(answers(&b) && value_of_2(&b) == 14 && count(&b, HIL_RTU_BROADCASTS) == 2);
}

static void an_unknown_function_is_refused_when_silence_has_ended_it(void)
{
    static struct bench b;
    char adu[16];
    size_t n, length = frame(adu, UNIT, "\x08\x00\x00\xa5\x37", 5);
    start(&b, 0, 0);
    say(&b, adu, length);
    assert(!poll_slave(&b, &n) && hil_rtu_slave_next_ns(&b.slave) == b.now_ns + 1750000);
    pass(&b, 1750000);
    assert(!memcmp(poll_slave(&b, &n), "\x11\x88\x01", 3) && n == 5);
}

static void a_frame_that_never_ends_is_too_long(void)
{
    static struct bench b;
    start(&b, BIT_9600, 0);
    for (int i = 0; i < 1000; i++)
        say(&b, "\x11", 1);
    fall_silent(&b);
    assert(!answers(&b) && count(&b, HIL_RTU_TOO_LONG) == 1);
    recovers(&b);
}

/* termios(3): with PARMRK a bad byte X comes as ff 00 X, a break as ff 00 00, and ff itself as ff ff. */
static void a_marked_byte_spoils_its_frame(void)
{
    static struct bench b;
    char marked[16];
    start(&b, BIT_9600, 1);
    memcpy(marked, write_of(UNIT, 0xff00), 4);
    memcpy(marked + 4, "\xff\xff", 2);
    memcpy(marked + 6, write_of(UNIT, 0xff00) + 5, 3);
    for (int i = 0; i < 9; i++) /* the two bytes of ff may come apart */
        say(&b, marked + i, 1);
    pass(&b, b.timing.turn_ns);
    assert(answers(&b) && value_of_2(&b) == 0xff00);
    memcpy(marked, write_of(UNIT, 7), 4);
    memcpy(marked + 4, "\xff\x00\x00", 3); /* the byte that should be here, with a wrong parity */
    memcpy(marked + 7, write_of(UNIT, 7) + 5, 3);
    fall_silent(&b);
    say(&b, marked, 10);
    fall_silent(&b);
    assert(!answers(&b) && value_of_2(&b) == 0xff00 && count(&b, HIL_RTU_LINE_ERRORS) == 1);
    recovers(&b);
    fall_silent(&b);
    say(&b, "\xff\x00\x00", 3); /* a break between frames */
    recovers(&b);
    assert(count(&b, HIL_RTU_LINE_ERRORS) == 2);
}

int main(void)
{
    pauses_are_those_of_the_specification();
    the_crc_is_that_of_the_specification();
    a_request_ends_with_its_length_and_is_answered_after_3_5_characters();
    without_bit_timing_it_is_answered_at_once();
    a_pause_inside_a_frame_spoils_it();
    silence_ends_a_frame_that_was_cut_short();
    a_second_request_without_silence_is_dropped();
    noise_is_counted_and_forgotten();
    a_wrong_crc_is_not_executed();
    what_others_ask_and_answer_is_left_to_them();
    a_broadcast_is_executed_and_never_answered();
    an_unknown_function_is_refused_when_silence_has_ended_it();
    a_frame_that_never_ends_is_too_long();
    a_marked_byte_spoils_its_frame();
    puts("test_rtu: ok");
    return 0;
}
