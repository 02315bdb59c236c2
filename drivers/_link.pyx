# cython: language_level=3, boundscheck=False, wraparound=False, auto_pickle=False, autotestdict=False
"""Binding of the microcontroller link's bus. No logic; see drivers/include/hil_drivers/link_bus.h."""

import errno as errno_names
import os

from libc.errno cimport errno
from libc.stdlib cimport calloc, free, malloc

from cbus cimport *
from clink cimport *

from hil.errors import BusError

include "bus_common.pxi"

DESCRIPTION_MAX = 65535
MENDS = {
    errno_names.EBADF: "The bus was closed; open the line again.",
    errno_names.EIO: "Check the cable and the adapter; the other end of a pseudo-terminal may be gone.",
    errno_names.ENODEV: "Plug the board or its adapter in again.",
    errno_names.ENXIO: "Plug the board or its adapter in again.",
    errno_names.ECONNRESET: "The board was reset, or its line was closed; look at its supply, its cable and its log.",
    errno_names.EPIPE: "The other end of the line is gone; start it again.",
}


cdef hil_codec *_codecs(tags) except NULL:
    """Each tag: (kind number, scale, offset, low, high, start); the start value is the device's affair."""
    cdef hil_codec *c = <hil_codec *>calloc(max(1, len(tags)), sizeof(hil_codec))
    if c == NULL:
        raise MemoryError
    try:
        for i, (kind, scale, offset, lo, hi, _start) in enumerate(tags):
            if not 0 <= kind <= 8:
                raise ValueError(f"kind {kind} of value {i} is not one")
            c[i].kind, c[i].scale, c[i].offset, c[i].lo, c[i].hi = kind, scale, offset, lo, hi
    except BaseException:
        free(c)
        raise
    return c


cdef dict _counted(const hil_link_bus_counters *c):
    cdef const uint64_t *link = <const uint64_t *>&c.link
    counts = {hil_link_bus_count_name(i).decode(): c.count[i] for i in range(HIL_LBC_COUNT)}
    counts.update({hil_link_counter_name(i).decode(): link[i] for i in range(HIL_LINK_COUNTERS)})
    counts["round_trip_ns"] = _histogram(&c.round_trip)
    counts["age_ns"] = _histogram(&c.age)
    return counts


cdef object _error(int err, int os_errno, str where, str doing):
    if err == HIL_E_OS:
        return BusError(f"{doing}: {os.strerror(os_errno)}", where=where, mend=MENDS.get(os_errno))
    if err == HIL_E_TIMEOUT:
        return BusError(f"{doing}: no answer in time", where=where,
                        mend="Check that the board has power, runs this firmware, and that the baud rate is its own.")
    if err == HIL_E_ABI:
        return BusError(f"{doing}: the board speaks another version of the link", where=where,
                        mend="Build the firmware from this version and flash it.")
    if err == HIL_E_SIZE:
        return BusError(f"{doing}: it does not fit into a frame of the link", where=where,
                        mend="Use fewer values, or smaller types.")
    return BusError(f"{doing}: not in this mode, or an answer makes no sense", where=where)


cdef class _Clock:
    """One estimate, as functions: see hil_drivers/clock_sync.h."""
    cdef hil_clock_estimate e

    def to_device(self, int64_t host_ns) -> int:
        return hil_clock_to_device(&self.e, host_ns)

    def to_host(self, int64_t device_ns) -> int:
        return hil_clock_to_host(&self.e, device_ns)


cdef class LinkBus(Bus):
    """The bench's end of a microcontroller link on an open line, see hil_drivers/link_bus.h.

    fd: non-blocking, raw; stays the caller's, who closes it after close(). tags_in, tags_out: (kind number, scale, offset,
    low, high, start) of each value from and to the device, in its order. clock_tags: three more values in `in`: offset (s),
    drift (ppm) and error bound (s) of the device's clock.
    """
    cdef hil_link_bus *b
    cdef int64_t timeout_ns

    def __init__(self, int fd, tags_in, tags_out, *, double timeout_s=0.25, bint clock_tags=False, str where="the board"):
        cdef hil_link_bus_options options
        cdef hil_codec *c_in = NULL
        cdef hil_codec *c_out = NULL
        self._begin(self.b != NULL, where, len(tags_in) + 3 * clock_tags, len(tags_out))
        self.timeout_ns = <int64_t>(timeout_s * 1e9)
        options.fd, options.timeout_ns, options.clock_tags = fd, self.timeout_ns, clock_tags
        try:
            c_in, c_out = _codecs(tags_in), _codecs(tags_out)
            self._check(hil_link_bus_new(&options, c_in, len(tags_in), c_out, len(tags_out), &self.b), "cannot be used")
        finally:
            free(c_in)
            free(c_out)

    def __dealloc__(self):
        with nogil:
            hil_link_bus_free(self.b)

    def connect(self, double wait_s=2.0) -> None:
        """Begins a session now, or raises BusError: no answer, another version, the line is gone."""
        cdef int64_t wait_ns = <int64_t>(wait_s * 1e9)
        cdef int err
        with nogil:
            err = hil_link_bus_connect(self.b, wait_ns)
        self._check(err, "cannot connect")

    def describe(self, double timeout_s=2.0) -> str:
        """What the device tells of itself."""
        cdef int64_t timeout_ns = <int64_t>(timeout_s * 1e9)
        cdef size_t n = 0
        cdef int err
        cdef char *text = <char *>malloc(DESCRIPTION_MAX)
        if text == NULL:
            raise MemoryError
        try:
            with nogil:
                err = hil_link_bus_describe(self.b, text, 65535, &n, timeout_ns)
            self._check(err, "cannot read the description")
            return text[:n].decode("utf-8", "replace")
        finally:
            free(text)

    def begin(self, bint lockstep, bint reset, double timeout_s=2.0) -> None:
        """Starts the device's control task, in lock-step or free-running; reset: from its initial state."""
        cdef int64_t timeout_ns = max(self.timeout_ns, <int64_t>(timeout_s * 1e9))
        cdef hil_link_mode mode = HIL_LINK_LOCKSTEP if lockstep else HIL_LINK_FREE
        cdef hil_link_answer answer
        cdef int err
        with nogil:
            err = hil_link_bus_begin(self.b, mode, reset, timeout_ns, &answer)
        if err == HIL_E_UNSUPPORTED:
            why = hil_err_text(answer.data[0]).decode() if answer.n else "it does not say why"
            raise BusError(f"the board refuses to start: {why}", where=self.where,
                           mend="Build the firmware from this rig and flash it.")
        self._check(err, "cannot start the board's control task")

    def ask(self, int op, bytes payload=b"", double timeout_s=2.0):
        """One message to the device and its answer: (report, contents). From any thread."""
        cdef const uint8_t *data = payload
        cdef size_t n = len(payload)
        cdef int64_t timeout_ns = <int64_t>(timeout_s * 1e9)
        cdef uint8_t number = op
        cdef hil_link_answer answer
        cdef int err
        with nogil:
            err = hil_link_bus_ask(self.b, number, data, n, timeout_ns, &answer)
        self._check(err, "asked the board")
        return answer.report, answer.data[:answer.n]

    def exchange(self, int64_t time_ns) -> None:
        """One step of the device in this thread (lock-step); the image's time is time_ns."""
        cdef int err
        with nogil:
            err = hil_link_bus_exchange(self.b, time_ns)
        self._check(err, "exchange failed")

    def start(self, int64_t start_ns, int64_t period_ns, int64_t phase_ns=0, *, int64_t tick_ns=0, str policy="other",
              int priority=0, int cpu=-1) -> None:
        """Free-running, in an own thread: period n begins at start_ns + phase_ns + n * period_ns (now_ns() clock).

        tick_ns is the bench's tick, for the histogram of ages at latch; 0 means period_ns.
        """
        cdef hil_bus_schedule schedule = _schedule(start_ns, period_ns, phase_ns, tick_ns)
        cdef hil_thread_options thread = _thread(policy, priority, cpu)
        self._check(hil_link_bus_start(self.b, &schedule, &thread), "cannot start")

    def stop(self) -> None:
        """Ends the thread; the device's outputs go safe, and nothing latches."""
        with nogil:
            hil_link_bus_stop(self.b)

    def close(self) -> None:
        """Says goodbye to the device; the line is not used again."""
        with nogil:
            hil_link_bus_close(self.b)

    cdef hil_bus_port *_port(self) noexcept:
        return hil_link_bus_port(self.b)

    def reports(self) -> list:
        """What the device has said on its own account since the last call: [(report, id, contents)]."""
        cdef hil_link_answer report
        found = []
        while hil_link_bus_report(self.b, &report):
            found.append((report.report, report.id, report.data[:report.n]))
        return found

    def clock(self):
        """The device's clock now, free-running: offset_s to the host's, drift_ppm, bound_s of the offset's error, at_ns, and
        the functions to_device(host_ns) and to_host(device_ns). None: not known.
        """
        cdef _Clock clock = _Clock()
        cdef int known
        with nogil:
            known = hil_link_bus_clock(self.b, &clock.e)
        if not known:
            return None
        return {"offset_s": clock.e.offset_ns * 1e-9, "drift_ppm": clock.e.drift * 1e6, "bound_s": clock.e.bound_ns * 1e-9,
                "at_ns": clock.e.at_ns, "to_device": clock.to_device, "to_host": clock.to_host}

    def counters(self) -> dict:
        cdef hil_link_bus_counters counters
        with nogil:
            hil_link_bus_count(self.b, &counters)
        return _counted(&counters)

    @property
    def connected(self) -> bool:
        """A session holds, and the line is there."""
        cdef int connected
        with nogil:
            connected = hil_link_bus_is_connected(self.b)
        return bool(connected)

    @property
    def realtime(self) -> bool:
        """The scheduling policy asked for was granted."""
        return bool(hil_link_bus_realtime(self.b))
