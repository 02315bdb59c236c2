#include "mb_client_private.h"

static void on_answer(void *context, unsigned k, const struct hil_mb_answer *answer)
{
    struct hil_mb_client *c = context;
    if (answer->exception && c->batch[k] < c->plan.n_writes)
        hil_mb_count(&c->counters, HIL_MBC_REFUSED_WRITES, 1);
    hil_regplan_accept(&c->plan, c->batch[k], answer, c->values);
}

/* Fills a batch from request *next on, up to `depth`. */
static void fill_batch(struct hil_mb_client *c, unsigned *next)
{
    const double *out = c->newest ? c->newest->v : NULL;
    uint64_t seq = c->newest ? c->newest->seq : 0;
    hil_mb_wire_begin(c->wire);
    for (; *next < c->plan.n && c->wire->n_sent < c->depth; ++*next) {
        if (c->plan.requests[*next].done_by_other)
            continue;
        size_t n = hil_regplan_encode(&c->plan, *next, out, seq, hil_mb_wire_slot(c->wire));
        if (n == 0)
            continue; /* a write, and the bench has not published yet */
        c->batch[c->wire->n_sent] = *next;
        hil_mb_wire_add(c->wire, n);
    }
}

/* NaN, of a read that was refused, is no latch. */
static void note_latch(struct hil_mb_client *c, const double *v)
{
    if (c->latch_tag < c->map.n_in && v[c->latch_tag] > 0 && !hil_mb_client_latch(c))
        atomic_store_explicit(&c->latch, (uint16_t)v[c->latch_tag], memory_order_relaxed);
}

static void publish(struct hil_mb_client *c, struct hil_image *image, int64_t time_ns)
{
    image->time_ns = hil_beats_time(&c->beats, image->v, time_ns);
    c->image_ns = image->time_ns;
    note_latch(c, image->v);
    hil_box_publish(&c->in);
    hil_mb_count(&c->counters, HIL_MBC_IMAGES, 1);
}

int hil_mb_cycle(struct hil_mb_client *c, int64_t lockstep_ns)
{
    const struct hil_image *fresh = hil_box_take(&c->out);
    struct hil_image *image = hil_box_begin(&c->in);
    c->newest = fresh ? fresh : c->newest; /* the one taken before stays valid until a fresh one is */
    c->values = image->v;
    for (unsigned next = 0; next < c->plan.n;) {
        fill_batch(c, &next);
        int rc = c->wire->n_sent ? hil_mb_wire_run(c->wire, on_answer, c) : HIL_OK;
        if (rc != HIL_OK) {
            hil_mb_count(&c->counters, HIL_MBC_FAILED_CYCLES, 1);
            return rc;
        }
    }
    publish(c, image, lockstep_ns >= 0 ? lockstep_ns : c->wire->answered_ns);
    hil_mb_count(&c->counters, HIL_MBC_CYCLES, 1);
    return HIL_OK;
}

int hil_mb_client_connect(struct hil_mb_client *c, int64_t wait_ns)
{
    if (c->thread.running)
        return HIL_E_ARG;
    return c->wire->fd >= 0 ? HIL_OK : hil_mb_wire_connect(c->wire, wait_ns);
}

int hil_mb_client_exchange(void *client, int64_t time_ns)
{
    struct hil_mb_client *c = client;
    int rc = hil_mb_client_connect(c, c->wire->timeout_ns);
    if (rc != HIL_OK) {
        hil_mb_count(&c->counters, HIL_MBC_FAILED_CYCLES, 1);
        return rc;
    }
    return hil_mb_cycle(c, time_ns);
}
