/* PDUs and frames against MODBUS Application Protocol V1.1b3 section 6: its examples, its limits, its exceptions. */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "hil_drivers/mbap.h"

static int exception_of(const uint8_t *pdu, size_t n)
{
    struct hil_mb_request r;
    return hil_mb_request_decode(pdu, n, &r);
}

/* A request PDU of each function with a quantity, correct but for that quantity. */
static size_t with_quantity(uint8_t function, unsigned quantity, uint8_t *pdu)
{
    unsigned bytes = function == HIL_MB_WRITE_COILS ? (quantity + 7) / 8 : 2 * quantity;
    memset(pdu, 0, 300);
    pdu[0] = function;
    hil_mb_put16(pdu + 3, quantity);
    pdu[5] = (uint8_t)bytes;
    return function >= HIL_MB_WRITE_COILS ? 6 + (size_t)(bytes > 246 ? 246 : bytes) : 5;
}

static void quantities_have_the_limits_of_the_specification(void)
{
    static const struct {
        uint8_t function;
        unsigned most;
    } limits[] = {{1, 2000}, {2, 2000}, {3, 125}, {4, 125}, {15, 1968}, {16, 123}};
    uint8_t pdu[512];
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        uint8_t f = limits[i].function;
        assert(exception_of(pdu, with_quantity(f, 0, pdu)) == HIL_MB_ILLEGAL_VALUE);
        assert(exception_of(pdu, with_quantity(f, 1, pdu)) == HIL_MB_OK);
        assert(exception_of(pdu, with_quantity(f, limits[i].most, pdu)) == HIL_MB_OK);
        assert(exception_of(pdu, with_quantity(f, limits[i].most + 1, pdu)) == HIL_MB_ILLEGAL_VALUE);
        assert(exception_of(pdu, with_quantity(f, 65535, pdu)) == HIL_MB_ILLEGAL_VALUE);
    }
}

static size_t read_write(unsigned reads, unsigned writes, uint8_t *pdu)
{
    memset(pdu, 0, 300);
    pdu[0] = HIL_MB_READ_WRITE_REGISTERS;
    hil_mb_put16(pdu + 3, reads);
    hil_mb_put16(pdu + 7, writes);
    pdu[9] = (uint8_t)(2 * writes);
    return 10 + (size_t)2 * writes;
}

static void read_write_limits_are_125_and_121(void)
{
    uint8_t pdu[512];
    assert(exception_of(pdu, read_write(125, 121, pdu)) == HIL_MB_OK);
    assert(exception_of(pdu, read_write(126, 121, pdu)) == HIL_MB_ILLEGAL_VALUE);
    assert(exception_of(pdu, read_write(125, 122, pdu)) == HIL_MB_ILLEGAL_VALUE);
    assert(exception_of(pdu, read_write(0, 1, pdu)) == HIL_MB_ILLEGAL_VALUE);
    assert(exception_of(pdu, read_write(1, 0, pdu)) == HIL_MB_ILLEGAL_VALUE);
}

static void every_other_function_is_refused_with_code_1(void)
{
    static const uint8_t known[] = {1, 2, 3, 4, 5, 6, 15, 16, 22, 23};
    for (unsigned f = 0; f < 256; f++) {
        uint8_t pdu[12] = {(uint8_t)f, 0, 0, 0, 1};
        int exception = exception_of(pdu, 1);
        assert(exception == (memchr(known, (int)f, sizeof known) ? HIL_MB_ILLEGAL_VALUE : HIL_MB_ILLEGAL_FUNCTION));
    }
}

static void a_length_or_byte_count_that_does_not_fit_is_an_illegal_value(void)
{
    const uint8_t ok[] = {0x10, 0x00, 0x01, 0x00, 0x02, 0x04, 0x00, 0x0a, 0x01, 0x02};
    uint8_t wrong[sizeof ok];
    assert(exception_of(ok, sizeof ok) == HIL_MB_OK);
    for (size_t n = 1; n < sizeof ok; n++)
        assert(exception_of(ok, n) == HIL_MB_ILLEGAL_VALUE);
    memcpy(wrong, ok, sizeof ok);
    wrong[5] = 3;
    assert(exception_of(wrong, sizeof wrong) == HIL_MB_ILLEGAL_VALUE);
    const uint8_t coil[] = {0x05, 0x00, 0xac, 0x12, 0x34};
    assert(exception_of(coil, sizeof coil) == HIL_MB_ILLEGAL_VALUE);
}

/* The request and answer examples of sections 6.1 to 6.17. */
static void the_examples_of_the_specification_hold(void)
{
    uint8_t pdu[HIL_MB_PDU_MAX];
    struct hil_mb_answer a;
    struct hil_mb_request r = {.function = 1, .address = 0x13, .quantity = 0x13};
    assert(hil_mb_request_encode(&r, pdu) == 5 && !memcmp(pdu, "\x01\x00\x13\x00\x13", 5));
    assert(hil_mb_answer_decode(pdu, (const uint8_t *)"\x01\x03\xcd\x6b\x05", 5, &a) == HIL_OK && a.n_data == 3);
    r = (struct hil_mb_request){.function = 3, .address = 0x6b, .quantity = 3};
    assert(hil_mb_request_encode(&r, pdu) == 5 && !memcmp(pdu, "\x03\x00\x6b\x00\x03", 5));
    assert(hil_mb_answer_decode(pdu, (const uint8_t *)"\x03\x06\x02\x2b\x00\x00\x00\x64", 8, &a) == HIL_OK);
    assert(a.n_data == 6 && hil_mb_get16(a.data) == 0x022b && hil_mb_get16(a.data + 4) == 0x64);
    r = (struct hil_mb_request){.function = 5, .address = 0xac, .quantity = 1, .data = (const uint8_t *)"\xff\x00"};
    assert(hil_mb_request_encode(&r, pdu) == 5 && !memcmp(pdu, "\x05\x00\xac\xff\x00", 5));
    assert(hil_mb_answer_decode(pdu, pdu, 5, &a) == HIL_OK);
    r = (struct hil_mb_request){.function = 15, .address = 0x13, .quantity = 10, .data = (const uint8_t *)"\xcd\x01"};
    assert(hil_mb_request_encode(&r, pdu) == 8 && !memcmp(pdu, "\x0f\x00\x13\x00\x0a\x02\xcd\x01", 8));
    assert(hil_mb_answer_decode(pdu, (const uint8_t *)"\x0f\x00\x13\x00\x0a", 5, &a) == HIL_OK);
    r = (struct hil_mb_request){.function = 22, .address = 4, .quantity = 1, .and_mask = 0xf2, .or_mask = 0x25};
    assert(hil_mb_request_encode(&r, pdu) == 7 && !memcmp(pdu, "\x16\x00\x04\x00\xf2\x00\x25", 7));
    assert(hil_mb_answer_decode(pdu, pdu, 7, &a) == HIL_OK);
    r = (struct hil_mb_request){.function = 23,
                                .address = 3,
                                .quantity = 6,
                                .write_address = 0x0e,
                                .write_quantity = 3,
                                .data = (const uint8_t *)"\x00\xff\x00\xff\x00\xff"};
    assert(hil_mb_request_encode(&r, pdu) == 16);
    assert(!memcmp(pdu, "\x17\x00\x03\x00\x06\x00\x0e\x00\x03\x06\x00\xff\x00\xff\x00\xff", 16));
}

static void what_is_encoded_is_decoded(void)
{
    const uint8_t data[] = {0xff, 0x00, 1, 2, 3, 4};
    const struct hil_mb_request all[] = {
        {.function = 4, .address = 65535, .quantity = 1},
        {.function = 6, .address = 7, .quantity = 1, .data = data, .n_data = 2},
        {.function = 16, .address = 9, .quantity = 3, .data = data, .n_data = 6},
        {.function = 23,
         .address = 9,
         .quantity = 125,
         .write_address = 2,
         .write_quantity = 3,
         .data = data,
         .n_data = 6},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        uint8_t pdu[HIL_MB_PDU_MAX];
        struct hil_mb_request r;
        size_t n = hil_mb_request_encode(&all[i], pdu);
        assert(n > 0 && hil_mb_request_decode(pdu, n, &r) == HIL_MB_OK);
        assert(r.function == all[i].function && r.address == all[i].address && r.quantity == all[i].quantity);
        assert(r.write_address == all[i].write_address && r.write_quantity == all[i].write_quantity);
        assert(r.n_data == all[i].n_data && (r.n_data == 0 || !memcmp(r.data, data, r.n_data)));
        uint8_t answer[HIL_MB_PDU_MAX] = {0};
        struct hil_mb_answer a;
        assert(hil_mb_answer_decode(pdu, answer, hil_mb_answer_head(&r, answer), &a) == HIL_OK && a.exception == 0);
    }
}

static void an_answer_that_does_not_belong_is_refused(void)
{
    const uint8_t sent[] = {3, 0, 0, 0, 2};
    struct hil_mb_answer a;
    assert(hil_mb_answer_decode(sent, (const uint8_t *)"\x83\x02", 2, &a) == HIL_OK && a.exception == 2);
    assert(hil_mb_answer_decode(sent, (const uint8_t *)"\x83\x00", 2, &a) == HIL_E_ARG);
    assert(hil_mb_answer_decode(sent, (const uint8_t *)"\x83\x02\x00", 3, &a) == HIL_E_ARG);
    assert(hil_mb_answer_decode(sent, (const uint8_t *)"\x84\x02", 2, &a) == HIL_E_ARG);
    assert(hil_mb_answer_decode(sent, (const uint8_t *)"\x04\x04\x00\x00\x00\x00", 6, &a) == HIL_E_ARG);
    assert(hil_mb_answer_decode(sent, (const uint8_t *)"\x03\x02\x00\x00", 4, &a) == HIL_E_ARG);
    assert(hil_mb_answer_decode(sent, (const uint8_t *)"\x03\x04\x00\x00\x00", 5, &a) == HIL_E_ARG);
    assert(hil_mb_answer_decode(sent, (const uint8_t *)"\x03\x04\x00\x00\x00\x00\x00", 7, &a) == HIL_E_ARG);
    assert(hil_mb_answer_decode(sent, (const uint8_t *)"\x03", 1, &a) == HIL_E_ARG);
    const uint8_t write[] = {6, 0, 1, 0, 2};
    assert(hil_mb_answer_decode(write, (const uint8_t *)"\x06\x00\x01\x00\x03", 5, &a) == HIL_E_ARG);
}

/* Any cutting of a stream gives the same frames. */
static void frames_survive_any_cutting(void)
{
    uint8_t wire[600], room[2 * HIL_MB_ADU_MAX];
    size_t n = 0;
    for (unsigned i = 0; i < 5; i++) {
        memset(wire + n + HIL_MBAP_SIZE, (int)i, 1 + 20 * i);
        n += hil_mbap_encode(wire + n, (uint16_t)(1000 + i), 7, 1 + 20 * i);
    }
    wire[2] = 9; /* the first frame is of another protocol */
    for (size_t step = 1; step <= n; step++) {
        struct hil_mbap_stream s = {.data = room, .size = sizeof room};
        struct hil_mbap_frame f;
        unsigned got = 0;
        for (size_t at = 0; at < n; at += step) {
            size_t space, part = n - at < step ? n - at : step;
            uint8_t *to = hil_mbap_space(&s, &space);
            part = part < space ? part : space;
            memcpy(to, wire + at, part);
            hil_mbap_received(&s, part);
            for (enum hil_mbap_result r; (r = hil_mbap_next(&s, &f)) != HIL_MBAP_MORE; got++) {
                assert(r == (got == 0 ? HIL_MBAP_OTHER : HIL_MBAP_FRAME));
                assert(f.transaction == 1000 + got && f.unit == 7 && f.n == 1 + 20 * got && f.pdu[0] == got);
            }
            at -= step - (part < step ? part : step);
        }
        assert(got == 5);
    }
}

static void an_impossible_length_loses_the_stream(void)
{
    for (unsigned length = 0; length < 65536; length++) {
        uint8_t data[HIL_MB_ADU_MAX] = {0, 1, 0, 0, (uint8_t)(length >> 8), (uint8_t)length};
        struct hil_mbap_stream s = {.data = data, .size = sizeof data, .tail = 6};
        struct hil_mbap_frame f;
        assert(hil_mbap_next(&s, &f) == (length < 2 || length > 254 ? HIL_MBAP_LOST : HIL_MBAP_MORE));
    }
}

int main(void)
{
    quantities_have_the_limits_of_the_specification();
    read_write_limits_are_125_and_121();
    every_other_function_is_refused_with_code_1();
    a_length_or_byte_count_that_does_not_fit_is_an_illegal_value();
    the_examples_of_the_specification_hold();
    what_is_encoded_is_decoded();
    an_answer_that_does_not_belong_is_refused();
    frames_survive_any_cutting();
    an_impossible_length_loses_the_stream();
    puts("test_modbus_pdu: ok");
    return 0;
}
