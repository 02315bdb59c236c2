/* CRCs against the catalogue's check values, COBS against the examples of its paper and by round trips. */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "hil_drivers/crc16.h"
#include "hil_drivers/link.h"

static const uint8_t digits[] = "123456789"; /* the catalogue of parametrised CRC algorithms checks with these */

/* By the definition, bit by bit. */
static uint16_t slow_0x1021(uint16_t crc, const uint8_t *data, size_t n)
{
    for (size_t i = 0; i < 8 * n; i++) {
        int bit = (data[i / 8] >> (7 - i % 8) & 1) ^ crc >> 15;
        crc = (uint16_t)(crc << 1 ^ (bit ? 0x1021 : 0));
    }
    return crc;
}

static uint16_t slow_0x8005(uint16_t crc, const uint8_t *data, size_t n)
{
    for (size_t i = 0; i < 8 * n; i++) {
        int bit = (data[i / 8] >> i % 8 & 1) ^ (crc & 1);
        crc = (uint16_t)(crc >> 1 ^ (bit ? 0xa001 : 0));
    }
    return crc;
}

static void check_values_are_those_of_the_catalogue(void)
{
    assert((uint16_t)hil_crc16_both(0xffff, digits, 9) == 0x29b1); /* CRC-16/IBM-3740 */
    assert((uint16_t)hil_crc16_both(0x1d0f, digits, 9) == 0xe5cc); /* CRC-16/SPI-FUJITSU: the same with another start */
    assert(hil_crc16_modbus(digits, 9) == 0x4b37);                 /* CRC-16/MODBUS */
    assert(hil_crc16_both(0xffffffff, digits, 9) == 0x4b3729b1);
    assert(hil_crc16_both(0x00001234, digits, 9) >> 16 == 0xbb3d); /* CRC-16/ARC: start 0 */
}

static void tables_agree_with_the_definition(void)
{
    uint8_t data[64];
    uint32_t random = 1;
    for (int round = 0; round < 2000; round++) {
        size_t n = (size_t)round % sizeof data;
        for (size_t i = 0; i < n; i++)
            data[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
        uint32_t start = random, both = hil_crc16_both(start, data, n);
        assert((both & 0xffff) == slow_0x1021((uint16_t)start, data, n));
        assert(both >> 16 == slow_0x8005((uint16_t)(start >> 16), data, n));
        assert(hil_crc16_modbus(data, n) == slow_0x8005(0xffff, data, n));
    }
}

static void encodes(const uint8_t *in, size_t n, const uint8_t *wanted, size_t n_wanted)
{
    uint8_t out[1100], back[1100];
    assert(hil_cobs_encode(in, n, out) == n_wanted && memcmp(out, wanted, n_wanted) == 0);
    assert(hil_cobs_decode(out, n_wanted, back) == n && memcmp(back, in, n) == 0);
}

static void cobs_has_the_known_encodings(void)
{
    uint8_t run[255], coded[257];
    encodes((const uint8_t *)"\0", 1, (const uint8_t *)"\1\1", 2);
    encodes((const uint8_t *)"\0\0", 2, (const uint8_t *)"\1\1\1", 3);
    encodes((const uint8_t *)"\x11\x22\0\x33", 4, (const uint8_t *)"\3\x11\x22\2\x33", 5);
    encodes((const uint8_t *)"\x11\0\0\0", 4, (const uint8_t *)"\2\x11\1\1\1", 5);
    encodes((const uint8_t *)"", 0, (const uint8_t *)"\1", 1);
    for (int i = 0; i < 255; i++) /* 01 .. fe, ff */
        run[i] = (uint8_t)(i + 1);
    coded[0] = 255;
    memcpy(coded + 1, run, 254);
    encodes(run, 254, coded, 255); /* a full block needs nothing behind it */
    coded[255] = 2;
    coded[256] = 255;
    encodes(run, 255, coded, 257);
}

static void cobs_round_trips_and_has_no_zero(void)
{
    uint8_t in[1040], out[1100];
    uint32_t random = 7;
    for (int round = 0; round < 4000; round++) {
        size_t n = (random >> 8) % sizeof in;
        unsigned zeros = (random >> 4) % 5;
        for (size_t i = 0; i < n; i++) {
            random = random * 1664525 + 1013904223;
            in[i] = random >> 28 < zeros ? 0 : (uint8_t)(random >> 20);
        }
        size_t size = hil_cobs_encode(in, n, out);
        assert(size <= n + n / 254 + 1 && !memchr(out, 0, size));
        assert(hil_cobs_decode(out, size, out) == n && memcmp(in, out, n) == 0); /* in place */
        random = random * 1664525 + 1013904223;
    }
}

static void what_is_not_cobs_is_refused(void)
{
    uint8_t out[16];
    assert(hil_cobs_decode((const uint8_t *)"\3\x11", 2, out) == SIZE_MAX); /* shorter than it says */
    assert(hil_cobs_decode((const uint8_t *)"\0", 1, out) == SIZE_MAX);
    assert(hil_cobs_decode((const uint8_t *)"\3\0\x11", 3, out) == SIZE_MAX);
    assert(hil_cobs_decode((const uint8_t *)"\xff", 1, out) == SIZE_MAX);
    assert(hil_cobs_decode(out, 0, out) == 0);
}

int main(void)
{
    check_values_are_those_of_the_catalogue();
    tables_agree_with_the_definition();
    cobs_has_the_known_encodings();
    cobs_round_trips_and_has_no_zero();
    what_is_not_cobs_is_refused();
    puts("test_crc16_cobs: ok");
    return 0;
}
