/* A wire between two ends of the link, in simulated time, that does to frames what a seeded plan says. It keeps count of
 * what it did, and of what it delivered by reading the bytes itself, so that the ends' counters can be checked. */
#ifndef TEST_LINK_WIRE_H
#define TEST_LINK_WIRE_H

#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "hil_drivers/link.h"

enum { WIRE_ROOM = 512, WIRE_BYTES = HIL_LINK_MAX_FRAME };

/* Chance of each, for every frame, in percent. */
struct plan {
    unsigned loss, corruption, duplication, reordering, delay, split, joined;
    int heavy; /* corruption also lengthens, shortens and cuts frames; else it changes bytes only and spares zeros */
};

struct injected {
    uint64_t lost, corrupted, duplicated, overtaken, delayed, split, joined;
};

struct parcel {
    int64_t due_ns;
    uint64_t order;
    uint16_t n;
    uint8_t bytes[WIRE_BYTES + 16];
};

struct wire {
    struct plan plan;
    struct injected did;
    uint64_t random, order;
    uint64_t chunks, bytes; /* delivered: runs of bytes between zeros */
    int in_chunk;
    unsigned n;
    struct parcel parcel[WIRE_ROOM];
};

static inline uint64_t mix(uint64_t x) /* splitmix64 */
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}
static inline uint64_t wire_random(struct wire *w) { return mix(w->random++); }
static inline unsigned wire_below(struct wire *w, unsigned n) { return (unsigned)(wire_random(w) % n); }
static inline int wire_chance(struct wire *w, unsigned percent) { return wire_below(w, 100) < percent; }

static inline void wire_put(struct wire *w, const uint8_t *bytes, size_t n, int64_t due_ns)
{
    if (n == 0)
        return;
    assert(w->n < WIRE_ROOM && n <= sizeof w->parcel[0].bytes);
    struct parcel *p = &w->parcel[w->n++];
    *p = (struct parcel){.due_ns = due_ns, .order = w->order++, .n = (uint16_t)n};
    memcpy(p->bytes, bytes, n);
}

/* Another value for some bytes, never zero, and never the one before. */
static inline void wire_change(struct wire *w, uint8_t *bytes, size_t n)
{
    for (unsigned k = 1 + wire_below(w, 6); k > 0; k--) {
        uint8_t *at = bytes + wire_below(w, (unsigned)n - 1), was = *at;
        while (*at == was || *at == 0)
            *at = (uint8_t)wire_random(w);
    }
}

static inline size_t wire_corrupt(struct wire *w, uint8_t *bytes, size_t n)
{
    uint8_t before[WIRE_BYTES + 16];
    memcpy(before, bytes, n);
    do /* changes may cancel each other out */
        wire_change(w, bytes, n);
    while (memcmp(before, bytes, n) == 0);
    if (!w->plan.heavy)
        return n;
    unsigned at = wire_below(w, (unsigned)n);
    switch (wire_below(w, 5)) {
    case 0: bytes[at] = 0; return n;
    case 1: memmove(bytes + at, bytes + at + 1, n - at - 1); return n - 1;
    case 2: memmove(bytes + at + 1, bytes + at, n - at); return n + 1;
    case 3: return n - at;
    default: return n;
    }
}

/* One frame as the sender wrote it. */
static inline void wire_send(struct wire *w, const uint8_t *frame, size_t size, int64_t now_ns)
{
    uint8_t bytes[WIRE_BYTES + 16];
    size_t n = size;
    int64_t due = now_ns + 50000;
    if (wire_chance(w, w->plan.loss)) {
        w->did.lost++;
        return;
    }
    memcpy(bytes, frame, n);
    if (wire_chance(w, w->plan.corruption)) {
        w->did.corrupted++;
        n = wire_corrupt(w, bytes, n);
    }
    if (wire_chance(w, w->plan.delay)) {
        w->did.delayed++;
        due += wire_below(w, 3000000);
    } else if (wire_chance(w, w->plan.reordering)) {
        due += 1000000 + wire_below(w, 2000000);
    }
    if (wire_chance(w, w->plan.duplication)) {
        w->did.duplicated++;
        wire_put(w, bytes, n, due + wire_below(w, 5000000));
    }
    if (wire_chance(w, w->plan.split) && n > 1) {
        w->did.split++;
        size_t first = 1 + wire_below(w, (unsigned)n - 1);
        wire_put(w, bytes, first, due);
        wire_put(w, bytes + first, n - first, due);
    } else {
        wire_put(w, bytes, n, due);
    }
}

static inline struct parcel *wire_next(struct wire *w, int64_t now_ns)
{
    struct parcel *best = NULL;
    for (unsigned i = 0; i < w->n; i++) {
        struct parcel *p = &w->parcel[i];
        if (p->due_ns <= now_ns &&
            (!best || p->due_ns < best->due_ns || (p->due_ns == best->due_ns && p->order < best->order)))
            best = p;
    }
    return best;
}

static inline void wire_read(struct wire *w, const uint8_t *bytes, size_t n)
{
    w->bytes += n;
    for (size_t i = 0; i < n; i++) {
        w->chunks += bytes[i] == 0 && w->in_chunk;
        w->in_chunk = bytes[i] != 0;
    }
}

/* What is due reaches the receiver: parcel by parcel, or several joined in one piece. */
static inline void wire_deliver(struct wire *w, struct hil_link *to, const struct hil_link_handler *h, int64_t now_ns)
{
    uint8_t joined[4 * WIRE_BYTES];
    size_t n = 0;
    for (struct parcel *p; (p = wire_next(w, now_ns));) {
        memcpy(joined + n, p->bytes, p->n);
        n += p->n;
        *p = w->parcel[--w->n];
        if (n < 2 * WIRE_BYTES && wire_chance(w, w->plan.joined)) {
            w->did.joined++;
            continue;
        }
        wire_read(w, joined, n);
        hil_link_receive(to, joined, n, now_ns, h);
        n = 0;
    }
    wire_read(w, joined, n);
    hil_link_receive(to, joined, n, now_ns, h);
}

#endif
