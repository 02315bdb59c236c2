# Capture: conditions and a group of signals that a loop watches after each tick.

WATCH_OP_SIZE = 16


cdef int _fill_watch(hil_watch *w, bytes ops, size_t state_size) except -1:
    cdef size_t n = len(ops) // sizeof(hil_watch_op)
    if n > HIL_WATCH_OPS:
        raise BenchError(f"the condition has {n} steps, more than {HIL_WATCH_OPS}")
    memcpy(w.op, PyBytes_AS_STRING(ops), n * sizeof(hil_watch_op))
    w.n_ops = n
    if n:
        _check(hil_watch_check(w, state_size))
    return 0


@cython.no_gc_clear
cdef class Watch:
    """A condition over a state, to be looked at between ticks. `ops`: struct hil_watch_op, one behind the other."""
    cdef hil_watch w
    cdef hil_watch_memory m
    cdef readonly State state

    def __init__(self, State state not None, bytes ops):
        self.state = state
        memset(&self.w, 0, sizeof(self.w))
        _fill_watch(&self.w, ops, hil_state_size(state.program.p))
        _check(hil_watch_check(&self.w, hil_state_size(state.program.p)))
        hil_watch_reset(&self.m)

    def step(self) -> bool:
        """Whether it holds after the tick that ran last; to be called once a tick."""
        return bool(hil_watch_step(&self.w, &self.m, self.state.s, self.state.head().tick - 1))


@cython.no_gc_clear
cdef class Capture:
    """Rows and marks of a capture; `Loop.arm` begins it.

    start, stop: struct hil_watch_op, one behind the other, stop may be empty; pre, post, timeout: ticks;
    group: (every, [(offset, n doubles)], [status offsets]) as in Loop; ring_bytes: a power of two.
    """
    cdef hil_capture_slot slot
    cdef hil_ring ring
    cdef readonly State state
    cdef _Memory memory
    cdef bytearray scratch

    def __init__(self, State state not None, bytes start, bytes stop, group, *, uint64_t pre, uint64_t post,
                 uint64_t timeout, uint32_t count=1, uint64_t ring_bytes=1 << 18):
        cdef size_t size = hil_state_size(state.program.p)
        self.state, self.memory = state, _Memory()
        memset(&self.slot, 0, sizeof(self.slot))
        _fill_watch(&self.slot.capture.start, start, size)
        _fill_watch(&self.slot.capture.stop, stop, size)
        self.slot.capture.pre, self.slot.capture.post, self.slot.capture.timeout = pre, post, timeout
        self.slot.capture.count = count
        _check(hil_capture_check(&self.slot.capture, size))
        hil_capture_reset(&self.slot.capture)
        _fill_group(self.memory, state, &self.slot.group, group)
        _check(hil_ring_init(&self.ring, self.memory.take(ring_bytes, 1), ring_bytes))
        self.slot.ring = &self.ring
        self.scratch = bytearray(ring_bytes)

    def abort(self):
        """Ends it at the next tick."""
        self.slot.abort = 1

    def read(self) -> bytes:
        """Frames: rows are group 0, marks group 1 (state, done, triggered, end)."""
        cdef char *out = self.scratch
        cdef size_t size = len(self.scratch), n
        with nogil:
            n = hil_ring_read(&self.ring, out, size)
        return PyBytes_FromStringAndSize(out, n)

    @property
    def left(self) -> bool:
        """True once no loop knows it any more."""
        return bool(self.slot.left)

    @property
    def lost_from(self):
        """Tick of the first row that found no room; None when all did."""
        return self.ring.lost_since if self.ring.lost else None
