/* The hash of a program: everything that decides what a tick does. The binding and the seed are state, not program. */
#include "hil/hash.h"
#include "hil/model.h"
#include "program_private.h"

static uint64_t hash_block(uint64_t h, const struct hil_block_spec *b)
{
    h = hil_hash_text(hil_hash_text(h, b->name), b->type->name);
    h = hil_hash_u64(h, b->model ? b->model->hash : 0);
    h = hil_hash_u64(h, (uint64_t)b->every << 32 | b->phase);
    h = hil_hash_u64(hil_hash_u64(h, b->role), (uint64_t)b->n_in << 32 | b->n_out);
    for (uint32_t k = 0; k < b->n_in; k++)
        h = hil_hash_u64(h, b->in[k]);
    for (uint32_t k = 0; k < b->n_out; k++)
        h = hil_hash_u64(h, 0x10000u + b->out[k]);
    for (uint32_t k = 0; k < b->n_params; k++)
        h = hil_hash_f64(h, b->params[k]);
    for (uint32_t c = 0; c < b->type->n_config; c++) {
        h = hil_hash_u64(h, b->cfg[c].n);
        for (uint32_t k = 0; k < b->cfg[c].n; k++)
            h = hil_hash_f64(h, b->cfg[c].data[k]);
    }
    return h;
}

static uint64_t hash_path(uint64_t h, const struct hil_path_spec *s)
{
    const double v[] = {s->lo, s->hi, s->rate, s->safe, s->range_lo, s->range_hi};
    h = hil_hash_u64(h, (uint64_t)s->raw << 48 | (uint64_t)s->signal << 32 | (uint64_t)s->gated << 16 | s->safe_rate);
    for (int i = 0; i < 6; i++)
        h = hil_hash_f64(h, v[i]);
    return h;
}

static uint64_t hash_tag(uint64_t h, const struct hil_tag_spec *t)
{
    const double v[] = {t->codec.scale, t->codec.offset, t->codec.lo, t->codec.hi, t->start};
    h = hil_hash_u64(h, (uint64_t)t->outer << 48 | (uint64_t)t->inner << 32 | t->codec.kind);
    h = hil_hash_u64(h, (uint64_t)t->max_age_ns);
    for (int i = 0; i < 5; i++)
        h = hil_hash_f64(h, v[i]);
    return h;
}

static uint64_t hash_role(uint64_t h, const struct hil_role_spec *r)
{
    h = hil_hash_u64(hil_hash_text(h, r->name), (uint64_t)r->every << 32 | r->phase);
    h = hil_hash_u64(hil_hash_u64(h, r->delay), (uint64_t)r->n_in << 32 | r->n_out);
    for (uint32_t i = 0; i < r->n_in; i++)
        h = hash_tag(h, &r->in[i]);
    for (uint32_t i = 0; i < r->n_out; i++)
        h = hash_tag(h, &r->out[i]);
    h = r->steps ? hil_hash_u64(h, r->steps) : h;
    return r->library ? hil_hash_u64(hil_hash_u64(h, r->library->hash), r->library->size) : h;
}

uint64_t hil_spec_hash(const struct hil_spec *spec)
{
    uint64_t h = hil_hash_u64(HIL_ABI, (uint64_t)spec->period_ns);
    h = hil_hash_u64(h, (uint64_t)spec->n_signals << 48 | (uint64_t)spec->n_blocks << 32 |
                            (uint64_t)spec->n_paths << 16 | spec->n_roles);
    for (uint32_t i = 0; i < spec->n_signals; i++)
        h = hil_hash_f64(h, spec->signals[i].start);
    for (uint32_t i = 0; i < spec->n_blocks; i++)
        h = hash_block(h, &spec->blocks[i]);
    for (uint32_t i = 0; i < spec->n_paths; i++)
        h = hash_path(h, &spec->paths[i]);
    for (uint32_t r = 1; r < spec->n_roles; r++)
        h = hash_role(h, &spec->roles[r]);
    return hil_hash_u64(h, (uint64_t)spec->max_events << 48 | (uint64_t)spec->max_faults << 32 | spec->fault_memory);
}
