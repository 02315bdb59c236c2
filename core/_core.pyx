# cython: language_level=3, boundscheck=False, wraparound=False, auto_pickle=False, autotestdict=False
"""Binding of the C core: programs, states, the loop and the real-time thread. No logic; see core/include/hil/*.h."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.errno cimport errno
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset
from posix.stdlib cimport posix_memalign

cimport cython

import threading

import numpy as np

from chil cimport *

from hil.errors import BenchError

EVENT_SIZE = 64


cdef str _text(const char *s):
    return s.decode() if s != NULL else ""


cdef int _check(int err) except -1:
    if err:
        raise BenchError(_text(hil_err_text(err)))
    return 0


def error_text(int err) -> str:
    """The sentence for an enum hil_err."""
    return _text(hil_err_text(err))


def clock_ns() -> int:
    """CLOCK_MONOTONIC in ns, the loop's clock."""
    return hil_clock_ns()


def lock_memory() -> int:
    """mlockall for the whole process; 0 or errno."""
    return hil_lock_memory()


def through_register(int kind, double scale, double offset, double lo, double hi, double value):
    """(raw, value) as a register of this kind carries `value`."""
    cdef hil_codec c
    memset(&c, 0, sizeof(c))
    c.kind, c.scale, c.offset, c.lo, c.hi = kind, scale, offset, lo, hi
    cdef uint64_t raw = hil_encode(&c, value)
    return raw, hil_decode(&c, raw)


# ---- block types ----

cdef object _choices(const char *text):
    return _text(text).split("|") if text != NULL else None


cdef dict _block_type(const hil_block_type *t):
    return {
        "name": _text(t.name), "doc": _text(t.doc), "variadic": bool(t.variadic),
        "variadic_out": bool(t.variadic_out), "feedthrough": bool(t.feedthrough),
        "inputs": [{"name": _text(t.inputs[i].name), "doc": _text(t.inputs[i].doc), "preset": t.inputs[i].preset}
                   for i in range(t.n_inputs)],
        "outputs": [{"name": _text(t.outputs[i].name), "doc": _text(t.outputs[i].doc)} for i in range(t.n_outputs)],
        "params": [{"name": _text(t.params[i].name), "doc": _text(t.params[i].doc), "preset": t.params[i].preset,
                    "min": t.params[i].min, "max": t.params[i].max} for i in range(t.n_params)],
        "config": [{"name": _text(t.config[i].name), "doc": _text(t.config[i].doc),
                    "choices": _choices(t.config[i].choices), "min_n": t.config[i].min_n, "max_n": t.config[i].max_n,
                    "preset": t.config[i].preset} for i in range(t.n_config)],
        "states": [_text(t.states[i]) for i in range(t.n_states)],
    }


def block_types() -> list:
    """All block types of the core as dictionaries, from the C descriptors."""
    found = []
    cdef int i = 0
    while hil_block_types[i] != NULL:
        found.append(_block_type(hil_block_types[i]))
        i += 1
    return found


cdef int _check_count(n, what) except -1:
    if n > 65535:
        raise BenchError(f"{n} {what} are more than the core can number (65535)")
    return 0


cdef const hil_event *_event(bytes data) except NULL:
    if len(data) != EVENT_SIZE:
        raise BenchError(f"an event has {EVENT_SIZE} bytes, not {len(data)}")
    return <const hil_event *><const void *>PyBytes_AS_STRING(data)


# ---- memory owned by a Python object ----

@cython.no_gc_clear
cdef class _Memory:
    cdef void **chunk
    cdef size_t n
    cdef list keep

    def __cinit__(self):
        self.keep = []

    def __dealloc__(self):
        for i in range(self.n):
            free(self.chunk[i])
        free(self.chunk)

    cdef void *take(self, size_t n, size_t each) except NULL:
        cdef void *p = NULL
        cdef size_t size = n * each if n * each else 1
        if posix_memalign(&p, 64, size):
            raise MemoryError()
        memset(p, 0, size)
        self.chunk = <void **>realloc(self.chunk, (self.n + 1) * sizeof(void *))
        self.chunk[self.n] = p
        self.n += 1
        return p

    cdef const char *text(self, str s):
        cdef bytes b = s.encode()
        self.keep.append(b)
        return PyBytes_AS_STRING(b)

    cdef uint16_t *numbers(self, list values) except NULL:
        _check_count(len(values), "signals of a block")
        cdef uint16_t *p = <uint16_t *>self.take(len(values), sizeof(uint16_t))
        for i, v in enumerate(values):
            p[i] = v
        return p

    cdef double *doubles(self, values) except NULL:
        cdef double *p = <double *>self.take(len(values), sizeof(double))
        for i, v in enumerate(values):
            p[i] = v
        return p


cdef int _fill_block(_Memory m, hil_block_spec *b, spec) except -1:
    cdef bytes name = spec.type.encode()
    b.name = m.text(spec.name)
    b.type = hil_block_type_find(name)
    if b.type == NULL:
        raise BenchError(f"unknown block type {spec.type!r}", where=spec.name)
    b.model = <const hil_model *><size_t>spec.model_address
    if len(spec.config) != b.type.n_config:
        raise BenchError("wrong number of configuration fields", where=spec.name)
    cdef hil_array *cfg = <hil_array *>m.take(len(spec.config), sizeof(hil_array))
    for i, values in enumerate(spec.config):
        cfg[i].data = m.doubles(values)
        cfg[i].n = len(values)
    b.cfg = cfg
    b.params = m.doubles(spec.params)
    b.in_ = m.numbers(spec.inputs)
    b.out = m.numbers(spec.outputs)
    b.n_in, b.n_out, b.n_params = len(spec.inputs), len(spec.outputs), len(spec.params)
    b.role, b.every, b.phase = spec.role, spec.every, spec.phase
    return 0


cdef int _fill_path(hil_path_spec *p, spec) except -1:
    p.raw, p.signal, p.gated, p.safe_rate = spec.raw, spec.signal, spec.gated, spec.safe_rate
    p.lo, p.hi, p.rate, p.safe = spec.lo, spec.hi, spec.rate, spec.safe
    p.range_lo, p.range_hi = spec.range_lo, spec.range_hi
    return 0


cdef hil_tag_spec *_tags(_Memory m, list tags) except NULL:
    cdef hil_tag_spec *t = <hil_tag_spec *>m.take(len(tags), sizeof(hil_tag_spec))
    for i, tag in enumerate(tags):
        t[i].outer, t[i].inner = tag.outer, tag.inner
        t[i].codec.kind, t[i].codec.scale, t[i].codec.offset = tag.kind, tag.scale, tag.offset
        t[i].codec.lo, t[i].codec.hi = tag.lo, tag.hi
        t[i].start, t[i].max_age_ns = tag.start, tag.max_age_ns
    return t


cdef int _fill_role(_Memory m, hil_role_spec *r, spec) except -1:
    r.name = m.text(spec.name)
    r.in_, r.n_in = _tags(m, spec.inputs), len(spec.inputs)
    r.out, r.n_out = _tags(m, spec.outputs), len(spec.outputs)
    r.delay, r.binding, r.every, r.phase = spec.delay, spec.binding, spec.every, spec.phase
    r.library = <const hil_library *><size_t>spec.library_address
    return 0


class BuildError(Exception):
    """A program that cannot be built: `err`, `why`, index of the `block` and the `cycle` of signal numbers."""

    def __init__(self, err, why, block, cycle):
        super().__init__(why)
        self.err, self.why, self.block, self.cycle = err, why, block, cycle


class OpaqueError(BenchError):
    """An FMU's state cannot be saved or loaded; `block` is its number."""

    def __init__(self, block):
        super().__init__(error_text(HIL_E_OPAQUE))
        self.block = block


@cython.no_gc_clear
cdef class Program:
    """An immutable program, built from a `hil.program.Spec` (signals, blocks, paths, roles by number)."""
    cdef const hil_program *p
    cdef _Memory memory
    cdef list keep
    cdef readonly tuple outputs_of_roles  # number of outputs by role; [0] is unused
    cdef readonly int n_blocks

    def __init__(self, spec):
        cdef _Memory m = _Memory()
        cdef hil_spec s
        memset(&s, 0, sizeof(s))
        cdef hil_signal_spec *signals = <hil_signal_spec *>m.take(len(spec.signals), sizeof(hil_signal_spec))
        cdef hil_block_spec *blocks = <hil_block_spec *>m.take(len(spec.blocks), sizeof(hil_block_spec))
        cdef hil_path_spec *paths = <hil_path_spec *>m.take(len(spec.paths), sizeof(hil_path_spec))
        cdef hil_role_spec *roles = <hil_role_spec *>m.take(len(spec.roles) + 1, sizeof(hil_role_spec))
        for count, what in ((len(spec.signals), "signals"), (len(spec.blocks) + len(spec.paths), "blocks and paths"),
                            (len(spec.roles) + 1, "roles")):
            _check_count(count, what)
        for i, (name, start) in enumerate(spec.signals):
            signals[i].name, signals[i].start = m.text(name), start
        for i, block in enumerate(spec.blocks):
            _fill_block(m, &blocks[i], block)
        for i, path in enumerate(spec.paths):
            _fill_path(&paths[i], path)
        for i, role in enumerate(spec.roles):
            _fill_role(m, &roles[i + 1], role)
        s.seed, s.period_ns = spec.seed, spec.period_ns
        s.signals, s.blocks, s.paths, s.roles = signals, blocks, paths, roles
        s.n_signals, s.n_blocks, s.n_paths = len(spec.signals), len(spec.blocks), len(spec.paths)
        s.n_roles = len(spec.roles) + 1
        s.max_events, s.max_faults, s.fault_memory = spec.max_events, spec.max_faults, spec.fault_memory
        self._build(&s)
        self.keep = [m, spec]
        self.n_blocks = len(spec.blocks)
        self.outputs_of_roles = (0, *(len(role.outputs) for role in spec.roles))

    cdef int _build(self, const hil_spec *s) except -1:
        cdef hil_build_error e
        cdef size_t size = hil_program_size(s)
        self.memory = _Memory()
        if hil_program_build(s, self.memory.take(size, 1), size, &self.p, &e):
            why = _text(e.why) or _text(hil_err_text(e.err))
            raise BuildError(e.err, why, e.block, [e.cycle[i] for i in range(e.n_cycle)])
        return 0

    @property
    def hash(self) -> int:
        return hil_program_hash(self.p)

    @property
    def state_size(self) -> int:
        return hil_state_size(self.p)

    @property
    def period_ns(self) -> int:
        return hil_program_period_ns(self.p)

    def offset_value(self, int signal) -> int:
        return hil_offset_value(self.p, signal)

    def offset_time(self, int signal) -> int:
        return hil_offset_time(self.p, signal)

    def offset_status(self, int signal) -> int:
        return hil_offset_status(self.p, signal)

    def offset_param(self, int block, int param) -> int:
        return hil_offset_param(self.p, block, param)

    def offset_mem(self, int block) -> int:
        return hil_offset_mem(self.p, block)

    def block_n_state(self, int block) -> int:
        return hil_block_n_state(self.p, block)

    def fmus(self) -> list:
        """(number of the block, ability bits of enum hil_fmu_ability) of every FMU: their state is not in the buffer."""
        return [(i, hil_program_fmu(self.p, i).abilities) for i in range(self.n_blocks) if hil_program_fmu(self.p, i)]

    @property
    def opaque_blocks(self) -> list:
        """Names of the blocks whose state lies outside the buffer: FMUs."""
        return [self.keep[1].blocks[i].name for i, _ in self.fmus()]

    @property
    def external_roles(self) -> list:
        """Names of the roles that a device on a wire takes."""
        return [role.name for role in self.keep[1].roles if role.binding == HIL_EXTERNAL]

    def check_fault(self, bytes event) -> int:
        """enum hil_err for an event of kind FAULT (64 bytes)."""
        return hil_fault_check(self.p, _event(event))


@cython.no_gc_clear
cdef class State:
    """A state buffer of a program. `copy()` is a fork, `snapshot()`/`restore()` its bytes; both at tick boundaries only."""
    cdef unsigned char *s
    cdef readonly Program program
    cdef _Memory memory
    cdef list external  # of program.fmus(); each has an instance for this buffer

    def __init__(self, Program program not None):
        self.program = program
        self.memory = _Memory()
        self.external = program.fmus()
        self.s = <unsigned char *>self.memory.take(hil_state_size(program.p), 1)
        _check(hil_state_init(program.p, self.s))

    def __dealloc__(self):
        if self.s != NULL:
            self.end_fmus()

    def end_fmus(self):
        """Ends the FMUs' instances, which no tick may step any more; the buffer stays readable."""
        cdef const hil_fmu *fmu
        for i, _ in self.external:
            fmu = hil_program_fmu(self.program.p, i)
            fmu.release(fmu.self, self.s)

    cdef hil_state *head(self):
        return <hil_state *><void *>self.s

    def copy(self):
        cdef State other
        for i, abilities in self.external:
            if not abilities & HIL_FMU_COPIES:
                raise OpaqueError(i)
        other = State(self.program)
        memcpy(other.s, self.s, hil_state_size(self.program.p))
        for i, _ in self.external:
            other._load(i, self._save(i))
        return other

    def snapshot(self) -> bytes:
        """The buffer; behind it for each FMU the length of its state (8 bytes) and the state."""
        parts = [PyBytes_FromStringAndSize(<char *>self.s, hil_state_size(self.program.p))]
        for i, _ in self.external:
            saved = self._save(i)
            parts += [len(saved).to_bytes(8, "little"), saved]
        return b"".join(parts)

    def restore(self, bytes data):
        """Raises BenchError when the bytes are of another program or version."""
        _check(hil_state_check(self.program.p, PyBytes_AS_STRING(data), len(data)))
        cdef size_t at = hil_state_size(self.program.p)
        for i, _ in self.external:
            n = int.from_bytes(data[at:at + 8], "little")
            if at + 8 + n > <size_t>len(data):
                raise BenchError("the snapshot is cut off")
            self._load(i, data[at + 8:at + 8 + n])
            at += 8 + n
        memcpy(self.s, PyBytes_AS_STRING(data), hil_state_size(self.program.p))

    cdef bytes _save(self, int block):
        cdef const hil_fmu *fmu = hil_program_fmu(self.program.p, block)
        cdef const void *saved
        cdef size_t n
        if not fmu.abilities & HIL_FMU_SAVES or fmu.save(fmu.self, self.s, &saved, &n):
            raise OpaqueError(block)
        return PyBytes_FromStringAndSize(<const char *>saved, n)

    cdef int _load(self, int block, bytes saved) except -1:
        cdef const hil_fmu *fmu = hil_program_fmu(self.program.p, block)
        if fmu.load(fmu.self, self.s, PyBytes_AS_STRING(saved), len(saved)):
            why = fmu.failure(fmu.self, self.s).decode("utf-8", "replace")
            raise BenchError(f"an FMU does not take its state back: {why}") if why else OpaqueError(block)
        return 0

    def fmu_failures(self) -> list:
        """(number of the block, why) of each FMU whose instance has failed."""
        found = []
        cdef const hil_fmu *fmu
        for i, _ in self.external:
            fmu = hil_program_fmu(self.program.p, i)
            text = fmu.failure(fmu.self, self.s).decode("utf-8", "replace")
            if text:
                found.append((i, text))
        return found

    def hash(self) -> int:
        return hil_state_hash(self.program.p, self.s)

    cdef int _inside(self, uint32_t offset, uint32_t n) except -1:
        if <uint64_t>offset + n > hil_state_size(self.program.p):
            raise BenchError(f"offset {offset} lies outside the state")
        return 0

    def get(self, uint32_t offset) -> float:
        """The double at a byte offset."""
        self._inside(offset, 8)
        return (<double *><void *>(self.s + offset))[0]

    def get_int(self, uint32_t offset) -> int:
        self._inside(offset, 8)
        return (<int64_t *><void *>(self.s + offset))[0]

    def get_byte(self, uint32_t offset) -> int:
        self._inside(offset, 1)
        return self.s[offset]

    def source_time(self, int signal) -> int:
        """ns of bench time of what the signal carries; of what a tick computes the time of the tick to run next."""
        self._inside(hil_offset_time(self.program.p, signal), 8)
        return hil_source_time(self.s, signal)

    def reseed(self, uint64_t seed):
        self.head().seed = seed

    @property
    def tick(self) -> int:
        return self.head().tick

    @property
    def seed(self) -> int:
        return self.head().seed

    @property
    def safe(self) -> int:
        return self.head().safe

    @property
    def alert(self) -> int:
        return self.head().alert

    @property
    def n_events(self) -> int:
        return self.head().n_events

    @property
    def n_faults(self) -> int:
        return self.head().n_faults

    @property
    def clips(self) -> int:
        return self.head().clips

    @property
    def notes_lost(self) -> int:
        return self.head().notes_lost

    def run(self, uint64_t n):
        """n bare ticks: no recorder, queue or wire. For forks and forecasts."""
        cdef const hil_program *p = self.program.p
        cdef unsigned char *s = self.s
        cdef uint64_t i
        with nogil:
            for i in range(n):
                hil_tick(p, s)

    def push(self, bytes event) -> int:
        """Stages a 64-byte event; enum hil_err."""
        return hil_event_push(self.program.p, self.s, _event(event))

    def latch(self, int role, bytes values, int64_t time_ns):
        """An image of an external role (doubles; more than its outputs are left out), as the loop would take it."""
        known = self.program.outputs_of_roles
        if not 0 < role < len(known) or len(values) < 8 * known[role]:
            raise BenchError(f"{len(values) // 8} values are not an image of role {role}")
        hil_role_latch(self.program.p, self.s, role, <const double *><const void *>PyBytes_AS_STRING(values), time_ns)

    def set_context(self, int role, bytes context):
        """Puts the state of a role's controller in the place of its library's. Raises BenchError when it does not fit."""
        cdef uint32_t size = 0, offset = 0
        if 0 < role < len(self.program.outputs_of_roles):
            offset = hil_offset_context(self.program.p, role, &size)
        if len(context) != size:
            raise BenchError(f"{len(context)} bytes are not a controller of role {role}, which has {size}")
        memcpy(self.s + offset, PyBytes_AS_STRING(context), size)

    def skip(self, uint64_t n):
        hil_skip(self.program.p, self.s, n)


cdef _histogram(const hil_histogram *h):
    return {"n": h.n, "max_ns": h.max_ns, "counts": [h.count[i] for i in range(HIL_HISTOGRAM_BUCKETS)]}


def histogram_edges() -> list:
    """Lower edge in ns of every bucket of the core's histograms."""
    return [hil_histogram_edge(i) for i in range(HIL_HISTOGRAM_BUCKETS)]


@cython.no_gc_clear  # what a running thread uses is not cleared before it has been joined
cdef class Loop:
    """Runs ticks of one state: virtual, lock-step or in a real-time thread.

    groups: list of (every, [(offset, n doubles)], [status offsets]); ring_bytes: powers of two, 0 records nothing.
    """
    cdef hil_loop l
    cdef hil_runner runner
    cdef hil_profile profile
    cdef hil_ring *inputs
    cdef hil_ring *samples
    cdef hil_queue *queue
    cdef readonly State state
    cdef _Memory memory
    cdef list keep
    cdef int running
    cdef object joining
    cdef bytearray scratch

    def __init__(self, State state not None, *, groups=(), uint64_t input_ring=1 << 20, uint64_t sample_ring=1 << 23,
                 uint32_t hash_every=0, int timed_entries=0):
        self.state = state
        self.memory = _Memory()
        self.keep = []
        self.joining = threading.Lock()
        cdef _Memory m = self.memory
        memset(&self.l, 0, sizeof(self.l))
        self.l.program, self.l.state = state.program.p, state.s
        self.queue = <hil_queue *>m.take(1, sizeof(hil_queue))
        self.l.queue = self.queue
        self.l.late = <hil_histogram *>m.take(1, sizeof(hil_histogram))
        self.l.exec = <hil_histogram *>m.take(1, sizeof(hil_histogram))
        self.l.hash_every = hash_every
        if input_ring:
            self.inputs = self.l.inputs = self._ring(input_ring)
        if sample_ring and groups:
            self.samples = self.l.samples = self._ring(sample_ring)
        self.scratch = bytearray(max(input_ring, sample_ring, 1))
        self._set_groups(list(groups))
        self.profile.clock = hil_clock_ns
        self.profile.n = timed_entries
        self.profile.blocks = <hil_block_time *>m.take(timed_entries, sizeof(hil_block_time))
        self._watch_fmus(True)

    cdef int _watch_fmus(self, bint on) except -1:
        cdef const hil_fmu *fmu
        for i, _ in self.state.external:
            fmu = hil_program_fmu(self.state.program.p, i)
            fmu.watch(fmu.self, self.state.s, <void *>&self.l.stop if on else NULL)
        return 0

    cdef hil_ring *_ring(self, uint64_t size) except NULL:
        cdef hil_ring *r = <hil_ring *>self.memory.take(1, sizeof(hil_ring))
        _check(hil_ring_init(r, self.memory.take(size, 1), size))
        return r

    cdef int _set_groups(self, list groups) except -1:
        cdef hil_group *g = <hil_group *>self.memory.take(len(groups), sizeof(hil_group))
        cdef hil_run *runs
        cdef uint32_t *status
        for i, (every, parts, statuses) in enumerate(groups):
            if every < 1:
                raise BenchError("a group is recorded every 1 or more ticks")
            for offset, n in parts:
                self.state._inside(offset, 8 * n)
            for offset in statuses:
                self.state._inside(offset, 1)
            runs = <hil_run *>self.memory.take(len(parts), sizeof(hil_run))
            for k, (offset, n) in enumerate(parts):
                runs[k].offset, runs[k].n = offset, n
                g[i].n_values += n
            status = <uint32_t *>self.memory.take(len(statuses), sizeof(uint32_t))
            for k, offset in enumerate(statuses):
                status[k] = offset
            g[i].every, g[i].n_runs, g[i].n_status = every, len(parts), len(statuses)
            g[i].runs, g[i].status = runs, status
        self.l.groups, self.l.n_groups = g, len(groups)
        return 0

    def connect(self, dict ports):
        """ports: role number -> bus object with `port_ptr()`; the bus is kept alive."""
        cdef size_t n = len(self.state.program.outputs_of_roles)
        cdef hil_bus_port **table = <hil_bus_port **>self.memory.take(n, sizeof(hil_bus_port *))
        for role, bus in ports.items():
            if not 0 < role < n:
                raise BenchError(f"there is no role {role}")
            table[role] = <hil_bus_port *><size_t>bus.port_ptr()
        self.keep.append(list(ports.values()))
        self.l.buses = table

    cdef int _idle(self) except -1:
        if self.running:
            raise BenchError("the loop runs already")
        return 0

    def push(self, bytes event):
        """Puts a 64-byte event into the command queue; BenchError when it is full."""
        _check(hil_queue_push(self.queue, _event(event)))

    def pending(self) -> list:
        """Events that the next cycle will take, 64 bytes each; they stay. Only while the loop rests."""
        self._idle()
        cdef uint32_t tail = self.queue.tail, i
        return [PyBytes_FromStringAndSize(<char *>&self.queue.event[(tail + i) % HIL_QUEUE_SIZE], EVENT_SIZE)
                for i in range(self.queue.head - tail)]

    def run(self, uint64_t n) -> int:
        cdef uint64_t done
        self._idle()
        with nogil:
            done = hil_loop_run(&self.l, n)
        return done

    def run_lockstep(self, uint64_t n):
        """(ticks done, error of an exchange or 0)."""
        cdef uint64_t done
        cdef int err = 0
        self._idle()
        with nogil:
            done = hil_loop_run_lockstep(&self.l, n, &err)
        return done, err

    def serve_tokens(self, int fd, bus):
        """Device side of lock-step: one cycle a token until the other side goes. (ticks, enum hil_err)."""
        cdef hil_bus_port *wire = <hil_bus_port *><size_t>bus.port_ptr()
        cdef uint64_t done
        cdef int err = 0
        self.l.restamp = 1
        with nogil:
            done = hil_serve_tokens(&self.l, fd, wire, &err)
        return done, err

    def start(self, *, int policy=0, int grace_ticks=0, int max_catch_up=1, int priority=0, int cpu=-1,
              int64_t spin_ns=0, uint64_t n_ticks=0, int64_t first_ns=0):
        """Starts the real-time thread; OSError when no thread can be had."""
        cdef hil_runner_config c
        self._idle()
        memset(&c, 0, sizeof(c))
        c.policy, c.grace_ticks, c.max_catch_up = policy, grace_ticks, max_catch_up
        c.priority, c.cpu, c.spin_ns, c.n_ticks, c.first_ns = priority, cpu, spin_ns, n_ticks, first_ns
        self.l.clock = hil_clock_ns
        self.l.profile = &self.profile if self.profile.n else NULL
        if hil_runner_start(&self.runner, &self.l, &c):
            raise OSError(errno, "no real-time thread")
        self.running = 1

    def stop(self):
        self.l.stop = 1

    def resume(self):
        self.l.stop = 0

    def join(self) -> int:
        """Waits for the real-time thread; enum hil_runner_end. Several threads may wait: a thread can be joined only once."""
        with self.joining:
            if self.running:
                with nogil:
                    hil_runner_join(&self.runner)
                self.running = 0
        return self.runner.end

    def __dealloc__(self):
        if self.running:
            self.l.stop = 1
            hil_runner_join(&self.runner)
        if self.state is not None:
            self._watch_fmus(False)

    @property
    def ended(self) -> int:
        """enum hil_runner_end of the real-time thread, 0 while it runs."""
        return self.runner.end

    @property
    def granted(self) -> tuple:
        """(errno of SCHED_FIFO, errno of affinity): 0 is granted."""
        return self.runner.fifo_errno, self.runner.affinity_errno

    @property
    def start_ns(self) -> int:
        return self.l.start_ns

    @property
    def counters(self) -> dict:
        return {"ticks": self.l.n_ticks, "overruns": self.l.overruns, "missed": self.l.missed,
                "lost_samples": self.samples.lost if self.samples != NULL else 0,
                "lost_inputs": self.inputs.lost if self.inputs != NULL else 0,
                "lost_samples_from": self.samples.lost_since if self.samples != NULL and self.samples.lost else None,
                "lost_inputs_from": self.inputs.lost_since if self.inputs != NULL and self.inputs.lost else None}

    @property
    def late(self) -> dict:
        return _histogram(self.l.late)

    @property
    def exec_time(self) -> dict:
        return _histogram(self.l.exec)

    def block_times(self) -> list:
        """(calls, sum_ns, max_ns) per block, then per path."""
        return [(self.profile.blocks[i].calls, self.profile.blocks[i].sum_ns, self.profile.blocks[i].max_ns)
                for i in range(self.profile.n)]

    def read_inputs(self) -> bytes:
        """Whole frames from the loss-less ring."""
        return self._read(self.inputs)

    def read_samples(self) -> bytes:
        return self._read(self.samples)

    cdef bytes _read(self, hil_ring *r):
        if r == NULL:
            return b""
        cdef char *out = self.scratch
        cdef size_t size = len(self.scratch), n
        with nogil:
            n = hil_ring_read(r, out, size)
        return PyBytes_FromStringAndSize(out, n)


def unpack_samples(bytes frames, int group, int n_values, int n_status):
    """(tick, late_ns, exec_ns, values [rows, n_values], status [rows, n_status]) of one group."""
    cdef const void *data = PyBytes_AS_STRING(frames)
    cdef size_t size = len(frames)
    cdef size_t rows = hil_samples_unpack(data, size, group, n_values, n_status, NULL, NULL, NULL, NULL, NULL)
    tick, late, exe = (np.empty(rows, np.int64) for _ in range(3))
    values, status = np.empty((rows, n_values)), np.empty((rows, n_status), np.uint8)
    cdef int64_t[::1] t = tick, la = late, ex = exe
    cdef double[:, ::1] v = values
    cdef uint8_t[:, ::1] st = status
    if rows:
        hil_samples_unpack(data, size, group, n_values, n_status, &t[0], &la[0], &ex[0],
                           &v[0, 0] if n_values else NULL, &st[0, 0] if n_status else NULL)
    return tick, late, exe, values, status


# ---- batches ----

@cython.no_gc_clear  # what running threads use is not cleared before they have been joined
cdef class Batch:
    """Runs of one program on several threads, without the GIL; see core/include/hil/batch.h.

    runs: (State to begin with, seed, events of 64 bytes in one bytes object) each. offsets, reductions (offset, kind,
    level): doubles of the state. keep: each run leaves its last state.
    """
    cdef hil_batch b
    cdef hil_batch_team team
    cdef _Memory memory
    cdef Program program
    cdef list keep_alive
    cdef int kept, running
    cdef readonly object rows     # [signal, run, row]
    cdef readonly object reduced  # [reduction, run]

    def __init__(self, Program program not None, list runs not None, uint64_t ticks, *, offsets=(), uint64_t every=1,
                 reductions=(), bint keep=False, uint32_t threads=1):
        cdef State probe = State(program)
        self.memory = _Memory()
        self.program, self.keep_alive, self.kept = program, [], keep
        for block, _ in program.fmus():
            raise OpaqueError(block)
        if not 0 < threads <= HIL_BATCH_MAX_THREADS or every < 1 or not 0 < len(runs) < 2**31:
            raise BenchError(f"a batch has runs, 1 to {HIL_BATCH_MAX_THREADS} threads, rows every 1 or more ticks")
        self.b.program, self.b.ticks, self.b.every = program.p, ticks, every
        self._set_runs(runs)
        self._set_rows(list(offsets), probe)
        self._set_reductions(list(reductions), probe, threads)
        self.b.stride = hil_batch_stride(program.p)
        self.b.n_states = len(runs) if keep else max(threads, 1)
        self.b.states = <unsigned char *>self.memory.take(self.b.n_states, self.b.stride)
        self._start(min(threads, self.b.n_states))

    cdef int _set_runs(self, list runs) except -1:
        cdef State state
        cdef hil_batch_run *r = <hil_batch_run *>self.memory.take(len(runs), sizeof(hil_batch_run))
        first = None
        for i, (start, seed, events) in enumerate(runs):
            state = start
            first = state.tick if first is None else first
            if state.program is not self.program or state.tick != first or len(events) % EVENT_SIZE:
                raise BenchError(f"run {i} does not begin with a state of this program at the tick of the others")
            self.keep_alive.append((state, events))
            r[i].start, r[i].seed = state.s, seed
            r[i].events = <const hil_event *><const void *>PyBytes_AS_STRING(events)
            r[i].n_events = len(events) // EVENT_SIZE
        self.b.runs, self.b.n_runs = r, len(runs)
        # Rows are those of a recorder: after tick 0, every, 2 every ...
        self.b.n_rows = (first + self.b.ticks + self.b.every - 1) // self.b.every - (first + self.b.every - 1) // self.b.every
        return 0

    cdef int _set_rows(self, list offsets, State probe) except -1:
        cdef uint32_t *o = <uint32_t *>self.memory.take(len(offsets), sizeof(uint32_t))
        for i, offset in enumerate(offsets):
            probe._inside(offset, 8)
            o[i] = offset
        if not offsets:
            self.b.n_rows = 0
        self.rows = np.zeros((len(offsets), self.b.n_runs, self.b.n_rows))
        cdef double[:, :, ::1] view = self.rows
        self.b.offsets, self.b.n_offsets = o, len(offsets)
        self.b.rows = &view[0, 0, 0] if self.rows.size else NULL
        return 0

    cdef int _set_reductions(self, list reductions, State probe, uint32_t threads) except -1:
        cdef hil_reduce *r = <hil_reduce *>self.memory.take(len(reductions), sizeof(hil_reduce))
        for i, (offset, kind, level) in enumerate(reductions):
            probe._inside(offset, 8)
            if not 0 <= kind < HIL_N_REDUCTIONS:
                raise BenchError(f"there is no reduction {kind}")
            r[i].offset, r[i].kind, r[i].level = offset, kind, level
        self.reduced = np.full((len(reductions), self.b.n_runs), np.nan)
        cdef double[:, ::1] view = self.reduced
        self.b.reductions, self.b.n_reductions = r, len(reductions)
        self.b.reduced = &view[0, 0] if self.reduced.size else NULL
        self.b.reducing = <hil_reducing *>self.memory.take(threads * len(reductions), sizeof(hil_reducing))
        return 0

    cdef int _start(self, uint32_t threads) except -1:
        if hil_batch_start(&self.team, &self.b, threads):
            raise OSError(errno, "no thread for a batch")
        self.running = 1
        return 0

    def wait(self, int timeout_ms) -> bool:
        """Waits at most so long without the GIL; whether all runs have ended."""
        cdef int over = 1
        if self.running:
            with nogil:
                over = hil_batch_wait(&self.team, timeout_ms)
            self.running = not over
        return bool(over)

    def stop(self):
        """Lets every run end early; wait for it."""
        self.b.stop = 1

    @property
    def finished(self) -> int:
        """Runs that have ended."""
        return self.b.finished

    @property
    def threads(self) -> int:
        """Threads that run, or ran."""
        return self.team.n_threads

    def outcome(self, uint32_t run):
        """Of a run: (ended in its last tick, enum hil_err, number of the refused event, hash of its last state)."""
        self._over(run)
        return bool(self.b.runs[run].done), self.b.runs[run].err, self.b.runs[run].refused, self.b.runs[run].hash

    def state(self, uint32_t run):
        """A copy of a run's last state; BenchError when none is kept."""
        self._over(run)
        if not self.kept:
            raise BenchError("the last states of this batch were not kept")
        cdef State state = State(self.program)
        memcpy(state.s, self.b.states + run * self.b.stride, hil_state_size(self.program.p))
        return state

    cdef int _over(self, uint32_t run) except -1:
        if self.running or run >= self.b.n_runs:
            raise BenchError("the batch still runs" if self.running else f"there is no run {run}")
        return 0

    def __dealloc__(self):
        self.b.stop = 1
        while self.running and not hil_batch_wait(&self.team, 1000):
            pass


# ---- tick tokens ----

@cython.no_gc_clear
cdef class TokenPort:
    """A bus whose exchange gives a tick token over the socket `fd` in its middle: lock-step with an emulated device."""
    cdef hil_token_port t
    cdef object bus

    def __init__(self, bus, int fd, int timeout_ms=5000):
        self.bus = bus
        hil_token_port_init(&self.t, <hil_bus_port *><size_t>bus.port_ptr(), fd, timeout_ms)

    def port_ptr(self) -> int:
        return <size_t>&self.t.port
