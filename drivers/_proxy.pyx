# cython: language_level=3, boundscheck=False, wraparound=False, auto_pickle=False, autotestdict=False
"""Binding of the wire proxy. No logic; see drivers/include/hil_drivers/proxy.h."""

import os
from collections import namedtuple

from libc.errno cimport errno
from libc.string cimport memset

from cbus cimport HIL_E_OS, HIL_E_UNSUPPORTED, HIL_OK, hil_thread_options
from cproxy cimport *

from hil.errors import BusError

PROTOCOLS = ("tcp", "rtu", "link")
KINDS = (
    "crc", "bit_flip", "truncate", "extra", "split", "gap", "wrong_unit", "wrong_function", "wrong_transaction",
    "wrong_length", "exception", "frozen", "swapped", "delay", "late", "loss", "duplicate", "reorder", "silent_accept",
    "half_open", "reset", "refused", "flood", "masquerade",
)
OPENED, CLOSED, PASSED, ACTED = range(1, 5)
POLICIES = {"other": os.SCHED_OTHER, "fifo": os.SCHED_FIFO}
FOR_EVER_NS = 0x7fffffffffffffff

Fault = namedtuple(
    "Fault",
    ["kind", "ways", "unit", "function", "first", "last", "nth", "every", "probability", "from_ns", "to_ns", "time_ns",
     "at", "value", "address", "amount", "repair", "data"],
    defaults=[-1, -1, -1, -1, 0, 0, 1.0, 0, FOR_EVER_NS, 0, -1, None, -1, 1, False, b""],
    module="hil._proxy",
)
Fault.__doc__ = "One fault, see struct hil_proxy_fault; kind is a name of KINDS, value None stands for the kind's default."

Note = namedtuple(
    "Note", ["kind", "time_ns", "session", "way", "side", "fault", "number", "before", "after"], module="hil._proxy")
Note.__doc__ = "What the proxy tells, see struct hil_proxy_note; kind is OPENED, CLOSED, PASSED or ACTED."

cdef enum:
    READ_SIZE = 65536


cdef int _fill(hil_proxy_fault *c, fault) except -1:
    c.kind, c.ways = KINDS.index(fault.kind), fault.ways
    c.unit, c.function, c.first, c.last = fault.unit, fault.function, fault.first, fault.last
    c.nth, c.every, c.probability = fault.nth, fault.every, fault.probability
    c.from_ns, c.to_ns, c.time_ns = fault.from_ns, fault.to_ns, fault.time_ns
    c.at, c.address, c.count, c.repair = fault.at, fault.address, fault.amount, bool(fault.repair)
    c.value = HIL_PROXY_UNSET if fault.value is None else fault.value
    if len(fault.data) > HIL_PROXY_DATA_MAX:
        raise ValueError(f"at most {HIL_PROXY_DATA_MAX} bytes can be added")
    c.n_data = len(fault.data)
    for i in range(c.n_data):
        c.data[i] = fault.data[i]
    return 0


cdef object _note(const hil_proxy_note *note):
    cdef const uint8_t *data = <const uint8_t *>note + sizeof(hil_proxy_note)
    return Note(note.head.kind, note.head.tick, note.head.group, note.way, note.side, note.fault, note.number,
                data[:note.n_before], data[note.n_before:note.n_before + note.n_after])


cdef class WireProxy:
    """Forwards between who connects to host:port and to_host:to_port (protocol "tcp"), or between two open descriptors,
    which stay the caller's. Frames are told by `read` when `capture` is set; faults that acted always are."""
    cdef hil_proxy *c
    cdef readonly str where
    cdef int n_faults

    def __init__(self, str protocol, faults=(), *, str host="", int port=0, str to_host="", int to_port=0, int fd=-1,
                 int to_fd=-1, uint64_t seed=0, double silence_s=0.05, bint capture=False, int ring_bits=23):
        cdef hil_proxy_options o
        cdef hil_proxy_fault c[HIL_PROXY_FAULTS_MAX]
        if self.c != NULL:
            raise RuntimeError("a proxy is made once")
        if len(faults) > HIL_PROXY_FAULTS_MAX:
            raise ValueError(f"a plan has at most {HIL_PROXY_FAULTS_MAX} faults")
        memset(c, 0, sizeof(c))
        for i, fault in enumerate(faults):
            _fill(&c[i], fault)
        host_bytes, to_bytes = host.encode(), to_host.encode()
        self.where, self.n_faults = f"{host}:{port}" if host else protocol, len(faults)
        o.protocol, o.capture, o.seed, o.silence_ns = PROTOCOLS.index(protocol), capture, seed, <int64_t>(silence_s * 1e9)
        o.host, o.port, o.to_host, o.to_port = host_bytes, port, to_bytes, to_port
        o.faults, o.n_faults, o.ring_size = c, self.n_faults, <uint64_t>1 << ring_bits
        self._check(hil_proxy_new(&o, fd, to_fd, &self.c), "cannot listen")

    def __dealloc__(self):
        with nogil:
            hil_proxy_free(self.c)

    cdef int _check(self, int err, str doing) except -1:
        cdef int os_errno = errno
        if err == HIL_OK:
            return 0
        if err == HIL_E_OS:
            raise BusError(f"{doing}: {os.strerror(os_errno)}", where=self.where,
                           mend="Choose another port (0: any free one from 1024 on) of this machine.")
        if err == HIL_E_UNSUPPORTED:
            raise BusError("a host is not known", where=self.where, mend="Give an address or a name that resolves.")
        raise ValueError("a fault is out of range")

    def start(self, *, str policy="other", int priority=0, int cpu=-1) -> None:
        """Forwards from now on, in a thread of its own; the zero of the faults' time windows."""
        cdef hil_thread_options o
        o.policy, o.priority, o.cpu = POLICIES[policy], priority, cpu
        self._check(hil_proxy_start(self.c, &o), "cannot start")

    def stop(self) -> None:
        """Ends the thread and closes all connections; what was told can still be read."""
        with nogil:
            hil_proxy_stop(self.c)

    def read(self) -> list:
        """Notes since the last call, oldest first; at most some hundred."""
        cdef uint8_t data[READ_SIZE]
        cdef size_t size, at = 0
        with nogil:
            size = hil_proxy_read(self.c, data, READ_SIZE)
        notes = []
        while at < size:
            notes.append(_note(<const hil_proxy_note *>&data[at]))
            at += (<const hil_frame *>&data[at]).bytes
        return notes

    def counters(self) -> dict:
        return {hil_proxy_count_name(k).decode(): hil_proxy_count(self.c, k) for k in range(HIL_PROXY_COUNTS)}

    def fault_counts(self) -> list:
        """(matched, acted) of each fault: frames that met its conditions but nth, every and probability; and activations."""
        cdef uint64_t matched = 0, acted = 0
        counts = []
        for k in range(self.n_faults):
            hil_proxy_fault_counts(self.c, k, &matched, &acted)
            counts.append((matched, acted))
        return counts

    @property
    def port(self) -> int:
        """The TCP port that it listens at."""
        return hil_proxy_port(self.c)

    @property
    def start_ns(self) -> int:
        """CLOCK_MONOTONIC in ns."""
        return hil_proxy_start_ns(self.c)
