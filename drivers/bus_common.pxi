# What the bindings of all bus threads share. Included behind their imports (os, BusError, cbus).

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


cdef object _take_in(hil_bus_port *port):
    return _contents(hil_box_take(port.box_in))


cdef hil_thread_options _thread(str policy, int priority, int cpu) except *:
    cdef hil_thread_options o
    if policy not in POLICIES:
        raise BusError(f"scheduling policy {policy!r} is not known", mend=f"Use one of: {', '.join(POLICIES)}.")
    o.policy, o.priority, o.cpu = POLICIES[policy], priority, cpu
    return o
