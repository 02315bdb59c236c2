#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mb_client_private.h"

/* Sizes of the parts of a client's memory block, in their order. */
struct parts {
    size_t in_tags, out_tags, plan, in_box, out_box, beats;
};

static size_t round64(size_t n) { return (n + 63) / 64 * 64; }

static struct parts measure(const struct hil_regmap *m)
{
    return (struct parts){
        .in_tags = round64(m->n_in * sizeof(struct hil_reg_tag)),
        .out_tags = round64(m->n_out * sizeof(struct hil_reg_tag)),
        .plan = round64(hil_regplan_size(m)),
        .in_box = hil_box_size(m->n_in),
        .out_box = hil_box_size(m->n_out),
        .beats = round64(hil_beats_count(m) * sizeof(struct hil_beat)),
    };
}

static int place(struct hil_mb_client *c, const struct hil_regmap *m, const struct hil_reg_limits *limits)
{
    struct parts s = measure(m);
    unsigned char *p = aligned_alloc(64, 64 + s.in_tags + s.out_tags + s.plan + s.in_box + s.out_box + s.beats);
    if (!p)
        return HIL_E_OS;
    c->memory = p;
    c->map = (struct hil_regmap){(void *)p, (void *)(p + s.in_tags), m->n_in, m->n_out};
    if (m->n_in)
        memcpy(p, m->in, m->n_in * sizeof *m->in);
    if (m->n_out)
        memcpy(p + s.in_tags, m->out, m->n_out * sizeof *m->out);
    p += s.in_tags + s.out_tags;
    int rc = hil_regplan_build(&c->plan, p, &c->map, limits);
    p += s.plan;
    hil_box_init(&c->in, p, m->n_in);
    hil_box_init(&c->out, p + s.in_box, m->n_out);
    hil_beats_init(&c->beats, (void *)(p + s.in_box + s.out_box), &c->map);
    c->latch_tag = hil_reg_find_latch(c->map.in, c->map.n_in);
    return rc;
}

static int make_wire(struct hil_mb_client *c, const struct hil_mb_client_options *o)
{
    c->wire = o->line ? &c->wires.rtu.base : &c->wires.tcp.base;
    c->wire->thread = &c->thread;
    c->wire->counters = &c->counters;
    c->wire->timeout_ns = o->timeout_ns;
    c->wire->unit = o->unit;
    return o->line ? hil_mb_rtu_wire_init(&c->wires.rtu, o->line, o->turnaround_ns)
                   : hil_mb_tcp_wire_init(&c->wires.tcp, o->host, o->port);
}

static int set_up(struct hil_mb_client *c, const struct hil_mb_client_options *o, const struct hil_regmap *map)
{
    hil_thread_init(&c->thread);
    int rc = make_wire(c, o);
    c->depth = o->depth < c->wire->max_depth ? o->depth : c->wire->max_depth;
    c->backoff_ns = c->backoff_now_ns = o->backoff_ns;
    c->backoff_max_ns = o->backoff_max_ns > o->backoff_ns ? o->backoff_max_ns : o->backoff_ns;
    c->port = (struct hil_bus_port){&c->in, &c->out, hil_mb_client_exchange, c, NULL};
    return rc ? rc : place(c, map, &o->limits);
}

/* Nobody answers a broadcast, so nothing can be read with it. */
static int unit_allowed(const struct hil_mb_client_options *o, const struct hil_regmap *map)
{
    return !o->line || (o->unit <= HIL_RTU_UNIT_MAX && (o->unit != HIL_RTU_BROADCAST || map->n_in == 0));
}

static int allowed(const struct hil_mb_client_options *o, const struct hil_regmap *map)
{
    struct hil_regmap_error error;
    return o->depth >= 1 && o->depth <= HIL_MB_MAX_DEPTH && o->timeout_ns > 0 && o->backoff_ns >= 0 &&
           unit_allowed(o, map) && hil_regmap_check(map, HIL_REG_CLIENT, &error) == HIL_OK;
}

int hil_mb_client_new(const struct hil_mb_client_options *options, const struct hil_regmap *map,
                      struct hil_mb_client **out)
{
    *out = NULL;
    struct hil_mb_client *c = allowed(options, map) ? calloc(1, sizeof *c) : NULL;
    if (!c) {
        if (options->line)
            close(options->line->fd);
        return allowed(options, map) ? HIL_E_OS : HIL_E_ARG;
    }
    int rc = set_up(c, options, map);
    if (rc != HIL_OK) {
        hil_mb_client_free(c);
        return rc;
    }
    *out = c;
    return HIL_OK;
}

void hil_mb_client_free(struct hil_mb_client *c)
{
    if (!c)
        return;
    int saved = errno;
    hil_mb_client_stop(c);
    hil_mb_wire_free(c->wire);
    free(c->memory);
    free(c);
    errno = saved;
}

struct hil_bus_port *hil_mb_client_port(struct hil_mb_client *c) { return &c->port; }
const struct hil_mb_counters *hil_mb_client_counters(const struct hil_mb_client *c) { return &c->counters; }
unsigned hil_mb_client_latch(const struct hil_mb_client *c)
{
    return atomic_load_explicit(&c->latch, memory_order_relaxed);
}
int hil_mb_client_connected(const struct hil_mb_client *c) { return c->wire->fd >= 0; }
int hil_mb_client_realtime(const struct hil_mb_client *c) { return c->thread.realtime; }
