# Batch: many states of one program, on several threads.

@cython.no_gc_clear  # what running threads use is not cleared before they have been joined
cdef class Batch:
    """Runs of one program on several threads, without the GIL; see core/include/hil/batch.h.

    runs: (State to begin with, seed, events of 64 bytes in one bytes object) each. offsets, reductions (offset, kind,
    level): doubles of the state. keep: each run leaves its last state. rests: a byte for each block, then each path,
    nonzero: it stands still in runs without faults (core/include/hil/part.h). wander: process noise, as
    (every, offsets, root of the covariance row after row, lowest values, highest values).
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
                 reductions=(), bint keep=False, uint32_t threads=1, bytes rests=None, wander=None):
        cdef State probe = State(program)
        self.memory = _Memory()
        self.program, self.keep_alive, self.kept = program, [], keep
        for block, _ in program.fmus():
            raise OpaqueError(block)
        if not 0 < threads <= HIL_BATCH_MAX_THREADS or every < 1 or not 0 < len(runs) < 2**31:
            raise BenchError(f"a batch has runs, 1 to {HIL_BATCH_MAX_THREADS} threads, rows every 1 or more ticks")
        self.b.program, self.b.ticks, self.b.every = program.p, ticks, every
        if rests is not None:
            self._set_part(rests)
        if wander is not None:
            self._set_wander(probe, wander)
        self._set_runs(runs)
        self._set_rows(list(offsets), probe)
        self._set_reductions(list(reductions), probe, threads)
        self.b.stride = hil_batch_stride(program.p)
        self.b.n_states = len(runs) if keep else max(threads, 1)
        self.b.states = <unsigned char *>self.memory.take(self.b.n_states, self.b.stride)
        self._start(min(threads, self.b.n_states))

    cdef int _set_part(self, bytes rests) except -1:
        if len(rests) != self.program.n_entries:
            raise BenchError(f"{len(rests)} bytes do not say what rests of {self.program.n_entries} blocks and paths")
        self.b.part = hil_part(self.program.p, <const uint8_t *><const void *>PyBytes_AS_STRING(rests),
                               self.memory.take(1, hil_part_size(self.program.p)))
        return 0

    cdef int _set_wander(self, State probe, tuple wander) except -1:
        every, offsets, root, lo, hi = wander
        cdef uint32_t n = len(offsets)
        if not 0 < n <= HIL_WANDER_MAX or every < 1 or len(root) != n * n or len(lo) != n or len(hi) != n:
            raise BenchError(f"process noise is of 1 to {HIL_WANDER_MAX} values with a root, lowest and highest values")
        cdef uint32_t *o = <uint32_t *>self.memory.take(n, sizeof(uint32_t))
        cdef double *numbers = <double *>self.memory.take(n * n + 2 * n, sizeof(double))
        for i, offset in enumerate(offsets):
            probe._inside(offset, 8)
            o[i] = offset
        for i, number in enumerate([*root, *lo, *hi]):
            numbers[i] = number
        self.b.wander = hil_wander(n, every, o, numbers, numbers + n * n, numbers + n * n + n)
        return 0

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
