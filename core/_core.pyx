# cython: language_level=3, boundscheck=False, wraparound=False, auto_pickle=False, autotestdict=False
"""Binding of the C core: programs, states, the loop and the real-time thread. No logic; see core/include/hil/*.h."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.errno cimport errno
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset
from posix.stdlib cimport posix_memalign

cimport cython

import threading
from time import sleep

import numpy as np

from chil cimport *

from hil.errors import BenchError

EVENT_SIZE = 64
cdef double COPY_LOOK_S = 0.0005  # between two looks whether a copy is there


cdef str _text(const char *s):
    return s.decode() if s != NULL else ""


cdef int _check(int err) except -1:
    if err:
        raise BenchError(_text(hil_err_text(err)))
    return 0


def error_text(int err) -> str:
    """The sentence for an enum hil_err."""
    return _text(hil_err_text(err))


def clock_ns() -> int:
    """CLOCK_MONOTONIC in ns, the loop's clock."""
    return hil_clock_ns()


def lock_memory() -> int:
    """mlockall for the whole process; 0 or errno."""
    return hil_lock_memory()


def through_register(int kind, double scale, double offset, double lo, double hi, double value):
    """(raw, value) as a register of this kind carries `value`."""
    cdef hil_codec c
    memset(&c, 0, sizeof(c))
    c.kind, c.scale, c.offset, c.lo, c.hi = kind, scale, offset, lo, hi
    cdef uint64_t raw = hil_encode(&c, value)
    return raw, hil_decode(&c, raw)


cdef int _check_count(n, what) except -1:
    if n > 65535:
        raise BenchError(f"{n} {what} are more than the core can number (65535)")
    return 0


cdef const hil_event *_event(bytes data) except NULL:
    if len(data) != EVENT_SIZE:
        raise BenchError(f"an event has {EVENT_SIZE} bytes, not {len(data)}")
    return <const hil_event *><const void *>PyBytes_AS_STRING(data)


# One extension, as its classes use each other's C fields.
include "binding/block_types.pxi"
include "binding/program.pxi"
include "binding/state.pxi"
include "binding/capture.pxi"
include "binding/loop.pxi"
include "binding/batch.pxi"
include "binding/token.pxi"
