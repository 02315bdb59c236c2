/* One end of the link at a time, and a wire without faults, for the tests of what an end sends and takes. */
#ifndef TEST_LINK_ENDS_H
#define TEST_LINK_ENDS_H

#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "hil_drivers/link_protocol.h"

#define MS 1000000ll

struct end {
    struct hil_link link;
    struct hil_link_handler handler;
    unsigned connected, images, messages, lost;
    int lost_err;
    uint16_t image_seq;
    uint8_t last[HIL_LINK_MAX_IMAGE];
    size_t last_n;
};

static inline void on_connected(void *self) { ((struct end *)self)->connected++; }

static inline void on_image(void *self, uint16_t seq, const uint8_t *data, size_t n, int64_t now_ns)
{
    struct end *e = self;
    (void)now_ns;
    e->images++;
    e->image_seq = seq;
    e->last_n = n;
    memcpy(e->last, data, n);
}

static inline void on_message(void *self, const uint8_t *data, size_t n, int64_t now_ns)
{
    struct end *e = self;
    (void)now_ns;
    e->messages++;
    e->last_n = n;
    memcpy(e->last, data, n);
}

static inline void on_lost(void *self, int err)
{
    struct end *e = self;
    e->lost++;
    e->lost_err = err;
}

static inline struct end new_end(int host)
{
    struct end e = {0};
    struct hil_link_config config = {.host = (uint8_t)host};
    hil_link_init(&e.link, &config);
    return e;
}

static inline struct hil_link_handler handler(struct end *e)
{
    return (struct hil_link_handler){e, on_connected, on_image, on_message, on_lost};
}

/* All that is due, in one piece; returns the bytes. */
static inline size_t say(struct end *e, uint8_t *out, int64_t now_ns)
{
    struct hil_link_handler h = handler(e);
    size_t n = 0;
    for (size_t k; (k = hil_link_poll(&e->link, out + n, HIL_LINK_MAX_FRAME, now_ns, &h)); n += k)
        assert(n + k < 20 * HIL_LINK_MAX_FRAME);
    return n;
}

static inline void hear(struct end *e, const uint8_t *bytes, size_t n, int64_t now_ns)
{
    struct hil_link_handler h = handler(e);
    hil_link_receive(&e->link, bytes, n, now_ns, &h);
}

static uint8_t wire[21 * HIL_LINK_MAX_FRAME];

static inline size_t carry(struct end *from, struct end *to, int64_t now_ns)
{
    size_t n = say(from, wire, now_ns);
    hear(to, wire, n, now_ns);
    return n;
}

static inline void meet(struct end *host, struct end *device, int64_t now_ns)
{
    *host = new_end(1);
    *device = new_end(0);
    hil_link_connect(&host->link, 0x12345678, now_ns);
    carry(host, device, now_ns);
    carry(device, host, now_ns);
    assert(host->connected == 1 && device->connected == 1 && hil_link_is_connected(&host->link));
}

#endif
