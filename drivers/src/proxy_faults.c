/* The kinds of faults, and the order in which they act on a frame. */
#include <string.h>

#include "proxy_private.h"

enum { ANY_FRAME, WHOLE_PDU, READ_ANSWER };

/* ---- on the way of a frame ---- */

static int split(struct proxy_act *a)
{
    a->v->first = a->v->piece = (size_t)a->t->count;
    a->v->gap_ns = a->t->time_ns;
    return a->f->n > a->v->first;
}

static int gap(struct proxy_act *a)
{
    a->v->first = a->t->at > 0 ? (size_t)a->t->at : a->f->n / 2;
    a->v->piece = a->f->n;
    a->v->gap_ns = a->t->time_ns;
    return a->f->n > a->v->first;
}

static int delay(struct proxy_act *a)
{
    a->v->delay_ns += a->t->time_ns;
    a->v->in_order = 1;
    return 1;
}

static int late(struct proxy_act *a)
{
    a->v->delay_ns += a->t->time_ns;
    return 1;
}

static int loss(struct proxy_act *a)
{
    a->v->drop = 1;
    return 1;
}

static int duplicate(struct proxy_act *a)
{
    a->v->copies = a->t->count;
    return 1;
}

static int reorder(struct proxy_act *a)
{
    a->v->after_next = 1;
    a->v->delay_ns += a->t->time_ns;
    return 1;
}

static int half_open(struct proxy_act *a)
{
    a->v->drop = a->v->mute = 1;
    a->v->mute_ns = a->t->time_ns ? a->p->now_ns + a->t->time_ns : INT64_MAX;
    return 1;
}

static int reset(struct proxy_act *a)
{
    a->v->drop = a->v->reset = 1;
    return 1;
}

static int flood(struct proxy_act *a)
{
    a->v->flood = a->t->count;
    return 1;
}

static const struct {
    int needs;
    int (*act)(struct proxy_act *a); /* NULL: acts elsewhere */
} kinds[HIL_PROXY_KINDS] = {
    [HIL_PROXY_CRC] = {ANY_FRAME, proxy_crc},
    [HIL_PROXY_BIT_FLIP] = {ANY_FRAME, proxy_bit_flip},
    [HIL_PROXY_TRUNCATE] = {ANY_FRAME, proxy_truncate},
    [HIL_PROXY_EXTRA] = {ANY_FRAME, proxy_extra},
    [HIL_PROXY_SPLIT] = {ANY_FRAME, split},
    [HIL_PROXY_GAP] = {ANY_FRAME, gap},
    [HIL_PROXY_WRONG_UNIT] = {WHOLE_PDU, proxy_wrong_unit},
    [HIL_PROXY_WRONG_FUNCTION] = {WHOLE_PDU, proxy_wrong_function},
    [HIL_PROXY_WRONG_TRANSACTION] = {WHOLE_PDU, proxy_wrong_transaction},
    [HIL_PROXY_WRONG_LENGTH] = {WHOLE_PDU, proxy_wrong_length},
    [HIL_PROXY_EXCEPTION] = {WHOLE_PDU, proxy_exception},
    [HIL_PROXY_FROZEN] = {READ_ANSWER, proxy_thaw},
    [HIL_PROXY_SWAPPED] = {WHOLE_PDU, proxy_swapped},
    [HIL_PROXY_DELAY] = {ANY_FRAME, delay},
    [HIL_PROXY_LATE] = {ANY_FRAME, late},
    [HIL_PROXY_LOSS] = {ANY_FRAME, loss},
    [HIL_PROXY_DUPLICATE] = {ANY_FRAME, duplicate},
    [HIL_PROXY_REORDER] = {ANY_FRAME, reorder},
    [HIL_PROXY_SILENT_ACCEPT] = {WHOLE_PDU, proxy_silent_accept},
    [HIL_PROXY_HALF_OPEN] = {ANY_FRAME, half_open},
    [HIL_PROXY_RESET] = {ANY_FRAME, reset},
    [HIL_PROXY_REFUSED] = {ANY_FRAME, NULL},
    [HIL_PROXY_FLOOD] = {ANY_FRAME, flood},
    [HIL_PROXY_MASQUERADE] = {WHOLE_PDU, proxy_masquerade},
};

/* ---- one after the other ---- */

/* Silent acceptance and swapping count only what they can act on: nth = 1 is the first write, not the first frame. */
static int fits(const struct proxy_act *a)
{
    int kind = a->t->kind;
    if (kind == HIL_PROXY_SILENT_ACCEPT)
        return proxy_is_write(a->f);
    if (kind == HIL_PROXY_SWAPPED)
        return proxy_is_read_answer(a->f) || proxy_is_write(a->f);
    if (kinds[kind].needs == READ_ANSWER)
        return proxy_is_read_answer(a->f);
    return kinds[kind].needs == ANY_FRAME || a->f->is_modbus;
}

static void copy_frame(struct proxy_frame *to, const struct proxy_frame *from)
{
    memcpy(to->data, from->data, from->n);
    to->n = from->n;
    to->way = from->way;
    to->number = from->number;
}

static void tell(struct proxy_act *a)
{
    struct proxy_verdict *v = a->v;
    const uint8_t *after = v->n_answer ? v->answer : a->f->data;
    size_t n_after = v->n_answer ? v->n_answer : v->drop ? 0 : a->f->n;
    proxy_tell_act(a->p, a->s, a->k, &a->p->before, after, n_after);
}

static void apply_one(struct proxy_act *a)
{
    if (!kinds[a->t->kind].act || !fits(a))
        return;
    copy_frame(&a->p->before, a->f);
    int acts = proxy_matches(a->p, a->k, a->f) && kinds[a->t->kind].act(a);
    if (!acts && a->t->kind == HIL_PROXY_FROZEN && proxy_in_scope(a->t, a->f))
        proxy_remember(a);
    if (!acts)
        return;
    atomic_fetch_add_explicit(&a->p->states[a->k].acted, 1, memory_order_relaxed);
    a->v->fault = (int)a->k + 1;
    tell(a);
}

void proxy_apply(struct hil_proxy *p, struct proxy_session *s, struct proxy_frame *f, struct proxy_verdict *v)
{
    for (unsigned k = 0; k < p->options.n_faults && !v->drop; k++) {
        struct proxy_act a = {p, s, &p->faults[k], k, f, v};
        apply_one(&a);
    }
}
