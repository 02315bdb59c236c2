# C declarations of the core; mirrors core/include/hil/*.h.
from libc.stddef cimport size_t
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "hil/types.h" nogil:
    const char *hil_err_text(int err)
    enum: HIL_E_OPAQUE

cdef extern from "hil/model.h" nogil:
    cdef struct hil_model:
        uint32_t abi, n_x, n_u, n_y, n_p
        uint32_t feedthrough
        uint64_t hash

cdef extern from "hil/block.h" nogil:
    cdef struct hil_array:
        const double *data
        uint32_t n
    cdef struct hil_port:
        const char *name
        const char *doc
        double preset
    cdef struct hil_param:
        const char *name
        const char *doc
        double preset, min, max
    cdef struct hil_config:
        const char *name
        const char *doc
        const char *choices
        uint32_t min_n, max_n
        double preset
    cdef struct hil_block_type:
        const char *name
        const char *doc
        const hil_port *inputs
        const hil_port *outputs
        const hil_param *params
        const hil_config *config
        const char **states
        uint16_t n_inputs, n_outputs, n_params, n_config, n_states
        uint8_t variadic, variadic_out, feedthrough
    const hil_block_type **hil_block_types
    const hil_block_type *hil_block_type_find(const char *name)

cdef extern from "hil/codec.h" nogil:
    cdef struct hil_codec:
        double scale, offset, lo, hi
        uint32_t kind
    uint64_t hil_encode(const hil_codec *c, double value)
    double hil_decode(const hil_codec *c, uint64_t raw)

cdef extern from "hil/event.h" nogil:
    cdef struct hil_event:
        uint64_t due
        uint32_t kind, target, id, kind2
        uint64_t ticks
        double v[4]

cdef extern from "hil/state.h" nogil:
    cdef struct hil_task_state:
        uint64_t next, sample
    cdef struct hil_state:
        uint64_t program, seed, tick, due
        uint32_t size, alert, safe, n_events, n_faults, n_notes, notes_lost
        uint64_t clips, faults_off
    int64_t hil_source_time(const unsigned char *state, uint16_t signal)

cdef extern from "hil/program.h" nogil:
    cdef struct hil_program:
        pass
    cdef struct hil_signal_spec:
        const char *name
        double start
    cdef struct hil_block_spec:
        const char *name
        const hil_block_type *type
        const hil_model *model
        const hil_array *cfg
        const double *params
        const uint16_t *in_ "in"
        const uint16_t *out
        uint16_t n_in, n_out, n_params, role
        uint32_t every, phase
    cdef struct hil_path_spec:
        uint16_t raw, signal, gated, safe_rate
        double lo, hi, rate, safe, range_lo, range_hi
    cdef struct hil_tag_spec:
        uint16_t outer, inner
        hil_codec codec
        double start
        int64_t max_age_ns
    cdef struct hil_library:
        pass
    enum: HIL_EXTERNAL
    cdef struct hil_role_spec:
        const char *name
        const hil_tag_spec *in_ "in"
        const hil_tag_spec *out
        uint16_t n_in, n_out, delay, binding
        uint32_t every, phase
        const hil_library *library
        uint16_t steps
    cdef struct hil_spec:
        uint64_t seed
        int64_t period_ns
        const hil_signal_spec *signals
        const hil_block_spec *blocks
        const hil_path_spec *paths
        const hil_role_spec *roles
        uint16_t n_signals, n_blocks, n_paths, n_roles, max_events, max_faults
        uint32_t fault_memory
    cdef struct hil_build_error:
        int err
        const char *why
        uint32_t block, n_cycle
        uint16_t cycle[64]
    size_t hil_program_size(const hil_spec *spec)
    int hil_program_build(const hil_spec *spec, void *mem, size_t size, const hil_program **out, hil_build_error *error)
    uint64_t hil_program_hash(const hil_program *p)
    int64_t hil_program_period_ns(const hil_program *p)
    size_t hil_state_size(const hil_program *p)
    int hil_state_init(const hil_program *p, void *mem)
    int hil_state_check(const hil_program *p, const void *mem, size_t size)
    uint64_t hil_state_hash(const hil_program *p, const void *state)
    uint32_t hil_offset_value(const hil_program *p, uint16_t signal)
    uint32_t hil_offset_time(const hil_program *p, uint16_t signal)
    uint32_t hil_offset_status(const hil_program *p, uint16_t signal)
    uint32_t hil_offset_param(const hil_program *p, uint16_t block, uint16_t param)
    uint32_t hil_offset_mem(const hil_program *p, uint16_t block)
    uint32_t hil_block_n_state(const hil_program *p, uint16_t block)
    uint32_t hil_offset_context(const hil_program *p, uint16_t role, uint32_t *size)

cdef extern from "hil/fmu.h" nogil:
    cdef struct hil_fmu:
        hil_model model
        uint32_t abilities
        void *self
        int (*reset)(void *self, const void *owner, const double *p, double *y) noexcept nogil
        int (*step)(void *self, const void *owner, const double *u, const double *p, double t_s, double dt_s, double *y) noexcept nogil
        int (*save)(void *self, const void *owner, const void **bytes, size_t *n) noexcept nogil
        int (*load)(void *self, const void *owner, const void *bytes, size_t n) noexcept nogil
        void (*release)(void *self, const void *owner) noexcept nogil
        void (*watch)(void *self, const void *owner, void *stop) noexcept nogil
        const char *(*failure)(void *self, const void *owner) noexcept nogil
    const hil_fmu *hil_program_fmu(const hil_program *p, uint16_t block)
    enum: HIL_FMU_SAVES
    enum: HIL_FMU_COPIES

cdef extern from "hil/fmu_host.h" nogil:
    enum: HIL_FMU_TEXT
    cdef struct hil_model_name:
        const char *name
        const char *unit
        const char *doc
        double value, min, max
    cdef struct hil_fmu_variable:
        uint32_t reference, type
    cdef struct hil_fmu_start:
        hil_fmu_variable variable
        double value
        const char *text
    cdef struct hil_fmu_description:
        const char *library
        const char *name
        const char *token
        const char *resources
        uint32_t version, abilities
        uint64_t hash
        double tolerance
        const hil_fmu_variable *u
        const hil_fmu_variable *y
        const hil_fmu_variable *p
        const hil_model_name *p_names
        const hil_fmu_start *starts
        uint32_t n_u, n_y, n_p, n_starts
        const char **host
        int timeout_ms
    int hil_fmu_open(const hil_fmu_description *description, hil_fmu **out, char *text)
    void hil_fmu_close(hil_fmu *fmu)
    int hil_fmu_serve(hil_fmu *fmu, int fd)
    int hil_fmu_measure(hil_fmu *fmu, const void *owner, const double *u, double dt_s, uint32_t n, int64_t most_ns,
                        int64_t *step_ns, uint32_t *made)

cdef extern from "hil/tick.h" nogil:
    void hil_tick(const hil_program *p, unsigned char *state)
    int hil_event_push(const hil_program *p, unsigned char *state, const hil_event *event)
    void hil_role_latch(const hil_program *p, unsigned char *state, uint16_t role, const double *v, int64_t time_ns)
    void hil_skip(const hil_program *p, unsigned char *state, uint64_t n)

cdef extern from "hil/fault.h" nogil:
    int hil_fault_check(const hil_program *p, const hil_event *event)

cdef extern from "hil/port.h" nogil:
    cdef struct hil_bus_port:
        pass

cdef extern from "hil/histogram.h" nogil:
    enum: HIL_HISTOGRAM_BUCKETS
    cdef struct hil_histogram:
        uint64_t n, max_ns
        uint64_t count[592]
    uint64_t hil_histogram_edge(unsigned bucket)

cdef extern from "hil/queue.h" nogil:
    enum: HIL_QUEUE_SIZE
    cdef struct hil_queue:
        hil_event event[256]
        uint32_t head, tail
    int hil_queue_push(hil_queue *q, const hil_event *e)

cdef extern from "hil/ring.h" nogil:
    cdef struct hil_ring:
        uint64_t lost, lost_since
    int hil_ring_init(hil_ring *r, void *mem, uint64_t size)
    size_t hil_ring_read(hil_ring *r, void *out, size_t size)
    size_t hil_samples_unpack(const void *data, size_t size, uint16_t group, uint32_t n_values, uint32_t n_status,
                              int64_t *tick, int64_t *late_ns, int64_t *exec_ns, double *values, uint8_t *status)

cdef extern from "hil/profile.h" nogil:
    cdef struct hil_block_time:
        uint64_t calls, tick
        int64_t sum_ns, max_ns, last_ns
    cdef struct hil_profile:
        int64_t (*clock)() noexcept nogil
        hil_block_time *blocks
        uint32_t n
        int64_t *worst_ns
        uint64_t worst_tick, worst_from
        int64_t worst_end_ns, worst_late_ns

cdef extern from "hil/watch.h" nogil:
    enum: HIL_WATCH_OPS
    cdef struct hil_watch_op:
        uint16_t code, aux
        uint32_t arg
        double value
    cdef struct hil_watch:
        uint32_t n_ops
        hil_watch_op op[128]
    cdef struct hil_watch_memory:
        pass
    int hil_watch_check(const hil_watch *w, size_t state_size)
    void hil_watch_reset(hil_watch_memory *m)
    int hil_watch_step(const hil_watch *w, hil_watch_memory *m, const unsigned char *state, uint64_t tick)

cdef extern from "hil/loop.h" nogil:
    cdef struct hil_captures
    cdef struct hil_run:
        uint32_t offset, n
    cdef struct hil_group:
        uint32_t every, n_runs, n_values, n_status
        const hil_run *runs
        const uint32_t *status
    cdef struct hil_loop:
        const hil_program *program
        unsigned char *state
        int64_t (*clock)() noexcept nogil
        int64_t start_ns
        hil_bus_port **buses
        hil_queue *queue
        hil_ring *inputs
        hil_ring *samples
        const hil_group *groups
        uint32_t n_groups, hash_every
        hil_profile *profile
        hil_histogram *late
        hil_histogram *exec "exec"
        uint64_t n_ticks, overruns, missed
        int stop, restamp
        hil_captures *captures
    void hil_loop_cycle(hil_loop *l, int64_t late_ns)
    void hil_loop_stop_twin(hil_loop *l)
    void hil_loop_ask_copy(hil_loop *l, unsigned char *to)
    int hil_loop_copied(const hil_loop *l)
    void hil_loop_unask_copy(hil_loop *l)
    void hil_loop_take_events(hil_loop *l)
    uint64_t hil_loop_run(hil_loop *l, uint64_t n)
    uint64_t hil_loop_run_lockstep(hil_loop *l, uint64_t n, int *err)

cdef extern from "hil/capture.h" nogil:
    enum: HIL_MOST_CAPTURES
    cdef struct hil_capture:
        hil_watch start, stop
        uint64_t pre, post, timeout
        uint32_t count, state, done
        uint64_t armed, triggered, end
    int hil_capture_check(const hil_capture *c, size_t state_size)
    void hil_capture_reset(hil_capture *c)
    cdef struct hil_capture_slot:
        hil_capture capture
        hil_group group
        hil_ring *ring
        uint32_t abort, left
    cdef struct hil_captures:
        hil_capture_slot *slot[16]

cdef extern from "hil/linux.h" nogil:
    int64_t hil_clock_ns() noexcept nogil
    cdef struct hil_runner_config:
        uint32_t policy, grace_ticks, max_catch_up
        int32_t priority, cpu
        int64_t spin_ns, first_ns
        uint64_t n_ticks
    cdef struct hil_runner:
        int fifo_errno, affinity_errno, end
        uint64_t tick
    int hil_runner_start(hil_runner *r, hil_loop *loop, const hil_runner_config *config)
    void hil_runner_stop(hil_runner *r)
    int hil_runner_join(hil_runner *r)
    int hil_lock_memory()
    cdef struct hil_token:
        uint64_t tick
        int64_t time_ns
    cdef struct hil_token_port:
        hil_bus_port port
    void hil_token_port_init(hil_token_port *t, hil_bus_port *wire, int fd, int timeout_ms)
    uint64_t hil_serve_tokens(hil_loop *l, int fd, hil_bus_port *wire, int *err)

cdef extern from "hil/part.h" nogil:
    size_t hil_part_size(const hil_program *p)
    const hil_program *hil_part(const hil_program *p, const uint8_t *rests, void *mem)

cdef extern from "hil/batch.h" nogil:
    enum: HIL_BATCH_MAX_THREADS
    enum: HIL_N_REDUCTIONS
    cdef struct hil_reduce:
        uint32_t offset, kind
        double level
    cdef struct hil_reducing:
        double value
    enum: HIL_WANDER_MAX
    cdef struct hil_wander:
        uint32_t n
        uint64_t every
        const uint32_t *offsets
        const double *root
        const double *lo
        const double *hi
    cdef struct hil_batch_run:
        const unsigned char *start "from"
        uint64_t seed, hash
        const hil_event *events
        uint32_t n_events, refused
        int err, done
    cdef struct hil_batch:
        const hil_program *program
        const hil_program *part
        hil_wander wander
        hil_batch_run *runs
        uint32_t n_runs, n_states, n_offsets, n_reductions
        uint64_t ticks, every, n_rows
        unsigned char *states
        size_t stride
        const uint32_t *offsets
        double *rows
        const hil_reduce *reductions
        double *reduced
        hil_reducing *reducing
        uint32_t next, finished
        int stop
    cdef struct hil_batch_team:
        uint32_t n_threads
    size_t hil_batch_stride(const hil_program *p)
    int hil_batch_start(hil_batch_team *team, hil_batch *batch, uint32_t n_threads)
    int hil_batch_wait(hil_batch_team *team, int timeout_ms)
