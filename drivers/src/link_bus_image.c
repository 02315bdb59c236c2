#include <math.h>
#include <string.h>

#include "link_bus_private.h"

#define LOCKSTEP_HEAD 5
#define FREE_HEAD     23
#define UNECHOED      16 /* so many images without an echo: the way to the device is shut */

size_t hil_link_bus_pack(struct hil_link_bus *b, uint32_t tick, int64_t host_ns)
{
    uint8_t *at = hil_put_bytes(b->image, tick, 4);
    if (b->mode == HIL_LINK_FREE)
        at = hil_put_bytes(at, (uint64_t)host_ns, 8);
    at += hil_link_pack(b->codec_out, b->n_out, b->newest->v, at);
    return (size_t)(at - b->image);
}

void hil_link_bus_publish(struct hil_link_bus *b, int64_t time_ns)
{
    struct hil_image *image = hil_box_begin(&b->in);
    image->time_ns = b->image_ns = time_ns;
    hil_box_publish(&b->in);
    hil_link_bus_add(b, HIL_LBC_IMAGES, 1);
}

/* ---- lock-step ---- */

static void take_step(struct hil_link_bus *b, const uint8_t *data)
{
    struct hil_image *image = hil_box_begin(&b->in);
    if (!b->stepping || b->answered || (uint32_t)hil_get_bytes(data, 4) != b->step) {
        hil_link_bus_add(b, HIL_LBC_WRONG_STEP, 1);
        return;
    }
    hil_link_unpack(b->codec_in, b->n_in, data + LOCKSTEP_HEAD, image->v);
    for (unsigned i = b->n_in; i < image->n; i++)
        image->v[i] = 0; /* the clock's: there is none */
    b->answered = 1;
}

/* ---- free-running ---- */

/* The round trip of the image that is echoed, if it is still known. */
static void synchronise(struct hil_link_bus *b, uint16_t echo, int64_t echo_ns, int64_t sample_ns, int64_t now_ns)
{
    const struct hil_link_sent *sent = &b->sent[echo % HIL_LINK_BUS_SENT];
    if (sent->host_ns == 0 || sent->seq != echo)
        return;
    uint32_t restarts = b->clock.restarts;
    hil_clock_add(&b->clock, sent->host_ns, echo_ns, sample_ns, now_ns);
    hil_link_bus_add(b, HIL_LBC_CLOCK_RESTARTS, b->clock.restarts - restarts);
    if (echo == b->echo)
        return;
    b->echo = echo;
    b->unechoed = 0;
    hil_histogram_add(&b->counters.round_trip, now_ns - sent->host_ns - (sample_ns - echo_ns));
}

/* The host's time of the sample, and the clock's tags. A sample is never younger than its arrival. */
static int64_t date(struct hil_link_bus *b, struct hil_image *image, int64_t sample_ns, int64_t now_ns)
{
    struct hil_clock_estimate e = {now_ns, NAN, NAN, NAN};
    int known = hil_clock_read(&b->clock, now_ns, &e);
    if (b->clock_tags) {
        image->v[b->n_in] = e.offset_ns * 1e-9;
        image->v[b->n_in + 1] = e.drift * 1e6;
        image->v[b->n_in + 2] = e.bound_ns * 1e-9;
    }
    int64_t time_ns = known ? hil_clock_to_host(&e, sample_ns) : now_ns;
    return time_ns < now_ns ? time_ns : now_ns;
}

static void take_sample(struct hil_link_bus *b, const uint8_t *data, int64_t now_ns)
{
    int64_t sample_ns = (int64_t)hil_get_bytes(data + 5, 8), echo_ns = (int64_t)hil_get_bytes(data + 15, 8);
    struct hil_image *image = hil_box_begin(&b->in);
    synchronise(b, (uint16_t)hil_get_bytes(data + 13, 2), echo_ns, sample_ns, now_ns);
    if (b->unechoed < UNECHOED)
        b->heard_ns = now_ns;
    hil_link_unpack(b->codec_in, b->n_in, data + FREE_HEAD, image->v);
    hil_link_bus_publish(b, date(b, image, sample_ns, now_ns));
}

void hil_link_bus_on_image(void *bus, uint16_t seq, const uint8_t *data, size_t n, int64_t now_ns)
{
    struct hil_link_bus *b = bus;
    (void)seq;
    if (b->mode == HIL_LINK_IDLE) {
        hil_link_bus_add(b, HIL_LBC_WRONG_STEP, 1);
        return;
    }
    if (n != b->in_size + (b->mode == HIL_LINK_FREE ? FREE_HEAD : LOCKSTEP_HEAD)) {
        hil_link_bus_add(b, HIL_LBC_WRONG_SIZE, 1);
        return;
    }
    hil_link_bus_add(b, HIL_LBC_SAFE_IMAGES, (data[4] & HIL_LINK_SAFE) != 0);
    hil_link_bus_add(b, HIL_LBC_OVERRUNS, (data[4] & HIL_LINK_OVERRUN) != 0);
    if (b->mode == HIL_LINK_FREE)
        take_sample(b, data, now_ns);
    else
        take_step(b, data);
}
