# cython: language_level=3, boundscheck=False, wraparound=False, auto_pickle=False, autotestdict=False
"""Binding of the bus threads: Modbus client and server over TCP and RTU. No logic; see drivers/include/hil_drivers/*.h."""

import errno as errno_names
import os
from collections import namedtuple

from libc.errno cimport errno
from libc.math cimport HUGE_VAL
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

import numpy as np

from cbus cimport *

from hil.errors import BusError

include "bus_common.pxi"

TABLES = ("coil", "discrete_input", "input_register", "holding_register")
KINDS = ("bool", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64")
MENDS = {
    errno_names.EADDRINUSE: "Stop the program that listens there, or choose another port (0: any free one).",
    errno_names.EADDRNOTAVAIL: "Listen on an address of this machine, such as 127.0.0.1 or 0.0.0.0.",
    errno_names.EACCES: "Choose a port from 1024 on, or run with the privilege to use lower ones.",
    errno_names.ECONNREFUSED: "Start the device's Modbus server, or correct host and port.",
    errno_names.EHOSTUNREACH: "Check the address, the cable and the route to the device.",
    errno_names.ENETUNREACH: "Check the address, the cable and the route to the device.",
    errno_names.EBUSY: "End the other program that uses the port.",
    errno_names.ENOENT: "Plug the adapter in again, or correct the path.",
    errno_names.ENODEV: "Plug the adapter in again, or correct the path.",
    errno_names.EIO: "Check the cable and the adapter; the other end of a pseudo-terminal may be gone.",
    errno_names.ECONNRESET: "The device closed the connection; it may allow fewer clients than there are.",
}

Tag = namedtuple(
    "Tag",
    ["name", "table", "address", "kind", "bit", "word_order", "byte_order", "scale", "offset", "lo", "hi", "heartbeat",
     "latch"],
    defaults=[-1, "big", "big", 1.0, 0.0, -HUGE_VAL, HUGE_VAL, False, False],
    module="hil._bus",
)
Tag.__doc__ = "One value of an I/O map, see hil_drivers/regmap.h: value = raw * scale + offset, limited to [lo, hi] when written."


def _where(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _one_of(str what, tag, value, names):
    if value not in names:
        raise BusError(f"{what} {value!r} is not known", where=tag.name, mend=f"Use one of: {', '.join(names)}.")
    return names.index(value)


cdef int _fill_tag(hil_reg_tag *c, tag) except -1:
    if not 0 <= tag.address <= 65535:
        raise BusError(f"address {tag.address} is not one", where=tag.name, mend="Use a zero-based address, 0 to 65535.")
    if not -1 <= tag.bit <= 15:
        raise BusError(f"bit {tag.bit} is not one", where=tag.name, mend="Use 0 to 15, or -1 for the whole register.")
    c.codec.scale, c.codec.offset, c.codec.lo, c.codec.hi = tag.scale, tag.offset, tag.lo, tag.hi
    c.codec.kind = _one_of("type", tag, tag.kind, KINDS)
    c.table = _one_of("table", tag, tag.table, TABLES)
    c.address = tag.address
    c.bit = HIL_WHOLE_WORD if tag.bit < 0 else tag.bit
    c.word_little = _one_of("word order", tag, tag.word_order, ("big", "little"))
    c.byte_little = _one_of("byte order", tag, tag.byte_order, ("big", "little"))
    c.heartbeat, c.latch = bool(tag.heartbeat), bool(tag.latch)
    return 0


cdef class _Map:
    """Tags as the C side wants them, alive while a bus is made from them."""
    cdef hil_regmap c
    cdef tuple tags_in, tags_out

    def __init__(self, tags_in, tags_out, int role):
        self.tags_in, self.tags_out = tuple(tags_in), tuple(tags_out)
        if len(self.tags_in) + len(self.tags_out) > 65535:
            raise BusError("a map has at most 65535 tags")
        self.c.n_in, self.c.n_out = len(self.tags_in), len(self.tags_out)
        self.c.tags_in = self._tags(self.tags_in)
        self.c.tags_out = self._tags(self.tags_out)
        self._check(role)

    cdef hil_reg_tag *_tags(self, tuple tags) except NULL:
        cdef hil_reg_tag *c = <hil_reg_tag *>calloc(max(1, len(tags)), sizeof(hil_reg_tag))
        if c == NULL:
            raise MemoryError
        try:
            for i, tag in enumerate(tags):
                _fill_tag(&c[i], tag)
        except BaseException:
            free(c)
            raise
        return c

    cdef int _check(self, int role) except -1:
        cdef hil_regmap_error e
        if hil_regmap_check(&self.c, role, &e) == HIL_OK:
            return 0
        tag = (self.tags_out if e.out else self.tags_in)[e.tag]
        other = (self.tags_out if e.other_out else self.tags_in)[e.other].name if e.has_other else None
        raise BusError(e.why.decode() + (f" (the other is {other})" if other else ""), where=tag.name,
                       mend="Change this row of the I/O map.")

    def __dealloc__(self):
        free(<void *>self.c.tags_in)
        free(<void *>self.c.tags_out)


cdef dict _counters(const hil_mb_counters *c, unsigned first, unsigned last):
    counts = {hil_mb_count_name(i).decode(): c.count[i] for i in range(HIL_MBC_BOTH)}
    counts.update({hil_mb_count_name(i).decode(): c.count[i] for i in range(first, last)})
    counts["exception_codes"] = {i: c.exceptions[i] for i in range(256) if c.exceptions[i]}
    counts["round_trip_ns"] = _histogram(&c.round_trip)
    counts["age_ns"] = _histogram(&c.age)
    return counts


cdef dict _serial_counters(const hil_mb_counters *c, unsigned first, unsigned last):
    counts = {hil_mb_count_name(i).decode(): c.count[i] for i in range(HIL_MBC_SERVER, HIL_MBC_SERIAL)}
    return {**counts, **_counters(c, first, last)}


cdef object _error(int err, int os_errno, str where, str doing):
    if err == HIL_E_OS:
        return BusError(f"{doing}: {os.strerror(os_errno)}", where=where, mend=MENDS.get(os_errno))
    if err == HIL_E_TIMEOUT:
        return BusError(f"{doing}: no answer in time", where=where, mend="Check that the device is there and listens.")
    if err == HIL_E_UNSUPPORTED:
        return BusError("this host is not known", where=where, mend="Give an address or a name that resolves.")
    return BusError(f"{doing}: the answers make no sense, or an option is out of range", where=where)


def _plan(tags_in, tags_out, limits):
    cdef _Map m = _Map(tags_in, tags_out, HIL_REG_CLIENT)
    cdef hil_reg_limits c = limits
    cdef hil_regplan plan
    cdef void *mem = malloc(hil_regplan_size(&m.c) + 8)
    try:
        if hil_regplan_build(&plan, mem, &m.c, &c):
            raise BusError("a value is larger than the largest request", mend="Raise the device's request limits.")
        requests = [plan.requests[i] for i in range(plan.n)]
        return [(r["function"], r["address"], r["quantity"]) for r in requests if not r["done_by_other"]]
    finally:
        free(mem)


def plan_requests(tags_in, tags_out, *, int max_gap=0, int max_read_bits=0, int max_read_registers=0,
                  int max_write_bits=0, int max_write_registers=0, bint single_writes=False, bint bits_as_word=False,
                  bint combine=False) -> list:
    """The requests of one client cycle: [(function, address, quantity)], writes first."""
    flags = _flags(single_writes, bits_as_word, combine)
    return _plan(tags_in, tags_out, {
        "max_gap": max_gap, "read_bits": max_read_bits, "read_registers": max_read_registers,
        "write_bits": max_write_bits, "write_registers": max_write_registers, "flags": flags})


cdef unsigned _flags(bint single_writes, bint bits_as_word, bint combine) noexcept:
    return ((single_writes * HIL_REG_SINGLE_WRITES) | (bits_as_word * HIL_REG_BITS_AS_WORD)
            | (combine * HIL_REG_COMBINE))


cdef int _check_unit(str where, int unit, int low) except -1:
    if not low <= unit <= 247:
        raise BusError(f"unit {unit} is not possible on a serial line", where=where, mend=f"Use {low} to 247.")
    return 0


cdef int _fill_line(hil_serial_line *line, int fd, bytes path, int64_t bit_ns, int char_bits, double slack_s) except -1:
    line.fd, line.path, line.bit_ns, line.char_bits = fd, path, bit_ns, char_bits
    line.slack_ns = <int64_t>(slack_s * 1e9)
    return 0


cdef class Client(Bus):
    """What the Modbus clients have in common whatever their wire, see hil_drivers/mb_client.h."""
    cdef hil_mb_client *c
    cdef hil_mb_client_options options

    cdef void _set_times(self, double timeout_s, double backoff_s, double backoff_max_s) noexcept:
        self.options.timeout_ns = <int64_t>(timeout_s * 1e9)
        self.options.backoff_ns, self.options.backoff_max_ns = <int64_t>(backoff_s * 1e9), <int64_t>(backoff_max_s * 1e9)

    cdef int _set_limits(self, tuple sizes, unsigned flags) except -1:
        cdef hil_reg_limits *limits = &self.options.limits
        limits.max_gap, limits.read_bits, limits.read_registers, limits.write_bits, limits.write_registers = sizes
        limits.flags = flags
        return 0

    cdef int _make(self, _Map m) except -1:
        return self._check(hil_mb_client_new(&self.options, &m.c, &self.c), "cannot be used")

    def __dealloc__(self):
        with nogil:
            hil_mb_client_free(self.c)

    def connect(self, double wait_s=2.0) -> None:
        """Connects now, or raises BusError: refused, no answer. Not while the thread runs."""
        cdef int64_t wait_ns = <int64_t>(wait_s * 1e9)
        cdef int err
        with nogil:
            err = hil_mb_client_connect(self.c, wait_ns)
        self._check(err, "cannot connect")

    def start(self, int64_t start_ns, int64_t period_ns, int64_t phase_ns=0, *, int64_t tick_ns=0, str policy="other",
              int priority=0, int cpu=-1) -> None:
        """Runs cycles in an own thread: number n is due at start_ns + phase_ns + n * period_ns (now_ns() clock).

        tick_ns is the bench's tick, for the histogram of ages at latch; 0 means period_ns.
        """
        cdef hil_bus_schedule schedule = _schedule(start_ns, period_ns, phase_ns, tick_ns)
        cdef hil_thread_options thread = _thread(policy, priority, cpu)
        self._check(hil_mb_client_start(self.c, &schedule, &thread), "cannot start")

    def rest(self) -> None:
        """Ends the thread and keeps the connection, for last requests; then stop."""
        with nogil:
            hil_mb_client_rest(self.c)

    def stop(self) -> None:
        """Ends the thread and closes the connection."""
        with nogil:
            hil_mb_client_stop(self.c)

    def exchange(self, int64_t time_ns) -> None:
        """One whole cycle in this thread (lock-step); the image's time is time_ns."""
        cdef int err
        with nogil:
            err = hil_mb_client_exchange(self.c, time_ns)
        self._check(err, "exchange failed")

    def transact(self, bytes pdu) -> bytes:
        """One raw request PDU; returns the answer's PDU, exceptions included."""
        cdef uint8_t answer[HIL_MB_PDU_MAX]
        cdef size_t n = 0
        if not pdu:
            raise ValueError("a request has at least its function code")
        cdef const uint8_t *data = pdu
        cdef size_t size = len(pdu)
        cdef int err
        with nogil:
            err = hil_mb_client_transact(self.c, data, size, answer, &n)
        self._check(err, "request failed")
        return answer[:n]

    def bench_read(self, unsigned n, unsigned depth=1, *, int function=3, int address=0, int quantity=10):
        """n reads, `depth` at a time, in C: (array of ns for each, ns for all)."""
        cdef hil_mb_request read
        cdef int64_t total = 0
        cdef int err
        read.function, read.address, read.quantity = function, address, quantity
        rounds = np.zeros(n, dtype=np.int64)
        cdef int64_t[::1] view = rounds
        cdef int64_t *first = &view[0] if n else NULL
        with nogil:
            err = hil_mb_client_bench(self.c, &read, n, depth, first, &total)
        self._check(err, "reading failed")
        return rounds, total

    cdef hil_bus_port *_port(self) noexcept:
        return hil_mb_client_port(self.c)

    def counters(self) -> dict:
        if self.options.line != NULL:
            return _serial_counters(hil_mb_client_counters(self.c), HIL_MBC_BOTH, HIL_MBC_CLIENT)
        return _counters(hil_mb_client_counters(self.c), HIL_MBC_BOTH, HIL_MBC_CLIENT)

    @property
    def latch(self) -> int:
        """What the tag flagged latch has told first since the start: cause + 256 * number of the output; 0: no latch."""
        return hil_mb_client_latch(self.c)

    @property
    def connected(self) -> bool:
        return bool(hil_mb_client_connected(self.c))

    @property
    def realtime(self) -> bool:
        """The scheduling policy asked for was granted."""
        return bool(hil_mb_client_realtime(self.c))


cdef class MbClient(Client):
    """Modbus TCP client."""
    cdef bytes host

    def __init__(self, str host, int port, tags_in, tags_out, *, int unit=1, double timeout_s=0.25, int depth=1,
                 double backoff_s=0.05, double backoff_max_s=2.0, int max_gap=0, int max_read_bits=0,
                 int max_read_registers=0, int max_write_bits=0, int max_write_registers=0, bint single_writes=False,
                 bint bits_as_word=False, bint combine=False):
        cdef _Map m = _Map(tags_in, tags_out, HIL_REG_CLIENT)
        self._begin(self.c != NULL, _where(host, port), m.c.n_in, m.c.n_out)
        self.host = host.encode()
        self._set_address(port, unit, depth)
        self._set_times(timeout_s, backoff_s, backoff_max_s)
        self._set_limits((max_gap, max_read_bits, max_read_registers, max_write_bits, max_write_registers),
                         _flags(single_writes, bits_as_word, combine))
        self._make(m)

    cdef int _set_address(self, int port, int unit, int depth) except -1:
        if not 0 < port <= 65535 or not 0 <= unit <= 255 or not 1 <= depth <= 64:
            raise BusError(f"port {port}, unit {unit} and depth {depth} are not all possible", where=self.where,
                           mend="A port is 1 to 65535, a unit 0 to 255, a depth 1 to 64.")
        self.options.host = self.host
        self.options.port, self.options.unit, self.options.depth = port, unit, depth
        return 0


cdef class RtuClient(Client):
    """Modbus RTU client on an open serial line (drivers/serial_line.py), connected from the start.

    Takes `fd` over and closes it; a call that raises leaves it with the caller. `path` ("": none) is opened again after
    the line broke. bit_ns is 0 for a pseudo-terminal; slack_s is how late bytes may be seen (a scheduler, 16 ms of an FTDI
    adapter). Unit 0 is a broadcast: nothing can be read, and turnaround_s is waited after each request. One device a line.
    """
    cdef bytes path
    cdef hil_serial_line line

    def __init__(self, int fd, str path, tags_in, tags_out, *, int unit=1, int64_t bit_ns=0, int char_bits=11,
                 double slack_s=0.02, double timeout_s=0.25, double turnaround_s=0.1, double backoff_s=0.05,
                 double backoff_max_s=2.0, int max_gap=0, int max_read_bits=0, int max_read_registers=0,
                 int max_write_bits=0, int max_write_registers=0, bint single_writes=False, bint bits_as_word=False,
                 bint combine=False):
        cdef _Map m = _Map(tags_in, tags_out, HIL_REG_CLIENT)
        self._begin(self.c != NULL, path or f"descriptor {fd}", m.c.n_in, m.c.n_out)
        _check_unit(self.where, unit, 0)
        if unit == 0 and m.c.n_in:
            raise BusError("unit 0 is a broadcast, which nobody answers", where=m.tags_in[0].name,
                           mend="Read from a unit of its own, 1 to 247.")
        self.path = path.encode()
        self._set_times(timeout_s, backoff_s, backoff_max_s)
        self.options.turnaround_ns = <int64_t>(turnaround_s * 1e9)
        self.options.unit, self.options.depth = unit, 1
        self._set_limits((max_gap, max_read_bits, max_read_registers, max_write_bits, max_write_registers),
                         _flags(single_writes, bits_as_word, combine))
        self.options.line = &self.line
        _fill_line(&self.line, os.dup(fd), self.path, bit_ns, char_bits, slack_s)
        self._make(m)
        os.close(fd)


cdef class MbServer(Bus):
    """Modbus TCP server, see hil_drivers/mb_server.h. Listens from the start; serves after start()."""
    cdef hil_mb_server *s
    cdef hil_mb_server_options options
    cdef bytes host

    def __init__(self, str host, int port, tags_in, tags_out, *, int unit=-1, int max_clients=16, bint lockstep=False):
        cdef _Map m = _Map(tags_in, tags_out, HIL_REG_SERVER)
        self._begin(self.s != NULL, _where(host, port), m.c.n_in, m.c.n_out)
        self.host = host.encode()
        if not 0 <= port <= 65535 or not -1 <= unit <= 255 or not 1 <= max_clients <= 256:
            raise BusError(f"port {port}, unit {unit} and {max_clients} clients are not all possible", where=self.where,
                           mend="A port is 0 (any) to 65535, a unit -1 (any) to 255, clients 1 to 256.")
        self.options.host = self.host
        self.options.port, self.options.unit, self.options.max_clients = port, unit, max_clients
        self.options.lockstep = lockstep
        self._check(hil_mb_server_new(&self.options, &m.c, &self.s), "cannot listen")
        self.where = _where(host, self.port)

    def __dealloc__(self):
        with nogil:
            hil_mb_server_free(self.s)

    def start(self, *, str policy="other", int priority=0, int cpu=-1) -> None:
        """Serves in an own thread."""
        cdef hil_thread_options thread = _thread(policy, priority, cpu)
        self._check(hil_mb_server_start(self.s, &thread), "cannot start")

    def stop(self) -> None:
        """Ends the thread, closes all connections and the port; start() listens on the same port again."""
        with nogil:
            hil_mb_server_stop(self.s)

    def set_exception(self, int code) -> None:
        """Answers valid requests with this exception (4 failure, 6 busy ...); 0 ends it."""
        hil_mb_server_set_exception(self.s, code)

    cdef hil_bus_port *_port(self) noexcept:
        return hil_mb_server_port(self.s)

    def counters(self) -> dict:
        return _counters(hil_mb_server_counters(self.s), HIL_MBC_CLIENT, HIL_MBC_SERVER)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return hil_mb_server_port_number(self.s)

    @property
    def clients(self) -> int:
        return hil_mb_server_clients(self.s)

    @property
    def realtime(self) -> bool:
        """The scheduling policy asked for was granted."""
        return bool(hil_mb_server_realtime(self.s))


cdef class RtuServer(Bus):
    """Modbus RTU server on an open serial line, see hil_drivers/rtu_server.h; `fd` and its settings as in RtuClient."""
    cdef hil_rtu_server *s
    cdef hil_rtu_server_options options
    cdef bytes path

    def __init__(self, int fd, str path, tags_in, tags_out, *, int unit=1, int64_t bit_ns=0, int char_bits=11,
                 double slack_s=0.02, bint lockstep=False):
        cdef _Map m = _Map(tags_in, tags_out, HIL_REG_SERVER)
        self._begin(self.s != NULL, path or f"descriptor {fd}", m.c.n_in, m.c.n_out)
        _check_unit(self.where, unit, 1)
        self.path = path.encode()
        self.options.unit, self.options.lockstep = unit, lockstep
        _fill_line(&self.options.line, os.dup(fd), self.path, bit_ns, char_bits, slack_s)
        self._check(hil_rtu_server_new(&self.options, &m.c, &self.s), "cannot be used")
        os.close(fd)

    def __dealloc__(self):
        with nogil:
            hil_rtu_server_free(self.s)

    def start(self, *, str policy="other", int priority=0, int cpu=-1) -> None:
        """Serves in an own thread; opens the line again after a stop."""
        cdef hil_thread_options thread = _thread(policy, priority, cpu)
        self._check(hil_rtu_server_start(self.s, &thread), "cannot start")

    def stop(self) -> None:
        """Ends the thread and closes the line."""
        with nogil:
            hil_rtu_server_stop(self.s)

    def set_exception(self, int code) -> None:
        """Answers valid requests with this exception (4 failure, 6 busy ...); 0 ends it."""
        hil_rtu_server_set_exception(self.s, code)

    cdef hil_bus_port *_port(self) noexcept:
        return hil_rtu_server_port(self.s)

    def counters(self) -> dict:
        return _serial_counters(hil_rtu_server_counters(self.s), HIL_MBC_CLIENT, HIL_MBC_SERVER)

    @property
    def connected(self) -> bool:
        """The line is open; whether a master speaks on it is told by `clients`."""
        return bool(hil_rtu_server_connected(self.s))

    @property
    def clients(self) -> int:
        """1 when the line is open and a master has asked this unit, else 0."""
        return int(self.connected and self.counters()["requests"] > 0)

    @property
    def realtime(self) -> bool:
        """The scheduling policy asked for was granted."""
        return bool(hil_rtu_server_realtime(self.s))
