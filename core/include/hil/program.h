/* A program: the immutable half of a bench. It is built once from a declarative description, in memory that the caller
 * gives, and then only read. */
#ifndef HIL_PROGRAM_H
#define HIL_PROGRAM_H

#include "hil/block.h"
#include "hil/codec.h"
#include "hil/event.h"
#include "hil/library.h"
#include "hil/types.h"

struct hil_program;

/* A signal. Number 0 is the dummy; descriptions count from 1. */
struct hil_signal_spec {
    const char *name;
    double start; /* value before the first tick */
};

struct hil_block_spec {
    const char *name;
    const struct hil_block_type *type;
    const struct hil_model *model;  /* for type "model" */
    const struct hil_array *cfg;    /* type->n_config entries */
    const double *params;           /* n_params values */
    const uint16_t *in, *out;       /* signal numbers; 0 where an input is not wired */
    uint16_t n_in, n_out, n_params; /* of a model: its own numbers */
    uint16_t role;                  /* 0: the bench; r: belongs to the simulated role r (counted from 1) */
    uint32_t every, phase;          /* runs when (tick - phase) % every == 0 */
};

/* What lies between a signal's producer and its readers: faults, force, safety gate, in this order. */
struct hil_path_spec {
    uint16_t raw, signal;      /* the producer writes `raw`, readers read `signal` */
    uint16_t gated;            /* 0: no gate */
    uint16_t safe_rate;        /* 1: going to the safe value keeps the rate limit */
    double lo, hi;             /* equipment limits: enforced */
    double rate;               /* largest change in a second: enforced; HUGE_VAL: none */
    double safe;               /* within [lo, hi] */
    double range_lo, range_hi; /* signal range: checked, noted, never enforced */
};

struct hil_tag_spec {
    uint16_t outer; /* the signal in the bench: published one (role inputs) or raw one (role outputs) */
    uint16_t inner; /* the simulated role's own slot */
    uint32_t reserved;
    struct hil_codec codec;
    double start;       /* role outputs: value until the first image */
    int64_t max_age_ns; /* role outputs: older is stale; 0: never */
};

enum hil_binding { HIL_SIMULATED = 0, HIL_EXTERNAL = 1, HIL_STOPPED = 2, HIL_IN_LIBRARY = 3 };

/* A role is a boundary: its inputs are what was published at tick k, its outputs are latched at tick k + delay. */
struct hil_role_spec {
    const char *name;
    const struct hil_tag_spec *in, *out;
    uint16_t n_in, n_out;
    uint16_t delay;   /* ticks, >= 1 */
    uint16_t binding; /* enum hil_binding at the start */
    uint32_t every, phase;
    const struct hil_library
        *library; /* its controller as a function (SIL), or NULL; must live as long as the program */
    /* Signal that says how often it steps when it is due: 1, or what faults make of it: 0 not at all, n as often (a clock that
     * jumped ahead), below 0 it is held in reset. 0: none, it always steps once. Rounded down; at most HIL_MOST_STEPS. */
    uint16_t steps;
};
#define HIL_MOST_STEPS 100

struct hil_spec {
    uint64_t seed;
    int64_t period_ns;
    const struct hil_signal_spec *signals; /* [0] is the dummy */
    const struct hil_block_spec *blocks;
    const struct hil_path_spec *paths;
    const struct hil_role_spec *roles;              /* [0] unused, as roles count from 1 */
    uint16_t n_signals, n_blocks, n_paths, n_roles; /* signals and roles with their unused entry */
    uint16_t max_events, max_faults;
    uint32_t fault_memory; /* doubles, for delay faults */
};

/* Where and why a build failed. */
struct hil_build_error {
    int err;
    const char *why;    /* constant text, NULL when `err` says it all */
    uint32_t block;     /* index into blocks, or n_blocks */
    uint32_t n_cycle;   /* algebraic loop: how many */
    uint16_t cycle[64]; /* the signals around it, in order */
};

/* Bytes that hil_program_build needs for this description. */
size_t hil_program_size(const struct hil_spec *spec);
/* Copies all of `spec` but names and models, which must live as long as the program. Sorts the blocks by dataflow. */
int hil_program_build(const struct hil_spec *spec, void *mem, size_t size, const struct hil_program **out,
                      struct hil_build_error *error);

uint64_t hil_program_hash(const struct hil_program *p);
int64_t hil_program_period_ns(const struct hil_program *p);
size_t hil_state_size(const struct hil_program *p);
/* Writes the state before tick 0 into `mem` (64-byte aligned, hil_state_size bytes). */
int hil_state_init(const struct hil_program *p, void *mem);
/* HIL_OK when `mem` is a state of this program; HIL_E_HASH, HIL_E_ABI, HIL_E_SIZE else. */
int hil_state_check(const struct hil_program *p, const void *mem, size_t size);
/* 64-bit hash of a state, NaN made canonical: equal over compilers, optimisation levels and CPUs. */
uint64_t hil_state_hash(const struct hil_program *p, const void *state);

/* Byte offsets, for recording and reading. In a tick: yes. */
uint32_t hil_offset_value(const struct hil_program *p, uint16_t signal);
uint32_t hil_offset_time(const struct hil_program *p, uint16_t signal); /* int64: bench time in ns, or HIL_THIS_TICK */
uint32_t hil_offset_status(const struct hil_program *p, uint16_t signal); /* uint8 */
uint32_t hil_offset_param(const struct hil_program *p, uint16_t block, uint16_t param);
uint32_t hil_offset_mem(const struct hil_program *p, uint16_t block);
uint32_t hil_block_n_state(const struct hil_program *p, uint16_t block);
/* The context of a role's library; `size` becomes its bytes, 0 when the role has none. */
uint32_t hil_offset_context(const struct hil_program *p, uint16_t role, uint32_t *size);

#endif
