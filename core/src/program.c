/* Builds a program from its description: checks, tasks, order, layout of the state, hash. */
#include "hil/program.h"

#include <math.h>
#include <string.h>

#include "block_types.h"
#include "hil/fmu.h"
#include "hil/hash.h"
#include "hil/model.h"
#include "program_private.h"

/* A bump allocator over the caller's memory; with mem = NULL it only counts. */
struct arena {
    unsigned char *mem;
    size_t used, size;
};

static void *take(struct arena *a, size_t n, size_t each)
{
    size_t at = (a->used + 63) / 64 * 64;
    a->used = at + n * each;
    if (!a->mem || a->used > a->size)
        return NULL;
    return memset(a->mem + at, 0, n * each);
}

static size_t cfg_bytes(const struct hil_spec *spec)
{
    size_t n = 0;
    for (uint32_t i = 0; i < spec->n_blocks; i++) {
        const struct hil_block_spec *b = &spec->blocks[i];
        n += b->type->n_config * sizeof(struct hil_array) + (size_t)(b->n_in + b->n_out) * sizeof(uint16_t) + 5 * 64;
        for (uint32_t k = 0; k < b->type->n_config; k++)
            n += b->cfg[k].n * sizeof(double) + 64;
    }
    for (uint32_t r = 1; r < spec->n_roles; r++)
        n += (size_t)(spec->roles[r].n_in + spec->roles[r].n_out) * (sizeof(struct hil_tag_spec) + sizeof(uint16_t)) +
             192;
    return n;
}

static size_t n_params(const struct hil_spec *spec)
{
    size_t n = 0;
    for (uint32_t i = 0; i < spec->n_blocks; i++)
        n += spec->blocks[i].n_params;
    return n;
}

size_t hil_program_size(const struct hil_spec *spec)
{
    size_t nodes = (size_t)spec->n_blocks + spec->n_paths, slack = 32 * 64;
    return sizeof(struct hil_program) + slack + cfg_bytes(spec) + 3 * n_params(spec) * sizeof(double) +
           2 * nodes * (sizeof(struct hil_block) + sizeof(struct hil_segment)) +
           spec->n_blocks * (sizeof(struct hil_block) + sizeof(struct hil_block_type *) + sizeof(uint32_t)) +
           spec->n_paths * sizeof(struct hil_path) + spec->n_roles * sizeof(struct hil_role) +
           nodes * (1 + sizeof(uint32_t)) + spec->n_signals * (sizeof(double) + sizeof(uint16_t) + sizeof(uint32_t));
}

static int fail(struct hil_build_error *e, int err, uint32_t block, const char *why)
{
    e->block = block;
    e->why = why;
    return e->err = err;
}

/* ---- tasks ---- */

static int find_task(struct hil_program *p, uint32_t every, uint32_t phase, uint16_t role)
{
    for (int i = 0; i < p->n_tasks; i++)
        if (p->tasks[i].every == every && p->tasks[i].phase == phase && p->tasks[i].role == role)
            return i;
    if (p->n_tasks == HIL_MAX_TASKS)
        return -1;
    p->tasks[p->n_tasks] = (struct hil_task){every, phase, role};
    return p->n_tasks++;
}

/* A block of a role counts in runs of the role. */
static int block_task(struct hil_program *p, const struct hil_spec *spec, const struct hil_block_spec *b)
{
    if (b->role == 0)
        return find_task(p, b->every, b->phase, 0);
    const struct hil_role_spec *r = &spec->roles[b->role];
    return find_task(p, r->every * b->every, r->phase + r->every * b->phase, b->role);
}

/* ---- blocks ---- */

static int check_block(const struct hil_spec *spec, uint32_t i, struct hil_build_error *e)
{
    const struct hil_block_spec *b = &spec->blocks[i];
    if (!b->model && (b->n_params != b->type->n_params || b->n_in < b->type->n_inputs ||
                      (!b->type->variadic && b->n_in != b->type->n_inputs) || b->n_out < b->type->n_outputs))
        return fail(e, HIL_E_ARG, i, "has another number of inputs, outputs or parameters than its type");
    if (!b->every || b->phase >= b->every)
        return fail(e, HIL_E_ARG, i, "needs every >= 1 and phase < every");
    if (b->role >= spec->n_roles && b->role)
        return fail(e, HIL_E_ARG, i, "belongs to a role that does not exist");
    for (uint32_t k = 0; k < b->n_in; k++)
        if (b->in[k] >= spec->n_signals)
            return fail(e, HIL_E_ARG, i, "reads a signal number out of range");
    int64_t runs = (int64_t)b->every * (b->role ? spec->roles[b->role].every : 1);
    struct hil_shape shape = {b->cfg, b->params, b->model, b->n_in, b->n_out, (double)(spec->period_ns * runs) * 1e-9};
    const char *why = hil_block_check(b->type, &shape);
    if (!why && b->type->count_params && b->n_params != b->type->count_params(&shape))
        why = "has another number of parameters than its configuration says";
    return why ? fail(e, HIL_E_ARG, i, why) : HIL_OK;
}

static const struct hil_array *copy_cfg(struct arena *a, const struct hil_block_spec *b)
{
    struct hil_array *cfg = take(a, b->type->n_config, sizeof *cfg);
    for (uint32_t k = 0; k < b->type->n_config; k++) {
        double *data = take(a, b->cfg[k].n, sizeof *data);
        if (b->cfg[k].n)
            memcpy(data, b->cfg[k].data, b->cfg[k].n * sizeof *data);
        cfg[k] = (struct hil_array){data, b->cfg[k].n};
    }
    return cfg;
}

static const uint16_t *copy_numbers(struct arena *a, const uint16_t *from, uint16_t n)
{
    uint16_t *to = take(a, n, sizeof *to);
    if (n)
        memcpy(to, from, n * sizeof *to);
    return to;
}

/* Whether these signals are one array of values. */
static uint8_t in_a_row(const uint16_t *numbers, uint16_t n)
{
    for (uint16_t i = 1; i < n; i++)
        if (numbers[i] != numbers[0] + i)
            return 0;
    return n > 0;
}

/* Behind the type's own, any number: what it may be is known where it is set. */
static void find_range(struct hil_program *p, const struct hil_block_spec *b, uint32_t k, uint32_t param)
{
    int of_model = b->model && b->type->n_params == 0;
    p->param_lo[param] = of_model ? b->model->p[k].min : k < b->type->n_params ? b->type->params[k].min : -HUGE_VAL;
    p->param_hi[param] = of_model ? b->model->p[k].max : k < b->type->n_params ? b->type->params[k].max : HUGE_VAL;
}

static int place_block(struct hil_program *p, struct arena *a, const struct hil_spec *spec, uint32_t i, uint32_t *param,
                       struct hil_build_error *e)
{
    const struct hil_block_spec *b = &spec->blocks[i];
    int err = check_block(spec, i, e);
    if (err)
        return err;
    int task = block_task(p, spec, b);
    if (task < 0)
        return fail(e, HIL_E_FULL, i, "too many different rates and offsets (at most 16)");
    double dt = (double)(p->period_ns * p->tasks[task].every) *
                1e-9; /* one rounding: a role's dt is the same in its own process */
    struct hil_block *out = &p->blocks[i];
    *out = (struct hil_block){.step = b->type->output,
                              .cfg = copy_cfg(a, b),
                              .model = b->model,
                              .in = copy_numbers(a, b->in, b->n_in),
                              .out = copy_numbers(a, b->out, b->n_out),
                              .param = *param,
                              .dt_s = dt,
                              .stream = hil_hash_text(0, b->name),
                              .n_in = b->n_in,
                              .n_out = b->n_out,
                              .task = (uint8_t)task,
                              .id = (uint16_t)i};
    out->seed = spec->seed;
    out->key = hil_random_key(spec->seed, out->stream);
    out->in_row = in_a_row(b->in, b->n_in);
    out->out_row = in_a_row(b->out, b->n_out);
    out->passes_status = (uint8_t)(hil_block_feedthrough(b->type, b->model) != 0 && !b->type->sets_status);
    out->sets_status = b->type->sets_status;
    out->passes_time = b->type->passes_time && p->tasks[task].every == 1;
    p->types[i] = b->type;
    for (uint32_t k = 0; k < b->n_params; k++) {
        p->presets[*param + k] = b->params[k];
        find_range(p, b, k, *param + k);
    }
    struct hil_shape shape = {out->cfg, b->params, b->model, b->n_in, b->n_out, dt};
    p->n_state[i] = hil_block_state_count(b->type, &shape);
    p->n_telling += b->type->tell != NULL;
    *param += b->n_params;
    return HIL_OK;
}

/* ---- paths and roles ---- */

static int place_path(struct hil_program *p, const struct hil_spec *spec, uint32_t i, struct hil_build_error *e)
{
    const struct hil_path_spec *s = &spec->paths[i];
    if (!s->raw || !s->signal || s->raw >= spec->n_signals || s->signal >= spec->n_signals)
        return fail(e, HIL_E_ARG, spec->n_blocks, "a path names a signal out of range");
    if (s->gated && !(s->lo <= s->safe && s->safe <= s->hi && s->rate > 0))
        return fail(e, HIL_E_ARG, spec->n_blocks, "a gate needs lo <= safe <= hi and rate > 0");
    double start = spec->signals[s->signal].start;
    if (s->gated && !(s->lo <= start && start <= s->hi))
        return fail(e, HIL_E_ARG, spec->n_blocks, "a gated signal starts within its limits");
    p->paths[i] = (struct hil_path){*s, s->rate * p->period_s, 0, (uint16_t)i};
    p->path_of[s->signal] = (uint16_t)(i + 1);
    return HIL_OK;
}

static uint16_t behind_path(const struct hil_spec *spec, uint16_t signal)
{
    for (uint32_t i = 0; i < spec->n_paths; i++)
        if (spec->paths[i].raw == signal)
            return spec->paths[i].signal;
    return signal;
}

static int tags_exist(const struct hil_spec *spec, const struct hil_tag_spec *tags, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++)
        if (tags[k].outer >= spec->n_signals || tags[k].inner >= spec->n_signals)
            return 0;
    return 1;
}

static int place_role(struct hil_program *p, struct arena *a, const struct hil_spec *spec, uint32_t r,
                      struct hil_build_error *e)
{
    const struct hil_role_spec *s = &spec->roles[r];
    struct hil_role *role = &p->roles[r];
    if (!s->every || s->phase >= s->every || !s->delay)
        return fail(e, HIL_E_ARG, spec->n_blocks, "a role needs every >= 1, phase < every and delay >= 1");
    if (!tags_exist(spec, s->in, s->n_in) || !tags_exist(spec, s->out, s->n_out))
        return fail(e, HIL_E_ARG, spec->n_blocks, "a role names a signal out of range");
    if (s->steps >= spec->n_signals)
        return fail(e, HIL_E_ARG, spec->n_blocks, "a role names a signal out of range");
    int task = find_task(p, s->every, s->phase, (uint16_t)r);
    if (task < 0)
        return fail(e, HIL_E_FULL, spec->n_blocks, "too many different rates and offsets (at most 16)");
    if (s->library && (s->library->abi != HIL_LIBRARY_ABI || s->library->n_in != s->n_in ||
                       s->library->n_out != s->n_out || s->n_in > HIL_LIBRARY_MAX || s->n_out > HIL_LIBRARY_MAX))
        return fail(e, HIL_E_ABI, spec->n_blocks, "a role's library has other inputs, outputs or another version");
    *role = (struct hil_role){.in = take(a, s->n_in, sizeof *s->in),
                              .out = take(a, s->n_out, sizeof *s->out),
                              .read = take(a, s->n_out, sizeof *role->read),
                              .min_age_ns = INT64_MAX,
                              .every = s->every,
                              .phase = s->phase,
                              .n_in = s->n_in,
                              .n_out = s->n_out,
                              .delay = s->delay,
                              .binding = s->binding,
                              .task = (uint16_t)task,
                              .index = (uint16_t)r,
                              .library = s->library,
                              .steps = s->steps};
    if (s->n_in)
        memcpy(role->in, s->in, s->n_in * sizeof *s->in);
    if (s->n_out)
        memcpy(role->out, s->out, s->n_out * sizeof *s->out);
    for (uint32_t k = 0; k < s->n_out; k++) {
        int64_t age = s->out[k].max_age_ns;
        role->read[k] = behind_path(spec, s->out[k].outer);
        if (age > 0 && age < role->min_age_ns)
            role->min_age_ns = age;
    }
    return HIL_OK;
}

/* ---- build ---- */

static struct hil_program *reserve(struct arena *a, const struct hil_spec *spec, struct hil_graph *g)
{
    size_t nodes = (size_t)spec->n_blocks + spec->n_paths;
    struct hil_program *p = take(a, 1, sizeof *p);
    if (!p)
        return NULL;
    p->entries = take(a, 2 * nodes, sizeof *p->entries);
    p->segments = take(a, 2 * nodes + 1, sizeof *p->segments);
    p->blocks = take(a, spec->n_blocks, sizeof *p->blocks);
    p->types = take(a, spec->n_blocks, sizeof *p->types);
    p->n_state = take(a, spec->n_blocks, sizeof *p->n_state);
    p->paths = take(a, spec->n_paths, sizeof *p->paths);
    p->roles = take(a, spec->n_roles, sizeof *p->roles);
    p->presets = take(a, n_params(spec), sizeof *p->presets);
    p->param_lo = take(a, n_params(spec), sizeof *p->param_lo);
    p->param_hi = take(a, n_params(spec), sizeof *p->param_hi);
    p->starts = take(a, spec->n_signals, sizeof *p->starts);
    p->path_of = take(a, spec->n_signals, sizeof *p->path_of);
    *g = (struct hil_graph){.spec = spec,
                            .producer = take(a, spec->n_signals, sizeof *g->producer),
                            .placed = take(a, nodes, 1),
                            .order = take(a, nodes, sizeof *g->order)};
    return p;
}

static void copy_numbers_of(struct hil_program *p, const struct hil_spec *spec)
{
    p->seed = spec->seed;
    p->period_ns = spec->period_ns;
    p->period_s = (double)spec->period_ns * 1e-9;
    p->n_signals = spec->n_signals;
    p->n_blocks = spec->n_blocks;
    p->n_paths = spec->n_paths;
    p->n_roles = spec->n_roles;
    p->max_events = spec->max_events;
    p->max_faults = spec->max_faults;
    p->fault_memory = spec->fault_memory;
    p->tasks[0] = (struct hil_task){1, 0, 0};
    p->n_tasks = 1;
    for (uint32_t i = 0; i < spec->n_signals; i++)
        p->starts[i] = spec->signals[i].start;
}

/* The twins of a role's parameters are counted from its first block on. */
static int find_params(struct hil_program *p, const struct hil_spec *spec, uint32_t r, struct hil_build_error *e)
{
    uint32_t at = 0, n = 0;
    for (uint32_t i = 0; i < spec->n_blocks; at += spec->blocks[i++].n_params) {
        if (spec->blocks[i].role != r)
            continue;
        if (n == 0)
            p->roles[r].first_param = at;
        if (p->roles[r].first_param + n != at)
            return fail(e, HIL_E_ARG, i, "blocks of a role with a library must be neighbours");
        n += spec->blocks[i].n_params;
    }
    if (n == p->roles[r].library->n_params)
        return HIL_OK;
    return fail(e, HIL_E_ABI, spec->n_blocks, "a role's library has other parameters than its blocks");
}

static int place_all(struct hil_program *p, struct arena *a, const struct hil_spec *spec, struct hil_build_error *e)
{
    int err = HIL_OK;
    uint32_t param = 0;
    for (uint32_t r = 1; r < spec->n_roles && !err; r++)
        err = place_role(p, a, spec, r, e);
    for (uint32_t i = 0; i < spec->n_blocks && !err; i++)
        err = place_block(p, a, spec, i, &param, e);
    for (uint32_t i = 0; i < spec->n_paths && !err; i++)
        err = place_path(p, spec, i, e);
    for (uint32_t r = 1; r < spec->n_roles && !err; r++)
        err = spec->roles[r].library ? find_params(p, spec, r, e) : HIL_OK;
    p->n_params = param;
    return err;
}

int hil_program_build(const struct hil_spec *spec, void *mem, size_t size, const struct hil_program **out,
                      struct hil_build_error *error)
{
    struct arena a = {mem, 0, size};
    struct hil_graph g;
    memset(error, 0, sizeof *error);
    error->block = spec->n_blocks;
    if (size < hil_program_size(spec))
        return error->err = HIL_E_SIZE;
    if (spec->period_ns <= 0)
        return fail(error, HIL_E_ARG, spec->n_blocks, "the period must be positive");
    struct hil_program *p = reserve(&a, spec, &g);
    if (!p)
        return error->err = HIL_E_SIZE;
    copy_numbers_of(p, spec);
    int err = place_all(p, &a, spec, error);
    if (err)
        return err;
    if (hil_lay_out(p))
        return fail(error, HIL_E_FULL, spec->n_blocks, "the state would be larger than 4 GiB");
    if ((err = hil_schedule(p, &g, error)))
        return err;
    p->hash = hil_spec_hash(spec);
    *out = p;
    return HIL_OK;
}

uint64_t hil_program_hash(const struct hil_program *p) { return p->hash; }

const struct hil_fmu *hil_program_fmu(const struct hil_program *p, uint16_t block)
{
    const struct hil_block *b = &p->blocks[block];
    return b->step == hil_type_fmu.output ? (const struct hil_fmu *)(const void *)b->model : NULL;
}

int64_t hil_program_period_ns(const struct hil_program *p) { return p->period_ns; }
