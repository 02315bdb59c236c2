# Loop: one state's ticks, virtual, in lock-step or in a real-time thread, with its rings.

cdef _histogram(const hil_histogram *h):
    return {"n": h.n, "max_ns": h.max_ns, "counts": [h.count[i] for i in range(HIL_HISTOGRAM_BUCKETS)]}


def histogram_edges() -> list:
    """Lower edge in ns of every bucket of the core's histograms."""
    return [hil_histogram_edge(i) for i in range(HIL_HISTOGRAM_BUCKETS)]


cdef int _fill_group(_Memory m, State state, hil_group *g, group) except -1:
    every, parts, statuses = group
    if every < 1:
        raise BenchError("a group is recorded every 1 or more ticks")
    for offset, n in parts:
        state._inside(offset, 8 * n)
    for offset in statuses:
        state._inside(offset, 1)
    cdef hil_run *runs = <hil_run *>m.take(len(parts), sizeof(hil_run))
    for k, (offset, n) in enumerate(parts):
        runs[k].offset, runs[k].n = offset, n
        g.n_values += n
    cdef uint32_t *status = <uint32_t *>m.take(len(statuses), sizeof(uint32_t))
    for k, offset in enumerate(statuses):
        status[k] = offset
    g.every, g.n_runs, g.n_status = every, len(parts), len(statuses)
    g.runs, g.status = runs, status
    return 0


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
    cdef list armed
    cdef int running
    cdef object joining, copying
    cdef bytearray scratch

    def __init__(self, State state not None, *, groups=(), uint64_t input_ring=1 << 20, uint64_t sample_ring=1 << 23,
                 uint32_t hash_every=0, int timed_entries=0):
        self.state = state
        self.memory = _Memory()
        self.keep, self.armed = [], []
        self.joining, self.copying = threading.Lock(), threading.Lock()
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
        self.profile.worst_ns = <int64_t *>m.take(timed_entries, sizeof(int64_t))
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
        for i, group in enumerate(groups):
            _fill_group(self.memory, self.state, &g[i], group)
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

    def arm(self, Capture capture not None):
        """Lets a capture watch from the next tick on, also while the loop runs; BenchError when there are too many.

        One thread at a time. Kept alive until its `left` is set, or the loop goes.
        """
        if capture.state is not self.state:
            raise BenchError("the capture is of another state")
        if self.l.captures == NULL:
            self.l.captures = <hil_captures *>self.memory.take(1, sizeof(hil_captures))
        self.armed = [c for c in self.armed if not c.left]
        for i in range(HIL_MOST_CAPTURES):
            if self.l.captures.slot[i] == NULL:
                self.armed.append(capture)
                self.l.captures.slot[i] = &capture.slot
                return
        raise BenchError(f"{HIL_MOST_CAPTURES} captures watch already", mend="Wait for one to end, or abort one")

    def take_events(self):
        """Takes what is in the queue now, as the next cycle would, so that there is room for more. Only while the loop rests."""
        self._idle()
        hil_loop_take_events(&self.l)

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
        self.profile.worst_from = <uint64_t>self.state.tick + grace_ticks
        self.l.profile = &self.profile if self.profile.n else NULL
        if hil_runner_start(&self.runner, &self.l, &c):
            raise OSError(errno, "no real-time thread")
        self.running = 1

    def stop(self):
        self.l.stop = 1

    def stop_twin(self):
        """Revokes every authority in the next tick that begins; any thread, also while the loop runs."""
        hil_loop_stop_twin(&self.l)

    def copy_running(self, double timeout_s):
        """The state between two ticks while the loop runs, as a State; None when no tick began in time."""
        cdef State other = State(self.state.program)
        cdef int64_t end_ns = hil_clock_ns() + <int64_t>(timeout_s * 1e9)
        cdef int done = 0
        with self.copying:
            hil_loop_ask_copy(&self.l, other.s)
            while not hil_loop_copied(&self.l) and hil_clock_ns() < end_ns and not self.runner.end:
                sleep(COPY_LOOK_S)
            hil_loop_unask_copy(&self.l)
            done = hil_loop_copied(&self.l)
        return other if done else None

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

    def worst_tick(self) -> tuple | None:
        """(tick, late_ns, exec_ns, [ns per block, then per path]) of the real-time tick that ended latest.

        Ticks in the grace of a run's start do not count. None before the first one.
        """
        p = &self.profile
        if not p.worst_end_ns:
            return None
        return (p.worst_tick, p.worst_late_ns, p.worst_end_ns - p.worst_late_ns, [p.worst_ns[i] for i in range(p.n)])

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
