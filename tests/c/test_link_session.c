/* Sessions of the link: how they begin, are replaced and end. */
#include <stdio.h>

#include "hil_drivers/crc16.h"
#include "link_ends.h"

static struct end host, device;

static void hello_is_repeated_with_doubled_waits(void)
{
    host = new_end(1);
    assert(hil_link_next_ns(&host.link) == INT64_MAX);
    hil_link_connect(&host.link, 7, 0);
    int64_t said[8], waits[] = {50, 100, 200, 400, 800, 1000, 1000};
    for (unsigned i = 0; i < 8; i++) {
        said[i] = hil_link_next_ns(&host.link);
        assert(say(&host, wire, said[i] - 1) == 0 && say(&host, wire, said[i]) > 0);
    }
    for (unsigned i = 0; i < 7; i++)
        assert(said[i + 1] - said[i] == waits[i] * MS);
}

/* Whatever the number of HELLOs in one piece, one WELCOME answers, and a session that holds is not disturbed. */
static void a_storm_of_hellos_gets_one_answer(void)
{
    meet(&host, &device, 0);
    struct end second = new_end(1);
    hil_link_connect(&second.link, 0x12345678, 0);
    size_t n = say(&second, wire, 0);
    for (int i = 0; i < 1000; i++)
        hear(&device, wire, n, MS);
    assert(device.connected == 1 && device.link.counters.greetings_in == 1001);
    assert(device.link.counters.frames_out == 1);
    uint8_t out[64];
    assert(say(&device, out, MS) > 0 && device.link.counters.frames_out == 2);
    hil_link_send_image(&host.link, (const uint8_t *)"x", 1);
    carry(&host, &device, MS);
    assert(device.images == 1);
}

static void a_new_session_replaces_the_old_one_for_good(void)
{
    uint8_t hello[64], late[64];
    meet(&host, &device, 0);
    host = new_end(1);
    hil_link_connect(&host.link, 0x12345678, 0);
    size_t n_hello = say(&host, hello, 0); /* of the session that there is: it will come late */
    hil_link_connect(&host.link, 99, 0);
    carry(&host, &device, 0);
    carry(&device, &host, 0);
    assert(device.connected == 2 && host.connected == 1);
    hear(&device, hello, n_hello, 0);
    assert(device.connected == 2 && device.link.session == 99 && say(&device, late, 0) == 0);
}

/* WELCOME never arrived, and the device has given up: the same number is taken again. */
static void a_session_that_timed_out_is_taken_again(void)
{
    host = new_end(1);
    device = new_end(0);
    hil_link_connect(&host.link, 5, 0);
    carry(&host, &device, 0);
    say(&device, wire, 0);
    assert(hil_link_send_message(&device.link, (const uint8_t *)"m", 1, 0) == HIL_OK);
    for (int64_t t = 0; t < 10000 * MS; t += MS)
        say(&device, wire, t);
    assert(device.lost == 1 && device.lost_err == HIL_E_TIMEOUT && !hil_link_is_connected(&device.link));
    carry(&host, &device, 10000 * MS);
    carry(&device, &host, 10000 * MS);
    assert(host.connected == 1 && device.connected == 2);
}

static void goodbye_ends_both_ends(void)
{
    meet(&host, &device, 0);
    hil_link_send_message(&host.link, (const uint8_t *)"last", 4, 0);
    hil_link_disconnect(&host.link);
    carry(&host, &device, 0);
    assert(device.messages == 1 && device.lost == 1 && device.lost_err == HIL_OK); /* what waited went before */
    assert(!hil_link_is_connected(&host.link) && !hil_link_is_connected(&device.link));
    assert(hil_link_send_message(&host.link, (const uint8_t *)"m", 1, 0) == HIL_E_ARG);
}

/* A greeting by hand: COBS, checks and all. */
static size_t greeting(uint8_t *out, uint8_t kind, unsigned version, uint32_t session)
{
    uint8_t raw[14] = {kind};
    hil_put_bytes(hil_put_bytes(raw + 4, version, 2), session, 4);
    hil_put_bytes(raw + 10, hil_crc16_both(0xffffffff, raw, 10), 4);
    size_t n = hil_cobs_encode(raw, sizeof raw, out);
    out[n] = 0;
    return n + 1;
}

static void another_version_is_told_and_refused(void)
{
    uint8_t bytes[64];
    host = new_end(1);
    hil_link_connect(&host.link, 77, 0);
    say(&host, wire, 0);
    hear(&host, bytes, greeting(bytes, HIL_LINK_WELCOME, HIL_LINK_VERSION + 1, 76), 0); /* not for us */
    assert(host.lost == 0);
    hear(&host, bytes, greeting(bytes, HIL_LINK_WELCOME, HIL_LINK_VERSION + 1, 77), 0);
    assert(host.lost == 1 && host.lost_err == HIL_E_ABI && !hil_link_is_connected(&host.link));
    device = new_end(0);
    hear(&device, bytes, greeting(bytes, HIL_LINK_HELLO, HIL_LINK_VERSION + 1, 78), 0);
    assert(device.connected == 0 && carry(&device, &host, 0) > 0); /* it says which one it speaks */
}

int main(void)
{
    hello_is_repeated_with_doubled_waits();
    a_storm_of_hellos_gets_one_answer();
    a_new_session_replaces_the_old_one_for_good();
    a_session_that_timed_out_is_taken_again();
    goodbye_ends_both_ends();
    another_version_is_told_and_refused();
    puts("test_link_session: ok");
    return 0;
}
