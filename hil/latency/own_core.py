"""Whether this thread has its core for itself (yardsticks/neighbour.h), and what is remembered of that.

Alone on a core, two loops take times whose ratio is a fact of the kind of CPU. It is learnt once and kept in the cache:
a process that is beside a neighbour from its first look to its last cannot learn it, so the first one takes its time.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import itertools
import json
import os
import time
from functools import cache
from pathlib import Path

from hil import realtime
from hil.latency.place import USABLE
from hil.latency.programs import KIND, build
from hil.models.cache import cache_folder
from hil.whole_file import written_whole

VARIABLE = "HIL_CORE_RATIO"  # carries it to the yardsticks
BESIDE_NOBODY = 1.25  # as in neighbour.h
LEARN_S, LOOKS_A_CORE = 0.5, 1000


def on_our_own() -> bool:
    """Whether nobody else computes on this thread's core at this moment; takes some 10 us."""
    return bool(_neighbour().alone())


def core_ratio() -> float:
    """The smallest that is known, of a core with one owner; 0 where every look was interrupted."""
    return float(_neighbour().ratio())


def probe() -> str:
    """Which program looked: the ratios of two are not comparable."""
    return build("neighbour").name


def remember() -> None:
    """Keeps for later processes what this one has found by now; a cache that cannot be written keeps nothing."""
    _keep(core_ratio(), _remembered())


def _keep(found: float, known: float | None) -> None:
    if not found or (known is not None and known <= found):
        return
    os.environ[VARIABLE] = repr(found)
    with contextlib.suppress(OSError):
        _file().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with written_whole(_file()) as part:
            part.write_text(repr(found), encoding="ascii")


def _remembered() -> float | None:
    try:
        ratio = float(_file().read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return ratio if 0 < ratio < float("inf") else None


def _file() -> Path:
    kind = json.dumps([realtime.cpu_model(), probe()])
    return cache_folder(KIND) / f"core-ratio-{hashlib.sha256(kind.encode()).hexdigest()[:16]}"


@cache
def _neighbour() -> ctypes.CDLL:
    known = _remembered()
    if known is not None:
        os.environ[VARIABLE] = repr(known)
    library = ctypes.CDLL(str(build("neighbour")))
    library.ratio.restype = ctypes.c_double
    library.alone()  # looks often
    if known is None:
        _learn(library)
    _keep(library.ratio(), known)
    return library


def _learn(library: ctypes.CDLL) -> None:
    """Looks on all cores in turn for LEARN_S: a neighbour that stays for so long leaves one of them now and then."""
    here, end = os.sched_getaffinity(0), time.monotonic() + LEARN_S
    try:
        for cpu in itertools.cycle(USABLE):
            os.sched_setaffinity(0, {cpu})
            for _ in range(LOOKS_A_CORE):
                library.alone()
            if time.monotonic() > end:
                return
    finally:
        os.sched_setaffinity(0, here)
