# Program: a hil.spec.Spec by number, in memory that a Python object owns.

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
    r.steps = spec.steps
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
    cdef readonly int n_entries  # blocks and paths

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
        self.n_entries = len(spec.blocks) + len(spec.paths)
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

    def offset_context(self, int role) -> int:
        """Where the state of a role's library lies."""
        cdef uint32_t size
        return hil_offset_context(self.p, role, &size)

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
