/* The link under fire: both ends in one process, simulated time, a plan of disturbances for each seed.
 *
 *   test_link_fire [SEEDS] [MILLISECONDS]    the plans with everything at once: so many, each so long
 *
 * Every image and every message carries its number and a hash of it, so a wrong value is seen; messages are counted. Each plan
 * with one disturbance alone has to be found again, to the unit, in the counters; all together, every run of bytes that the
 * wire delivered has to be counted once. */
#include <stdio.h>
#include <stdlib.h>

#include "link_wire.h"

#define MS          1000000
#define STEP_NS     100000
#define NEVER_LOST  0xffffffffu
#define LONGEST_WAY (8 * MS) /* the wire's: delay, and a duplicate behind it */

struct end {
    struct hil_link link;
    struct hil_link_handler handler;
    uint64_t seed; /* of the other side's content */
    uint64_t images, messages, sent_messages, newest_image;
    uint64_t sessions, losses;
    uint16_t image_seq; /* of the newest image, to see what is overtaken */
};

struct duel {
    struct end host, device;
    struct wire up, down; /* up: to the host */
    int64_t now_ns;
};

/* ---- contents ---- */

static size_t fill(uint8_t *bytes, uint64_t number, uint64_t seed, size_t n)
{
    memcpy(bytes, &number, 8);
    for (size_t i = 8; i < n; i++)
        bytes[i] = (uint8_t)mix(seed ^ mix(number * 1000 + i));
    return n;
}

static uint64_t checked(const uint8_t *bytes, uint64_t seed, size_t n, size_t expected)
{
    uint8_t right[HIL_LINK_MAX_MESSAGE];
    uint64_t number;
    assert(n >= 8);
    memcpy(&number, bytes, 8);
    assert(expected == 0 ? n == 9 + number % 60 : n == expected);
    fill(right, number, seed, n);
    assert(memcmp(right, bytes, n) == 0);
    return number;
}

static void on_connected(void *self)
{
    struct end *e = self;
    e->sessions++;
    e->messages = e->sent_messages = 0;
}

static void on_image(void *self, uint16_t seq, const uint8_t *data, size_t n, int64_t now_ns)
{
    struct end *e = self;
    (void)now_ns;
    uint64_t number = checked(data, e->seed, n, 24);
    assert((uint16_t)number == seq || e->losses || e->sessions > 1);
    assert(number > e->newest_image || e->sessions > 1);
    e->newest_image = number;
    e->images++;
}

static void on_message(void *self, const uint8_t *data, size_t n, int64_t now_ns)
{
    struct end *e = self;
    (void)now_ns;
    uint64_t number = checked(data, e->seed, n, 0);
    assert(number == e->messages);
    e->messages++;
}

static void on_lost(void *self, int err)
{
    struct end *e = self;
    assert(err == HIL_E_TIMEOUT);
    e->losses++;
}

static void begin(struct end *e, int host, uint64_t seed, uint32_t lost_after)
{
    struct hil_link_config config = {.host = (uint8_t)host, .lost_after = lost_after};
    memset(e, 0, sizeof *e);
    e->handler = (struct hil_link_handler){e, on_connected, on_image, on_message, on_lost};
    e->seed = seed + (host ? 1 : 0);
    hil_link_init(&e->link, &config);
}

/* ---- running ---- */

static void transmit(struct end *e, struct wire *w, int64_t now_ns)
{
    uint8_t out[HIL_LINK_MAX_FRAME];
    unsigned frames = 0;
    for (size_t n; (n = hil_link_poll(&e->link, out, sizeof out, now_ns, &e->handler)); frames++) {
        assert(n <= sizeof out && out[n - 1] == 0 && memchr(out + 1, 0, n - 2) == NULL);
        wire_send(w, out, n, now_ns);
    }
    assert(frames <= HIL_LINK_WINDOW + 3); /* no storm */
}

static void feed(struct end *e, uint64_t seed, int64_t now_ns, int talk)
{
    uint8_t bytes[HIL_LINK_MAX_MESSAGE];
    if (!hil_link_is_connected(&e->link) || !talk)
        return;
    if (now_ns % MS == 0) {
        uint16_t next = (uint16_t)(e->link.image_seq + 1);
        assert(hil_link_send_image(&e->link, bytes, fill(bytes, next, seed, 24)) == next);
    }
    if (now_ns % (2 * MS))
        return;
    size_t n = fill(bytes, e->sent_messages, seed, 9 + e->sent_messages % 60);
    if (hil_link_send_message(&e->link, bytes, n, now_ns) == HIL_OK)
        e->sent_messages++;
}

static void step(struct duel *d, uint64_t seed, int talk)
{
    d->now_ns += STEP_NS;
    wire_deliver(&d->down, &d->device.link, &d->device.handler, d->now_ns);
    wire_deliver(&d->up, &d->host.link, &d->host.handler, d->now_ns);
    feed(&d->host, seed, d->now_ns, talk);
    feed(&d->device, seed + 1, d->now_ns, talk);
    transmit(&d->host, &d->down, d->now_ns);
    transmit(&d->device, &d->up, d->now_ns);
}

static void run_until(struct duel *d, uint64_t seed, int64_t end_ns, int talk)
{
    while (d->now_ns < end_ns)
        step(d, seed, talk);
}

static void meet(struct duel *d, uint64_t seed, const struct plan *plan, uint32_t lost_after)
{
    memset(d, 0, sizeof *d);
    begin(&d->host, 1, seed, lost_after);
    begin(&d->device, 0, seed, lost_after);
    d->up = (struct wire){.plan = *plan, .random = mix(seed) ^ 1};
    d->down = (struct wire){.plan = *plan, .random = mix(seed) ^ 2};
    hil_link_connect(&d->host.link, (uint32_t)mix(seed) | 1, 0);
}

static void cease_fire(struct duel *d) { d->up.plan = d->down.plan = (struct plan){0}; }

/* In peace: what a device says before WELCOME has arrived is of no session yet, and would be counted so. */
static void shake_hands(struct duel *d, uint64_t seed, const struct plan *plan)
{
    cease_fire(d);
    run_until(d, seed, 10 * MS, 0);
    d->up.plan = d->down.plan = *plan;
}

/* ---- what has to hold ---- */

static void every_chunk_is_counted_once(const struct wire *w, const struct hil_link_counters *c)
{
    assert(c->bytes_in == w->bytes);
    assert(w->chunks == c->frames_in + c->bad_cobs + c->bad_crc);
    assert(c->frames_in == c->bad_kind + c->bad_length + c->out_of_session + c->greetings_in + c->acks_in +
                               c->images_in + c->old_images + c->messages_in + c->duplicates + c->out_of_turn);
}

static void all_messages_arrived(const struct end *from, const struct end *to)
{
    assert(to->messages == from->sent_messages);
    assert(from->link.tx_oldest == from->link.tx_next);
    assert(to->link.counters.messages_in == from->link.counters.messages_out);
}

/* How long after the last disturbance until everything that was on its way has arrived. */
static int64_t recover(struct duel *d, uint64_t seed)
{
    int64_t begin_ns = d->now_ns;
    cease_fire(d);
    while (d->host.link.tx_oldest != d->host.link.tx_next || d->device.link.tx_oldest != d->device.link.tx_next ||
           !hil_link_is_connected(&d->host.link) || d->up.n || d->down.n) {
        step(d, seed, 0);
        assert(d->now_ns - begin_ns < 10000ll * MS);
    }
    int64_t took = d->now_ns - begin_ns;
    run_until(d, seed, d->now_ns + 20 * MS, 0); /* the last acknowledgements */
    return took;
}

/* What is still on its way when the fire ends may hit one more frame; then one longest timeout, and the way there and back.
 * Before WELCOME has arrived there is such a wait for HELLO, too. */
static int64_t bound_ns(const struct duel *d)
{
    int waits = hil_link_is_connected(&d->host.link) ? 1 : 2;
    return waits * d->host.link.config.rto_max_ns + 3 * LONGEST_WAY + 4 * STEP_NS;
}

static int64_t largest_bound;

static int64_t one_duel(struct duel *d, uint64_t seed, const struct plan *plan, int64_t length_ns)
{
    meet(d, seed, plan, NEVER_LOST);
    if (!plan->heavy)
        shake_hands(d, seed, plan);
    run_until(d, seed, length_ns, 1);
    int64_t bound = bound_ns(d), took = recover(d, seed);
    assert(took <= bound);
    largest_bound = bound > largest_bound ? bound : largest_bound;
    all_messages_arrived(&d->host, &d->device);
    all_messages_arrived(&d->device, &d->host);
    every_chunk_is_counted_once(&d->down, &d->device.link.counters);
    every_chunk_is_counted_once(&d->up, &d->host.link.counters);
    assert(d->device.sessions == 1 && d->host.sessions == 1 && d->host.losses + d->device.losses == 0);
    return took;
}

/* ---- one disturbance at a time: the counters name it exactly ---- */

static struct duel duel;

static void loss_alone(const struct end *from, const struct wire *w, const struct end *to)
{
    const struct hil_link_counters *in = &to->link.counters, *out = &from->link.counters;
    assert(w->did.lost > 0 && out->frames_out == in->frames_in + w->did.lost);
    assert(in->bad_cobs + in->bad_crc + in->old_images == 0);
    uint64_t images_lost = out->images_out - in->images_in;
    assert(in->skipped_images <= images_lost && in->skipped_images + 20 >= images_lost); /* all but those at the end */
}

static void corruption_alone(const struct end *from, const struct wire *w, const struct end *to)
{
    const struct hil_link_counters *in = &to->link.counters;
    assert(w->did.corrupted > 0 && in->bad_crc + in->bad_cobs == w->did.corrupted);
    assert(from->link.counters.frames_out == in->frames_in + w->did.corrupted);
}

static void duplication_alone(const struct end *from, const struct wire *w, const struct end *to)
{
    const struct hil_link_counters *in = &to->link.counters, *out = &from->link.counters;
    assert(w->did.duplicated > 0 && in->frames_in == out->frames_out + w->did.duplicated);
    assert(in->images_in == out->images_out && in->messages_in == out->messages_out);
    uint64_t again = in->old_images + in->duplicates;
    assert(again <= w->did.duplicated + out->resent && again > 0);
}

static void reordering_alone(const struct end *from, const struct wire *w, const struct end *to)
{
    const struct hil_link_counters *in = &to->link.counters, *out = &from->link.counters;
    (void)w;
    assert(in->frames_in == out->frames_out && in->old_images > 0);
    assert(in->images_in + in->old_images == out->images_out);
    assert(in->skipped_images >= in->old_images); /* they were missing when the newer ones came */
}

static void cutting_alone(const struct end *from, const struct wire *w, const struct end *to)
{
    const struct hil_link_counters *in = &to->link.counters, *out = &from->link.counters;
    assert(w->did.split + w->did.joined > 0);
    assert(in->frames_in == out->frames_out && in->images_in == out->images_out);
    assert(in->bad_cobs + in->bad_crc + in->old_images + in->duplicates + out->resent == 0);
}

static void each_disturbance_alone_is_in_the_counters(void)
{
    static const struct {
        struct plan plan;
        void (*holds)(const struct end *from, const struct wire *w, const struct end *to);
    } alone[] = {
        {{.loss = 20}, loss_alone},
        {{.corruption = 20}, corruption_alone},
        {{.duplication = 20}, duplication_alone},
        {{.reordering = 20}, reordering_alone},
        {{.split = 20, .joined = 20}, cutting_alone},
    };
    for (unsigned i = 0; i < sizeof alone / sizeof *alone; i++)
        for (uint64_t seed = 1; seed <= 4; seed++) {
            one_duel(&duel, seed, &alone[i].plan, 1000ll * MS);
            alone[i].holds(&duel.host, &duel.down, &duel.device);
            alone[i].holds(&duel.device, &duel.up, &duel.host);
        }
}

/* ---- everything at once ---- */

static struct plan plan_of(uint64_t seed)
{
    struct plan p = {.heavy = 1};
    unsigned *chance[] = {&p.loss, &p.corruption, &p.duplication, &p.reordering, &p.delay, &p.split, &p.joined};
    for (unsigned i = 0; i < 7; i++)
        *chance[i] = (unsigned)(mix(seed * 7 + i) % 21);
    if (seed % 4 == 0) /* the worst that is allowed */
        p = (struct plan){20, 20, 20, 20, 20, 20, 20, 1};
    return p;
}

static void everything_at_once(uint64_t seeds, int64_t length_ns)
{
    int64_t worst = 0;
    uint64_t frames = 0, thrown = 0, images = 0, messages = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct plan plan = plan_of(seed);
        int64_t took = one_duel(&duel, seed, &plan, length_ns);
        worst = took > worst ? took : worst;
        const struct hil_link_counters *c[] = {&duel.host.link.counters, &duel.device.link.counters};
        for (int i = 0; i < 2; i++) {
            frames += c[i]->frames_in;
            thrown += c[i]->bad_cobs + c[i]->bad_crc;
            images += c[i]->images_in;
            messages += c[i]->messages_in;
        }
    }
    printf("fire: seeds=%llu frames=%llu thrown_away=%llu images=%llu messages=%llu recovery_ms=%.1f bound_ms=%.1f\n",
           (unsigned long long)seeds, (unsigned long long)frames, (unsigned long long)thrown,
           (unsigned long long)images, (unsigned long long)messages, (double)worst / MS, (double)largest_bound / MS);
}

/* With few resends allowed sessions end under fire; the host begins new ones, and in each all messages come in order. */
static void a_lost_session_is_followed_by_another(void)
{
    struct plan plan = {40, 20, 20, 20, 20, 20, 20, 1};
    meet(&duel, 5, &plan, 2);
    uint64_t tries = 0;
    while (duel.now_ns < 60000ll * MS) {
        step(&duel, 5, 1);
        if (!hil_link_is_connected(&duel.host.link) && duel.host.link.offered == 0)
            hil_link_connect(&duel.host.link, (uint32_t)mix(1000 + tries++) | 1, duel.now_ns);
    }
    printf("sessions: begun=%llu lost=%llu\n", (unsigned long long)duel.host.sessions,
           (unsigned long long)duel.host.losses);
    assert(duel.host.losses > 5 && duel.host.sessions > 5);
    every_chunk_is_counted_once(&duel.down, &duel.device.link.counters);
    every_chunk_is_counted_once(&duel.up, &duel.host.link.counters);
}

int main(int argc, char **argv)
{
    uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 12;
    int64_t length_ns = (argc > 2 ? strtoll(argv[2], NULL, 10) : 2000) * MS;
    each_disturbance_alone_is_in_the_counters();
    a_lost_session_is_followed_by_another();
    everything_at_once(seeds, length_ns);
    puts("test_link_fire: ok");
    return 0;
}
