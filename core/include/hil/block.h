/* What a block is: a step function over one relocatable state buffer.
 *
 * A block reads signals, writes signals, reads parameters and keeps state. All four are doubles in the buffer, so every
 * one of them can be recorded, hashed and copied. Counters and flags are doubles too (exact to 2^53).
 * Immutable configuration (tables, coefficients, choices) lies in the program.
 *
 * One block type is one file in core/src/blocks/ that ends in one `const struct hil_block_type`. */
#ifndef HIL_BLOCK_H
#define HIL_BLOCK_H

#include "hil/types.h"

/* The first bytes of every buffer; see state.h for its fields. Values start right behind it. */
#define HIL_STATE_HEADER 512
#define HIL_MAX_TASKS    16

/* A configuration array: n doubles owned by the program. An absent one has n = 0. */
struct hil_array {
    const double *data;
    uint32_t n;
};

struct hil_model; /* model.h */
struct hil_note;  /* state.h */
struct hil_path;  /* program_private.h */

/* A placed block: read-only after the program is built. Offsets are in bytes from the start of the buffer. */
struct hil_block {
    void (*step)(const struct hil_block *b, unsigned char *s);
    const struct hil_array *cfg; /* one per configuration field of the type */
    union {
        const struct hil_model *model; /* type "model"; types "fmu", "plc": the first member of their table */
        const struct hil_path *path;   /* the engine's own path steps */
    };
    const uint16_t *in, *out; /* signal numbers; 0 is the dummy signal */
    uint32_t state, param;
    double dt_s;     /* time between two steps of this block's task */
    uint64_t stream; /* random stream, made from the block's name */
    uint64_t seed,
        key; /* hil_random_key(seed, stream), so that noise need not make it in every step; key 0: not known */
    uint16_t n_in, n_out;
    uint8_t task;
    uint8_t passes_status; /* outputs carry the union of the inputs' status bits */
    uint16_t id;
    uint8_t in_row, out_row; /* inputs, outputs are neighbours among the signals: one array of values */
    uint8_t sets_status;     /* its step sets the statuses of its outputs */
    uint8_t passes_time;     /* output 0 has the source time of input 0 */
    uint32_t status;         /* byte offset of all signals' statuses */
};
typedef void (*hil_step_fn)(const struct hil_block *b, unsigned char *s);

/* Accessors, used by every step function. */
static inline double *hil_values(unsigned char *s) { return (double *)(void *)(s + HIL_STATE_HEADER); }
static inline double hil_in(const struct hil_block *b, unsigned char *s, unsigned i) { return hil_values(s)[b->in[i]]; }
static inline double *hil_out(const struct hil_block *b, unsigned char *s, unsigned i)
{
    return &hil_values(s)[b->out[i]];
}
static inline double *hil_params(const struct hil_block *b, unsigned char *s)
{
    return (double *)(void *)(s + b->param);
}
static inline double *hil_mem(const struct hil_block *b, unsigned char *s) { return (double *)(void *)(s + b->state); }
/* Status of the signal behind input i, a set of enum hil_status: bits of this tick, for blocks that treat a measurement by
 * its status. An input that is not wired is good. */
static inline uint8_t hil_in_status(const struct hil_block *b, const unsigned char *s, unsigned i)
{
    return s[b->status + b->in[i]];
}
/* Source time of the signal behind input i, and the time of this tick: ns of bench time. See hil_source_time in state.h. */
static inline int64_t hil_in_time(const struct hil_block *b, const unsigned char *s, unsigned i);
static inline int64_t hil_now(const unsigned char *s);
/* Sets the status of output i; only for types with `sets_status`, which set that of every output in every step. */
static inline void hil_set_status(const struct hil_block *b, unsigned char *s, unsigned i, uint8_t bits);
/* Sample number of the block's own task: 0 at its first step, the same at every level (MIL, SIL, PIL, HIL). */
static inline uint64_t hil_sample(const struct hil_block *b, unsigned char *s);
/* A random 64-bit word that depends on seed, this block's name and the sample number only. `lane` 0.. gives independent words. */
static inline uint64_t hil_noise(const struct hil_block *b, unsigned char *s, uint32_t lane);

/* ---- description of a type ---- */

/* An input. `preset` is its value when it is not wired; a required input has preset NAN. */
struct hil_port {
    const char *name, *doc;
    double preset;
};
/* A parameter: one double in the buffer, changeable by events. */
struct hil_param {
    const char *name, *doc;
    double preset, min, max;
};
/* Immutable configuration. `choices` ("and|or|xor") maps names to 0, 1, 2 ...; otherwise numbers.
 * min_n..max_n is the allowed count of elements (1..1 is a scalar); preset is used when a scalar is not given (NAN: required). */
struct hil_config {
    const char *name, *doc, *choices;
    uint32_t min_n, max_n;
    double preset;
};
/* What `check` and `n_state` see of a block to be placed. */
struct hil_shape {
    const struct hil_array *cfg;
    const double *params;
    const struct hil_model *model;
    uint32_t n_in, n_out;
    double dt_s;
};

struct hil_block_type {
    const char *name, *doc; /* doc: one or two sentences with the equation and its source */
    const struct hil_port *inputs;
    const struct hil_port *outputs; /* preset unused */
    const struct hil_param *params;
    const struct hil_config *config;
    const char *const *states; /* names of the state fields, in order; the last may stand for "the rest, numbered" */
    uint16_t n_inputs, n_outputs, n_params, n_config, n_states;
    uint8_t variadic;     /* the last input may be given any number (>= 1) of times */
    uint8_t variadic_out; /* the same for the last output */
    uint8_t feedthrough;  /* `output` reads inputs: the block runs after their writers in a tick */
    uint8_t
        sets_status; /* `output` sets its outputs' statuses itself (hil_set_status): they do not carry the inputs' union */
    uint8_t
        passes_time; /* output 0 is input 0 of the same tick in another form: its source time is that of the input */
    /* Checks configuration and parameters; returns NULL or one constant sentence that says what is not allowed. May be NULL. */
    const char *(*check)(const struct hil_shape *shape);
    /* How many of the first inputs `update` alone reads: they put nothing into the dataflow order, so an estimator may read
     * the command that is computed from its estimate. NULL: none. */
    uint32_t (*n_late)(const struct hil_shape *shape);
    /* Number of state doubles; NULL means n_states. */
    uint32_t (*n_state)(const struct hil_shape *shape);
    /* Number of parameters where the configuration decides it; NULL: n_params, or the model's. Behind the type's own each may be
     * any number. */
    uint32_t (*count_params)(const struct hil_shape *shape);
    /* Sets state (zeroed before) for the first tick. Reads params and cfg, not inputs. May be NULL. */
    hil_step_fn reset;
    /* Writes outputs; runs in dataflow order. */
    hil_step_fn output;
    /* Advances state with this tick's inputs, after all blocks of the tick have written their outputs. For types without
     * feed-through (delay, integrator, plant). May be NULL. */
    hil_step_fn update;
    /* After a loss of power, in a tick; NULL: as before the first step. */
    hil_step_fn restart;
    /* 1 once when there is something for a person to hear, with the note to be added: a step does not see the program. Asked at
     * the end of a tick in which `alert` is set. May be NULL. */
    int (*tell)(const struct hil_block *b, unsigned char *s, struct hil_note *note);
};

/* Rules for step functions: called in a tick; constant running time for a given configuration; no allocation, lock, OS,
 * print, recursion; only hil/math.h for transcendental functions; NaN or Inf on an input must not be kept in state for
 * ever where the block can reasonably avoid it (say what it does in `doc`). */

/* All types, ended by NULL. */
extern const struct hil_block_type *const hil_block_types[];
const struct hil_block_type *hil_block_type_find(const char *name); /* NULL when unknown */
/* Whether `output` reads inputs; with a model (may be NULL) the model says so. */
int hil_block_feedthrough(const struct hil_block_type *type, const struct hil_model *model);
/* Everything that can be said of a block before it is placed: counts and choices of its configuration, ranges of its
 * parameters, then the type's own check. NULL, or one constant sentence. Scalars not given must hold their preset. */
const char *hil_block_check(const struct hil_block_type *type, const struct hil_shape *shape);
/* Number of its state doubles, after a passed check. */
uint32_t hil_block_state_count(const struct hil_block_type *type, const struct hil_shape *shape);

#include "hil/block_inline.h"

#endif
