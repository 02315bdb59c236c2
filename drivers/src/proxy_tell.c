#include <string.h>

#include "proxy_private.h"

static void put(struct hil_proxy *p, const struct hil_proxy_note *note, const uint8_t *before, const uint8_t *after)
{
    uint32_t bytes = (uint32_t)(sizeof *note + note->n_before + note->n_after + 7) & ~7u;
    uint8_t *at = hil_ring_reserve(&p->ring, bytes, note->head.tick);
    if (!at) {
        proxy_add(p, HIL_PROXY_LOST_NOTES, 1);
        return;
    }
    memcpy(at, note, sizeof *note);
    ((struct hil_frame *)at)->bytes = bytes;
    if (before)
        memcpy(at + sizeof *note, before, note->n_before);
    if (after)
        memcpy(at + sizeof *note + note->n_before, after, note->n_after);
    hil_ring_commit(&p->ring, bytes);
}

static struct hil_proxy_note note_of(const struct hil_proxy *p, const struct proxy_session *s, int kind)
{
    uint16_t session = s ? s->number : 0;
    return (struct hil_proxy_note){
        .head = {.kind = (uint16_t)kind, .group = session, .tick = (uint64_t)p->now_ns},
    };
}

void proxy_tell_session(struct hil_proxy *p, const struct proxy_session *s, int kind, int reset)
{
    struct hil_proxy_note note = note_of(p, s, kind);
    note.number = (uint64_t)reset;
    put(p, &note, NULL, NULL);
}

void proxy_tell_frame(struct hil_proxy *p, const struct proxy_session *s, int way, int side, int fault, uint64_t number,
                      const uint8_t *data, size_t n)
{
    if (!p->options.capture)
        return;
    struct hil_proxy_note note = note_of(p, s, HIL_PROXY_PASSED);
    note.way = (uint8_t)way;
    note.side = (uint8_t)side;
    note.fault = (uint16_t)fault;
    note.number = number;
    note.n_before = (uint16_t)n;
    put(p, &note, data, NULL);
}

void proxy_tell_act(struct hil_proxy *p, const struct proxy_session *s, unsigned k, const struct proxy_frame *before,
                    const uint8_t *after, size_t n_after)
{
    struct hil_proxy_note note = note_of(p, s, HIL_PROXY_ACTED);
    note.fault = (uint16_t)k;
    note.n_after = (uint16_t)n_after;
    if (before) {
        note.way = (uint8_t)before->way;
        note.number = before->number;
        note.n_before = (uint16_t)before->n;
    }
    put(p, &note, before ? before->data : NULL, after);
}

static const char *const names[HIL_PROXY_COUNTS] = {
    "connections", "unreachable", "requests",  "responses", "bytes_in",   "bytes_out",
    "no_frame",    "by_silence",  "overflows", "not_held",  "lost_notes",
};

const char *hil_proxy_count_name(unsigned k) { return k < HIL_PROXY_COUNTS ? names[k] : NULL; }
