# What the bindings of all bus threads share. Included behind their imports (os, errno, BusError, cbus); each has an _error of its
# own.

POLICIES = {"other": os.SCHED_OTHER, "fifo": os.SCHED_FIFO}


def now_ns() -> int:
    """CLOCK_MONOTONIC in ns: the clock of image times and schedules."""
    return hil_now_ns()


cdef dict _histogram(const hil_histogram *h):
    return {"n": h.n, "max_ns": h.max_ns, "counts": [h.count[i] for i in range(HIL_HISTOGRAM_BUCKETS)]}


cdef int _set_out(hil_bus_port *port, values, int64_t time_ns) except -1:
    cdef hil_image *image = hil_box_begin(port.box_out)
    if len(values) != image.n:
        raise ValueError(f"{image.n} values are wanted, not {len(values)}")
    for i in range(image.n):
        image.v[i] = values[i]
    image.time_ns = time_ns
    hil_box_publish(port.box_out)
    return 0


cdef object _contents(const hil_image *image):
    if image == NULL:
        return None
    return image.seq, image.time_ns, [image.v[i] for i in range(image.n)]


cdef hil_thread_options _thread(str policy, int priority, int cpu) except *:
    cdef hil_thread_options o
    if policy not in POLICIES:
        raise BusError(f"scheduling policy {policy!r} is not known", mend=f"Use one of: {', '.join(POLICIES)}.")
    o.policy, o.priority, o.cpu = POLICIES[policy], priority, cpu
    return o


cdef hil_bus_schedule _schedule(int64_t start_ns, int64_t period_ns, int64_t phase_ns, int64_t tick_ns) noexcept:
    cdef hil_bus_schedule s
    s.start_ns, s.period_ns, s.phase_ns, s.tick_ns = start_ns, period_ns, phase_ns, tick_ns
    return s


cdef class Bus:
    """What all buses have in common: a name for errors, and the port whose images a loop, or a test, exchanges with it."""
    cdef readonly str where
    cdef readonly int n_in, n_out

    cdef int _begin(self, bint made, str where, int n_in, int n_out) except -1:
        if made:
            raise RuntimeError("a bus is made once")
        self.where, self.n_in, self.n_out = where, n_in, n_out
        return 0

    cdef int _check(self, int err, str doing) except -1:
        cdef int os_errno = errno
        if err:
            raise _error(err, os_errno, self.where, doing)
        return 0

    cdef hil_bus_port *_port(self) noexcept:
        return NULL

    def set_out(self, values, int64_t time_ns=0) -> None:
        """Publishes values for the other side; not together with a loop."""
        _set_out(self._port(), values, time_ns)

    def take_in(self):
        """(number, time_ns, values) of the newest image, or None when there is none since the last call."""
        return _contents(hil_box_take(self._port().box_in))

    def peek_in(self):
        """The same, and the loop has still to take it; only while neither a loop nor the bus's thread runs."""
        return _contents(hil_box_peek(self._port().box_in))

    def port_ptr(self) -> int:
        """Address of the struct hil_bus_port, for the loop."""
        return <size_t>self._port()
