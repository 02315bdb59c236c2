/* libFuzzer, either end of the link: the other side sends anything. Part of the input is bytes as they are; part is given right
 * checks first, or nothing would ever get behind them. Whatever comes: nothing hangs, every frame is counted once, messages
 * come in order, and what this end sends is what its own decoder accepts. */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "hil_drivers/link_protocol.h"
#include "link_private.h"

struct fuzzed {
    struct hil_link link, mirror; /* mirror: reads what the link sends, with the same session */
    struct hil_link_handler handler, at_mirror;
    uint64_t chunks, messages;
    int in_chunk;
    int64_t now_ns;
};

static void on_connected(void *self) { ((struct fuzzed *)self)->messages = 0; }

static void on_image(void *self, uint16_t seq, const uint8_t *data, size_t n, int64_t now_ns)
{
    volatile uint8_t sum = 0;
    (void)self, (void)seq, (void)now_ns;
    assert(n >= 1 && n <= HIL_LINK_MAX_IMAGE);
    for (size_t i = 0; i < n; i++)
        sum = (uint8_t)(sum + data[i]);
}

static void on_message(void *self, const uint8_t *data, size_t n, int64_t now_ns)
{
    struct fuzzed *f = self;
    (void)data, (void)now_ns;
    assert(n >= 1 && n <= HIL_LINK_MAX_MESSAGE);
    f->messages++;
    assert((uint16_t)f->messages == f->link.rx_next);
}

static void on_lost(void *self, int err) { (void)self, (void)err; }
static void mirror_connected(void *self) { (void)self; }
static void mirror_message(void *self, const uint8_t *data, size_t n, int64_t now_ns)
{
    (void)self, (void)data, (void)n, (void)now_ns;
}

static void receive(struct fuzzed *f, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        f->chunks += bytes[i] == 0 && f->in_chunk;
        f->in_chunk = bytes[i] != 0;
    }
    hil_link_receive(&f->link, bytes, n, f->now_ns, &f->handler);
}

/* The bytes as a frame: with checks that are right for the session, encoded, ended. */
static void receive_frame(struct fuzzed *f, const uint8_t *bytes, size_t n)
{
    uint8_t raw[300], out[310];
    n = n < 260 ? n : 260;
    if (n == 0)
        return;
    memcpy(raw, bytes, n);
    if (f->link.offered && n >= 10 && raw[0] == HIL_LINK_WELCOME)
        hil_put_bytes(raw + 6, f->link.offered, 4);
    hil_put_bytes(raw + n, hil_link_checks(&f->link, raw, n), HIL_LINK_CHECKS);
    size_t size = hil_cobs_encode(raw, n + HIL_LINK_CHECKS, out);
    out[size++] = 0;
    receive(f, out, size);
}

static void poll(struct fuzzed *f, int64_t wait_ns)
{
    uint8_t out[HIL_LINK_MAX_FRAME];
    f->now_ns += wait_ns;
    unsigned frames = 0;
    for (size_t n; (n = hil_link_poll(&f->link, out, sizeof out, f->now_ns, &f->handler)); frames++) {
        assert(n <= sizeof out && out[n - 1] == 0);
        uint64_t whole = f->mirror.counters.frames_in;
        f->mirror.checks_start = f->link.checks_start;
        hil_link_receive(&f->mirror, out, n, f->now_ns, &f->at_mirror);
        assert(f->mirror.counters.frames_in == whole + 1 && f->mirror.counters.bad_kind == 0);
        assert(f->mirror.counters.bad_length == 0);
    }
    assert(frames <= HIL_LINK_WINDOW + 3);
    assert(hil_link_next_ns(&f->link) > f->now_ns);
}

static void act(struct fuzzed *f, uint8_t what, const uint8_t *bytes, size_t n)
{
    switch (what % 8) {
    case 0: receive(f, bytes, n); break;
    case 1:
    case 2:
    case 3: receive_frame(f, bytes, n); break;
    case 4: poll(f, n ? bytes[0] * 10000000ll : 0); break;
    case 5: hil_link_send_message(&f->link, bytes, n < 9 ? n : 9, f->now_ns); break;
    case 6:
        if (n)
            hil_link_send_image(&f->link, bytes, n);
        break;
    default:
        if (f->link.config.host && n > 3)
            hil_link_connect(&f->link, (uint32_t)hil_get_bytes(bytes, 4) | 1, f->now_ns);
        else if (n > 200)
            hil_link_disconnect(&f->link);
    }
}

static int fuzz(int host, const uint8_t *data, size_t size)
{
    static struct fuzzed f;
    memset(&f, 0, sizeof f);
    const struct hil_link_config config = {.host = (uint8_t)host}, other = {.host = (uint8_t)!host};
    hil_link_init(&f.link, &config);
    hil_link_init(&f.mirror, &other);
    f.handler = (struct hil_link_handler){&f, on_connected, on_image, on_message, on_lost};
    f.at_mirror = (struct hil_link_handler){&f, mirror_connected, on_image, mirror_message, on_lost};
    if (host)
        hil_link_connect(&f.link, 0x01020304, 0);
    for (size_t at = 0; at + 2 <= size;) {
        size_t n = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;
        act(&f, data[at], data + at + 2, n);
        at += 2 + n;
    }
    poll(&f, 0);
    const struct hil_link_counters *c = &f.link.counters;
    assert(f.chunks == c->frames_in + c->bad_cobs + c->bad_crc);
    assert(c->frames_in == c->bad_kind + c->bad_length + c->out_of_session + c->greetings_in + c->acks_in +
                               c->images_in + c->old_images + c->messages_in + c->duplicates + c->out_of_turn);
    return 0;
}
