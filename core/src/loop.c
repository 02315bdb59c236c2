#include "hil/loop.h"

#include <string.h>

#include "hil/authority.h"
#include "hil/capture.h"
#include "program_private.h"
#include "record.h"

/* ---- recording ---- */

static void put(struct hil_ring *ring, uint64_t tick, uint16_t kind, uint16_t group, const void *payload,
                uint32_t bytes)
{
    if (!ring)
        return;
    uint32_t size = (uint32_t)sizeof(struct hil_frame) + bytes;
    unsigned char *at = hil_ring_reserve(ring, size, tick);
    if (!at)
        return;
    struct hil_frame frame = {size, kind, group, tick};
    memcpy(at, &frame, sizeof frame);
    memcpy(at + sizeof frame, payload, bytes);
    hil_ring_commit(ring, size);
}

static void record(struct hil_loop *l, uint64_t tick, int64_t late_ns, int64_t exec_ns, uint32_t alert)
{
    const struct hil_state *h = hil_header(l->state);
    for (uint32_t i = 0; i < h->n_notes; i++)
        put(l->inputs, tick, HIL_FRAME_NOTE, 0, &hil_notes(l->program, l->state)[i], sizeof(struct hil_note));
    if (!l->samples)
        return;
    const struct hil_row_times times = {tick, late_ns, exec_ns, alert};
    for (uint32_t i = 0; i < l->n_groups; i++)
        if (l->groups[i].every == 1 || tick % l->groups[i].every == 0)
            hil_record_group(l->samples, &l->groups[i], (uint16_t)i, l->state, &times);
}

/* ---- inputs of the tick ---- */

void hil_loop_event(struct hil_loop *l, const struct hil_event *event)
{
    uint64_t tick = hil_header(l->state)->tick;
    struct hil_event e = *event;
    if (e.due == HIL_NEXT_TICK)
        e.due = tick;
    int err = hil_event_push(l->program, l->state, &e);
    put(l->inputs, tick, err ? HIL_FRAME_REFUSED : HIL_FRAME_EVENT, (uint16_t)err, &e, sizeof e);
}

void hil_loop_take_events(struct hil_loop *l)
{
    struct hil_event e;
    for (int i = 0; i < HIL_QUEUE_SIZE && hil_queue_take(l->queue, &e); i++)
        hil_loop_event(l, &e);
}

/* Behind the queue: a grant that was accepted before the stop does not outlive it. The queue's turn of this tick may have
 * been over when grant and stop came, so it has another one. */
static void take_stop_of_twin(struct hil_loop *l)
{
    if (__builtin_expect(!atomic_load_explicit(&l->stop_twin, memory_order_acquire), 1))
        return;
    atomic_store_explicit(&l->stop_twin, 0, memory_order_relaxed);
    if (l->queue)
        hil_loop_take_events(l);
    struct hil_event e = {.due = HIL_NEXT_TICK, .kind = HIL_EV_AUTHORITY, .target = HIL_ALL_AUTHORITIES};
    e.kind2 = HIL_AUTHORITY_REVOKE;
    hil_loop_event(l, &e);
}

static void record_image(struct hil_loop *l, uint16_t role, const struct hil_image *image, int64_t time_ns)
{
    if (!l->inputs)
        return;
    uint64_t tick = hil_header(l->state)->tick;
    uint32_t size = (uint32_t)sizeof(struct hil_frame) + 8u + image->n * 8u;
    unsigned char *at = hil_ring_reserve(l->inputs, size, tick);
    if (!at)
        return;
    struct hil_frame frame = {size, HIL_FRAME_IMAGE, role, tick};
    memcpy(at, &frame, sizeof frame);
    memcpy(at + sizeof frame, &time_ns, 8);
    memcpy(at + sizeof frame + 8, image->v, image->n * 8u);
    hil_ring_commit(l->inputs, size);
}

static void take_images(struct hil_loop *l)
{
    for (uint16_t r = 1; r < l->program->n_roles; r++) {
        struct hil_bus_port *bus = l->buses[r];
        const struct hil_image *image = bus ? hil_box_take(bus->in) : NULL;
        if (!image || hil_role_mem(&l->program->roles[r], l->state)->binding != HIL_EXTERNAL)
            continue;
        int64_t now = (int64_t)hil_header(l->state)->tick * l->program->period_ns;
        int64_t time_ns = l->restamp ? now : image->time_ns - l->start_ns;
        record_image(l, r, image, time_ns);
        hil_role_latch(l->program, l->state, r, image->v, time_ns);
    }
}

static void take_hash(struct hil_loop *l)
{
    uint64_t tick = hil_header(l->state)->tick;
    if (!l->inputs || !l->hash_every || tick % l->hash_every)
        return;
    uint64_t hash = hil_state_hash(l->program, l->state);
    put(l->inputs, tick, HIL_FRAME_HASH, 0, &hash, sizeof hash);
}

/* ---- outputs ---- */

static void publish(struct hil_loop *l, uint64_t tick)
{
    for (uint16_t r = 1; r < l->program->n_roles; r++) {
        struct hil_bus_port *bus = l->buses[r];
        if (!bus)
            continue;
        struct hil_image *image = hil_box_begin(bus->out);
        hil_role_published(l->program, l->state, r, image->v);
        image->time_ns = l->start_ns + (int64_t)tick * l->program->period_ns;
        hil_box_publish(bus->out);
    }
}

/* ---- cycle ---- */

static void give_copy(struct hil_loop *l)
{
    if (__builtin_expect(!atomic_load_explicit(&l->copy_to, memory_order_relaxed), 1))
        return;
    unsigned char *to = atomic_exchange_explicit(&l->copy_to, NULL, memory_order_acq_rel);
    if (!to)
        return;
    memcpy(to, l->state, hil_state_size(l->program));
    atomic_store_explicit(&l->copied, 1, memory_order_release);
}

void hil_loop_cycle(struct hil_loop *l, int64_t late_ns)
{
    uint64_t tick = hil_header(l->state)->tick;
    int64_t from = l->clock ? l->clock() : 0;
    give_copy(l);
    take_hash(l);
    if (l->queue)
        hil_loop_take_events(l);
    take_stop_of_twin(l);
    if (l->buses)
        take_images(l);
    if (l->profile)
        hil_tick_profiled(l->program, l->state, l->profile);
    else
        hil_tick(l->program, l->state);
    if (l->buses)
        publish(l, tick);
    int64_t exec_ns = l->clock ? l->clock() - from : 0;
    record(l, tick, late_ns, exec_ns, hil_header(l->state)->alert);
    struct hil_captures *captures = atomic_load_explicit(&l->captures, memory_order_acquire);
    if (__builtin_expect(captures != NULL, 0))
        hil_captures_step(captures, l->state, tick, late_ns, exec_ns);
    l->n_ticks++;
    if (!l->clock)
        return;
    l->exec_ns = l->clock() - from;
    hil_histogram_add(l->exec, l->exec_ns);
    hil_histogram_add(l->late, late_ns);
    if (l->profile)
        hil_profile_keep_worst(l->profile, tick, late_ns, l->exec_ns);
}

static int nearly_full(struct hil_ring *r) { return r && hil_ring_nearly_full(r); }

static int must_end(struct hil_loop *l)
{
    const struct hil_captures *captures = atomic_load_explicit(&l->captures, memory_order_relaxed);
    return atomic_load_explicit(&l->stop, memory_order_relaxed) || nearly_full(l->samples) || nearly_full(l->inputs) ||
           (captures && captures->news);
}

static void begin(struct hil_loop *l)
{
    struct hil_captures *captures = atomic_load_explicit(&l->captures, memory_order_relaxed);
    if (captures)
        captures->news = 0;
}

uint64_t hil_loop_run(struct hil_loop *l, uint64_t n)
{
    uint64_t i = 0;
    begin(l);
    while (i < n && !must_end(l))
        hil_loop_cycle(l, 0), i++;
    return i;
}

static int exchange_due(struct hil_loop *l, uint64_t tick)
{
    int64_t time_ns = (int64_t)tick * l->program->period_ns;
    for (uint16_t r = 1; r < l->program->n_roles; r++) {
        const struct hil_role *role = &l->program->roles[r];
        struct hil_bus_port *bus = l->buses ? l->buses[r] : NULL;
        if (!bus || tick < role->phase || (tick - role->phase) % role->every)
            continue;
        int err = bus->exchange ? bus->exchange(bus->bus, time_ns) : HIL_OK;
        if (err)
            return err;
    }
    return 0;
}

uint64_t hil_loop_run_lockstep(struct hil_loop *l, uint64_t n, int *err)
{
    uint64_t i = 0;
    begin(l);
    for (*err = 0; i < n && !*err && !must_end(l); i++) {
        uint64_t tick = hil_header(l->state)->tick;
        hil_loop_cycle(l, 0);
        *err = exchange_due(l, tick);
    }
    return i;
}

void hil_loop_ended(struct hil_loop *l)
{
    for (uint16_t r = 1; l->buses && r < l->program->n_roles; r++)
        if (l->buses[r] && l->buses[r]->ended)
            l->buses[r]->ended(l->buses[r]->bus);
}

void hil_loop_skip(struct hil_loop *l, uint64_t n)
{
    put(l->inputs, hil_header(l->state)->tick, HIL_FRAME_SKIP, 0, &n, sizeof n);
    hil_skip(l->program, l->state, n);
}

void hil_loop_note_overrun(struct hil_loop *l, const struct hil_overrun *o)
{
    put(l->inputs, hil_header(l->state)->tick, HIL_FRAME_OVERRUN, 0, o, sizeof *o);
}
