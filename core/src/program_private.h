/* The inside of a program; see hil/program.h for what it means. Read-only after hil_program_build. */
#ifndef HIL_PROGRAM_PRIVATE_H
#define HIL_PROGRAM_PRIVATE_H

#include "hil/fault.h"
#include "hil/program.h"
#include "hil/state.h"

/* Blocks of one rate and owner; its schedule state is hil_state.tasks[same index]. Task 0 is the base rate. */
struct hil_task {
    uint32_t every, phase;
    uint16_t role; /* 0: the bench */
};

/* Consecutive blocks of one task, and at most one path behind them: only paths, and blocks that set a status, can end "all
 * signals are good" within a tick. Either is the last of its segment, so that the blocks before it need not ask one by one. */
struct hil_segment {
    const struct hil_block *begin, *end; /* blocks; the path is the entry at `end` */
    uint16_t task;
    uint8_t has_path, closed; /* closed: nothing comes behind its last block or its path */
};

struct hil_path {
    struct hil_path_spec spec;
    double step;    /* largest change in one tick */
    uint32_t state; /* byte offset of its hil_path_state */
    uint16_t index;
};

struct hil_path_state {
    double forced, last;  /* forced value; last value that passed the gate */
    double seen;          /* last value before faults, for stuck and dropout */
    uint16_t first_fault; /* slot number, 0 = none */
    uint8_t force_on, clipping, safe, ranged, bad, reserved;
};

struct hil_role {
    struct hil_tag_spec *in, *out;
    uint16_t *read; /* per output: the signal that readers see, behind the path where there is one */
    uint32_t state; /* byte offset of its hil_role_state */
    uint32_t first_segment, n_segments; /* of its simulated blocks */
    int64_t min_age_ns;                 /* smallest maximum age, INT64_MAX when none */
    uint32_t every, phase;
    uint16_t n_in, n_out, delay, binding, task, index;
    const struct hil_library *library; /* NULL: none */
    uint16_t steps;                    /* signal, 0: none */
    uint32_t context;                  /* byte offset of the library's context */
    uint32_t first_param;              /* of its blocks' parameters, which are neighbours when it has a library */
};

/* Followed by `delay` stages of {int64 time_ns; double v[n_out]}: the newest image first, the one in force last. */
struct hil_role_state {
    uint32_t binding, stale;
    uint64_t images; /* images latched so far */
    uint64_t bad;    /* outputs without a usable value in the image in force */
};

struct hil_program {
    uint64_t hash, seed;
    int64_t period_ns;
    double period_s;
    uint32_t size; /* of a state */
    uint16_t n_signals, n_blocks, n_paths, n_roles, n_tasks, max_events, max_faults;
    uint32_t n_params, fault_memory, max_notes, n_telling; /* blocks that tell */
    uint32_t off_times, off_params, off_paths, off_roles, off_faults, off_pool, off_events, off_notes, off_status;
    uint32_t n_entries, n_segments, bench_segments; /* the bench's segments come first */
    struct hil_block *entries;
    struct hil_segment *segments;
    struct hil_block *blocks;            /* as given, step = output; used for reset and look-up */
    const struct hil_block_type **types; /* of the blocks as given */
    struct hil_path *paths;
    struct hil_role *roles; /* [0] unused */
    double *presets;        /* of all parameters */
    double *param_lo, *param_hi;
    double *starts;    /* of all signals */
    uint32_t *n_state; /* doubles, per block */
    uint16_t *path_of; /* per signal: path number + 1, or 0 */
    struct hil_task tasks[HIL_MAX_TASKS];
};

/* Section accessors. */
static inline struct hil_state *hil_header(unsigned char *s) { return (struct hil_state *)(void *)s; }
static inline int64_t *hil_times(const struct hil_program *p, unsigned char *s)
{
    return (int64_t *)(void *)(s + p->off_times);
}
static inline uint8_t *hil_statuses(const struct hil_program *p, unsigned char *s) { return s + p->off_status; }
static inline struct hil_fault *hil_faults(const struct hil_program *p, unsigned char *s)
{
    return (struct hil_fault *)(void *)(s + p->off_faults);
}
static inline struct hil_event *hil_events(const struct hil_program *p, unsigned char *s)
{
    return (struct hil_event *)(void *)(s + p->off_events);
}
static inline struct hil_note *hil_notes(const struct hil_program *p, unsigned char *s)
{
    return (struct hil_note *)(void *)(s + p->off_notes);
}
static inline struct hil_path_state *hil_path_mem(const struct hil_path *path, unsigned char *s)
{
    return (struct hil_path_state *)(void *)(s + path->state);
}
static inline struct hil_role_state *hil_role_mem(const struct hil_role *role, unsigned char *s)
{
    return (struct hil_role_state *)(void *)(s + role->state);
}
/* Stage i of a role: its source time; the values follow. */
static inline int64_t *hil_role_stage(const struct hil_role *role, unsigned char *s, uint16_t i)
{
    return (int64_t *)(void *)(s + role->state + sizeof(struct hil_role_state)) + (size_t)i * (1u + role->n_out);
}

struct hil_graph;
uint64_t hil_spec_hash(const struct hil_spec *spec);
int hil_schedule(struct hil_program *p, struct hil_graph *g, struct hil_build_error *error);
int hil_lay_out(struct hil_program *p); /* HIL_E_FULL: offsets would not fit */

void hil_note_add(const struct hil_program *p, unsigned char *s, struct hil_note note);

/* order.c: dataflow order of the nodes (blocks, then paths) of one owner. */
struct hil_graph {
    const struct hil_spec *spec;
    uint32_t *producer; /* per signal: node + 1 of the owner's graph, or 0 */
    uint8_t *placed;    /* per node */
    uint32_t *order;    /* nodes in order */
    uint32_t n_order;
};
int hil_order(struct hil_graph *g, uint16_t role, struct hil_build_error *error);

/* path.c, role.c, role_reset.c, events.c, faults.c: the stages of a tick. The path step reads the program behind b->cfg. */
void hil_path_step(const struct hil_block *b, unsigned char *s);
void hil_roles_begin(const struct hil_program *p, unsigned char *s);
void hil_role_begin_simulated(const struct hil_program *p, const struct hil_role *role, unsigned char *s);
void hil_role_end_simulated(const struct hil_program *p, const struct hil_role *role, unsigned char *s);
void hil_role_take(const struct hil_program *p, const struct hil_role *role, unsigned char *s, const double *v);
void hil_role_run_library(const struct hil_program *p, const struct hil_role *role, unsigned char *s);
void hil_role_reset(const struct hil_program *p, const struct hil_role *role, unsigned char *s);
void hil_role_set_param(const struct hil_program *p, unsigned char *s, uint32_t param, double value);
void hil_events_fire(const struct hil_program *p, unsigned char *s);
int hil_fault_start(const struct hil_program *p, unsigned char *s, const struct hil_event *event);
int hil_fault_clear(const struct hil_program *p, unsigned char *s, uint32_t path, uint32_t id);
double hil_faults_apply(const struct hil_program *p, const struct hil_path *path, unsigned char *s, double value,
                        uint8_t *status);

#endif
