#include "mb_serving.h"

#include <stdlib.h>
#include <string.h>

static size_t round64(size_t n) { return (n + 63) / 64 * 64; }

/* One block: tags, bank, boxes, heartbeats. */
static int place(struct hil_mb_serving *s, const struct hil_regmap *m)
{
    size_t in_tags = round64(m->n_in * sizeof *m->in), out_tags = round64(m->n_out * sizeof *m->out);
    size_t bank = round64(hil_mb_bank_size(m)), in_box = hil_box_size(m->n_in), out_box = hil_box_size(m->n_out);
    size_t beats = round64(hil_beats_count(m) * sizeof(struct hil_beat));
    unsigned char *p = aligned_alloc(64, 64 + in_tags + out_tags + bank + in_box + out_box + beats);
    if (!p)
        return HIL_E_OS;
    s->memory = p;
    s->map = (struct hil_regmap){(void *)p, (void *)(p + in_tags), m->n_in, m->n_out};
    if (m->n_in)
        memcpy(p, m->in, m->n_in * sizeof *m->in);
    if (m->n_out)
        memcpy(p + in_tags, m->out, m->n_out * sizeof *m->out);
    p += in_tags + out_tags;
    hil_mb_bank_init(&s->bank, p, &s->map);
    hil_box_init(&s->in, p + bank, m->n_in);
    hil_box_init(&s->out, p + bank + in_box, m->n_out);
    hil_beats_init(&s->beats, (void *)(p + bank + in_box + out_box), &s->map);
    return HIL_OK;
}

int hil_mb_serving_init(struct hil_mb_serving *s, const struct hil_regmap *map, int lockstep, void *bus)
{
    struct hil_regmap_error error;
    if (hil_regmap_check(map, HIL_REG_SERVER, &error) != HIL_OK)
        return HIL_E_ARG;
    s->lockstep = lockstep;
    s->port = (struct hil_bus_port){&s->in, &s->out, NULL, bus, NULL};
    return place(s, map);
}

void hil_mb_serving_free(struct hil_mb_serving *s) { free(s->memory); }

void hil_mb_serving_refresh(struct hil_mb_serving *s)
{
    const struct hil_image *fresh = hil_box_take(&s->out);
    if (fresh) {
        hil_mb_bank_set(&s->bank, fresh->v, fresh->seq);
        s->out_ns = fresh->time_ns;
    }
    s->bank.exception = atomic_load_explicit(&s->exception, memory_order_relaxed);
}

void hil_mb_serving_publish(struct hil_mb_serving *s, int64_t now_ns)
{
    struct hil_image *image = hil_box_begin(&s->in);
    hil_mb_bank_get(&s->bank, image->v);
    image->time_ns = hil_beats_time(&s->beats, image->v, s->lockstep ? s->out_ns : now_ns);
    hil_box_publish(&s->in);
    hil_mb_count(&s->counters, HIL_MBC_IMAGES, 1);
    if (s->image_ns)
        hil_histogram_add(&s->counters.age, now_ns - s->image_ns);
    s->image_ns = now_ns;
}
