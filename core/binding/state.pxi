# State: a buffer of one program, its signals, events and copies.

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
