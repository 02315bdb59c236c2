/* Images and messages of the link: when they are sent, what is taken, and what is thrown away. */
#include <math.h>
#include <stdio.h>

#include "link_ends.h"
#include "link_wire.h"

static struct end host, device;

/* ---- images ---- */

static void image_is(uint16_t seq, uint8_t *bytes, size_t *n)
{
    host.link.image_seq = (uint16_t)(seq - 1);
    hil_link_send_image(&host.link, (const uint8_t *)&seq, 2);
    *n = say(&host, bytes, 0);
}

static void an_old_image_is_dropped_and_counted(void)
{
    uint8_t bytes[64];
    size_t n;
    const struct {
        uint16_t seq, taken;
    } in_turn[] = {{1, 1},     {1, 0},     {5, 1},     {4, 0},     {5, 0},     {6, 1},     {6 + HIL_LINK_AHEAD, 1},
                   {6, 0},     {40000, 0}, {30000, 1}, {40000, 1}, {50000, 1}, {65535, 1}, {0, 1},
                   {65535, 0}, {1, 1}};
    meet(&host, &device, 0);
    unsigned taken = 0;
    for (unsigned i = 0; i < sizeof in_turn / sizeof *in_turn; i++) {
        image_is(in_turn[i].seq, bytes, &n);
        hear(&device, bytes, n, 0);
        taken += in_turn[i].taken;
        assert(device.images == taken && device.link.counters.old_images == i + 1 - taken);
        assert(!in_turn[i].taken || device.image_seq == in_turn[i].seq);
    }
}

static void the_newest_image_replaces_one_that_waits(void)
{
    meet(&host, &device, 0);
    hil_link_send_image(&host.link, (const uint8_t *)"old", 3);
    hil_link_send_image(&host.link, (const uint8_t *)"new!", 4);
    carry(&host, &device, 0);
    assert(device.images == 1 && device.last_n == 4 && memcmp(device.last, "new!", 4) == 0);
    assert(device.link.counters.skipped_images == 1 && say(&host, wire, 10000 * MS) == 0); /* never again */
}

static void the_largest_image_fits(void)
{
    uint8_t image[HIL_LINK_MAX_IMAGE];
    for (int fill = 0; fill < 2; fill++) {
        meet(&host, &device, 0);
        memset(image, fill ? 0xff : 0, sizeof image);
        hil_link_send_image(&host.link, image, sizeof image);
        assert(carry(&host, &device, 0) <= HIL_LINK_MAX_FRAME);
        assert(device.last_n == sizeof image && memcmp(device.last, image, sizeof image) == 0);
    }
}

/* ---- messages ---- */

static void the_window_holds_eight(void)
{
    meet(&host, &device, 0);
    for (int i = 0; i < HIL_LINK_WINDOW; i++)
        assert(hil_link_send_message(&host.link, (const uint8_t *)"m", 1, 0) == HIL_OK);
    assert(hil_link_send_message(&host.link, (const uint8_t *)"m", 1, 0) == HIL_E_FULL);
    assert(hil_link_send_message(&host.link, (const uint8_t *)"m", 0, 0) == HIL_E_SIZE);
    assert(hil_link_send_message(&host.link, wire, HIL_LINK_MAX_MESSAGE + 1, 0) == HIL_E_SIZE);
    carry(&host, &device, 0);
    assert(device.messages == HIL_LINK_WINDOW);
    carry(&device, &host, MS);
    assert(device.link.counters.frames_out == 2); /* WELCOME, and one acknowledgement for all */
    assert(hil_link_send_message(&host.link, (const uint8_t *)"m", 1, MS) == HIL_OK);
}

/* RFC 6298 by numbers: first 50 ms; after one round trip R: R + 4 R/2; doubled at each expiry; not measured when resent. */
static void the_timeout_adapts(void)
{
    meet(&host, &device, 0);
    hil_link_send_message(&host.link, (const uint8_t *)"a", 1, 0);
    carry(&host, &device, 0);
    assert(hil_link_next_ns(&host.link) == 50 * MS);
    carry(&device, &host, 10 * MS);
    assert(host.link.rto.ns == 30 * MS && hil_link_next_ns(&host.link) == INT64_MAX);
    hil_link_send_message(&host.link, (const uint8_t *)"b", 1, 100 * MS);
    say(&host, wire, 100 * MS); /* lost */
    assert(say(&host, wire, 130 * MS - 1) == 0);
    assert(say(&host, wire, 130 * MS) > 0 && wire[0] == 0); /* a zero first: what is left of a frame ends there */
    assert(host.link.rto.ns == 60 * MS && hil_link_next_ns(&host.link) == 190 * MS);
    assert(carry(&host, &device, 190 * MS) > 0 && host.link.rto.ns == 120 * MS);
    carry(&device, &host, 191 * MS);
    assert(host.link.rto.ns == 120 * MS && host.link.rto.srtt_ns == 10 * MS); /* Karn */
    hil_link_send_message(&host.link, (const uint8_t *)"c", 1, 200 * MS);
    carry(&host, &device, 200 * MS);
    carry(&device, &host, 202 * MS);
    assert(host.link.rto.srtt_ns == 9 * MS && host.link.rto.ns == 32 * MS); /* |2 - 10| into 5 by a quarter: 5.75 */
    assert(device.messages == 3 && host.link.counters.resent == 2);
}

static void an_expiry_resends_the_whole_window_in_order(void)
{
    uint8_t first[64], rest[256];
    meet(&host, &device, 0);
    hil_link_send_message(&host.link, (const uint8_t *)"1", 1, 0);
    say(&host, first, 0); /* lost */
    hil_link_send_message(&host.link, (const uint8_t *)"2", 1, MS);
    hil_link_send_message(&host.link, (const uint8_t *)"3", 1, MS);
    hear(&device, rest, say(&host, rest, MS), MS);
    assert(device.messages == 0 && device.link.counters.out_of_turn == 2);
    carry(&host, &device, 50 * MS);
    assert(device.messages == 3 && device.last[0] == '3' && host.link.counters.resent == 3);
    carry(&device, &host, 51 * MS);
    assert(hil_link_next_ns(&host.link) == INT64_MAX);
}

static void silence_loses_the_other_side_in_bounded_time(void)
{
    meet(&host, &device, 0);
    hil_link_send_message(&host.link, (const uint8_t *)"m", 1, 0);
    int64_t t = 0;
    for (; host.lost == 0 && t < 60000 * MS; t += MS)
        say(&host, wire, t);
    assert(host.lost == 1 && host.lost_err == HIL_E_TIMEOUT && t <= 6000 * MS);
    assert(host.link.counters.resent == 8);
}

static void a_duplicate_is_acknowledged_again(void)
{
    meet(&host, &device, 0);
    hil_link_send_message(&host.link, (const uint8_t *)"m", 1, 0);
    size_t n = say(&host, wire, 0);
    hear(&device, wire, n, 0);
    uint8_t ack[64];
    say(&device, ack, 0); /* lost */
    hear(&device, wire, n, MS);
    assert(device.messages == 1 && device.link.counters.duplicates == 1);
    carry(&device, &host, MS);
    assert(host.link.tx_oldest == host.link.tx_next);
}

/* ---- what is not a frame ---- */

static void no_single_wrong_byte_passes(void)
{
    uint8_t good[64], bad[64];
    meet(&host, &device, 0);
    hil_link_send_image(&host.link, (const uint8_t *)"\0\1\2values", 9);
    size_t n = say(&host, good, 0);
    for (size_t i = 0; i + 1 < n; i++)
        for (int value = 1; value < 256; value++) {
            memcpy(bad, good, n);
            if (bad[i] == value)
                continue;
            bad[i] = (uint8_t)value;
            hear(&device, bad, n, 0);
        }
    const struct hil_link_counters *c = &device.link.counters;
    assert(device.images == 0 && c->bad_cobs + c->bad_crc == 254 * (n - 1) && c->bad_cobs > 0 && c->bad_crc > 0);
    hear(&device, good, n, 0);
    assert(device.images == 1);
}

static void a_frame_of_another_session_does_not_pass(void)
{
    struct end stranger, other;
    meet(&host, &device, 0);
    meet(&stranger, &other, 0);
    uint8_t bytes[64];
    hil_link_connect(&stranger.link, 0x12345679, 0);
    other = new_end(0);
    carry(&stranger, &other, 0);
    carry(&other, &stranger, 0);
    hil_link_send_image(&stranger.link, (const uint8_t *)"x", 1);
    hear(&device, bytes, say(&stranger, bytes, 0), 0);
    assert(device.images == 0 && device.link.counters.bad_crc == 1);
}

static void noise_without_end_is_survived(void)
{
    uint8_t noise[4096];
    uint64_t random = 1;
    meet(&host, &device, 0);
    for (int round = 0; round < 500; round++) {
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t)((random = mix(random)) >> 9) | (round % 2 ? 1 : 0); /* without zeros, too */
        hear(&device, noise, sizeof noise, round * MS);
        assert(say(&device, wire, round * MS) == 0);
    }
    assert(device.images + device.messages + device.lost == 0 && device.connected == 1);
    hil_link_send_message(&host.link, (const uint8_t *)"m", 1, 0);
    carry(&host, &device, 0); /* swallowed by what noise left behind */
    carry(&host, &device, 50 * MS);
    assert(device.messages == 1);
}

/* ---- values ---- */

static void values_cross_the_link_as_through_a_register(void)
{
    struct hil_codec codecs[9];
    double values[] = {1, 65535, -32768, 4e9, -2e9, 9007199254740992.0, -9007199254740992.0, 0.5, 0.1};
    double back[9];
    uint8_t bytes[64];
    for (uint32_t k = 0; k < 9; k++)
        codecs[k] = (struct hil_codec){.scale = 1, .lo = -HUGE_VAL, .hi = HUGE_VAL, .kind = k};
    assert(hil_link_values_size(codecs, 9) == 1 + 2 + 2 + 4 + 4 + 8 + 8 + 4 + 8);
    assert(hil_link_pack(codecs, 9, values, bytes) == 41 && bytes[0] == 1 && bytes[1] == 0xff && bytes[4] == 0x80);
    assert(hil_link_unpack(codecs, 9, bytes, back) == 41 && memcmp(values, back, sizeof values) == 0);
    codecs[2].scale = 0.01;
    values[2] = 1.234;
    values[8] = NAN;
    hil_link_pack(codecs, 9, values, bytes);
    hil_link_unpack(codecs, 9, bytes, back);
    assert(back[2] == hil_through_register(&codecs[2], 1.234) && fabs(back[2] - 1.23) < 1e-12 && isnan(back[8]));
}

static void every_counter_has_a_name(void)
{
    for (unsigned k = 0; k < HIL_LINK_COUNTERS; k++)
        for (unsigned other = 0; other < k; other++)
            assert(strcmp(hil_link_counter_name(k), hil_link_counter_name(other)) != 0);
    assert(hil_link_counter_name(HIL_LINK_COUNTERS) == NULL);
    struct hil_link_counters c = {.images_in = 5};
    const uint64_t *at = (const uint64_t *)&c;
    unsigned k = 0;
    while (at[k] != 5)
        k++;
    assert(strcmp(hil_link_counter_name(k), "images_in") == 0);
}

int main(void)
{
    an_old_image_is_dropped_and_counted();
    the_newest_image_replaces_one_that_waits();
    the_largest_image_fits();
    the_window_holds_eight();
    the_timeout_adapts();
    an_expiry_resends_the_whole_window_in_order();
    silence_loses_the_other_side_in_bounded_time();
    a_duplicate_is_acknowledged_again();
    no_single_wrong_byte_passes();
    a_frame_of_another_session_does_not_pass();
    noise_without_end_is_survived();
    values_cross_the_link_as_through_a_register();
    every_counter_has_a_name();
    puts("test_link: ok");
    return 0;
}
