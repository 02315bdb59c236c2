"""The operators of time: edges, always and eventually, until, and the same into the past."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hil.requirements import windows
from hil.requirements.formula import Formula
from hil.requirements.trace import Trace
from hil.requirements.window import ALL_TIME, Window

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Edge(Formula):
    """rise: it holds now and did not at the sample before; fall: the reverse.

    Before the start nothing held for rise, and everything for fall, as in rtamt.
    """

    name: str
    part: Formula

    def value(self, trace: Trace) -> Floats:
        now = _full(self.part, trace)
        before = windows.shifted(now, -1, -np.inf if self.name == "rise" else np.inf)
        return np.minimum(-before, now) if self.name == "rise" else np.minimum(before, -now)

    @property
    def parts(self) -> tuple[Formula, ...]:
        return (self.part,)

    def __str__(self) -> str:
        return f"{self.name}({self.part})"


@dataclass(frozen=True, eq=False)
class Timed(Formula):
    """G, F over the future, H, O over the past: at each, or at one sample of the window."""

    name: str
    part: Formula
    window: Window = ALL_TIME

    def value(self, trace: Trace) -> Floats:
        x = _full(self.part, trace)
        over: Callable[..., Floats] = windows.future_min if self.name in "GH" else windows.future_max
        turn = slice(None, None, -1 if self.name in "HO" else 1)
        return over(x[..., turn], *self.window.samples(trace.period_s))[..., turn]

    @property
    def parts(self) -> tuple[Formula, ...]:
        return (self.part,)

    @cached_property
    def horizon_s(self) -> float:
        return self.part.horizon_s + (self.window.end_s if self.name in "GF" else 0.0)

    @cached_property
    def least_s(self) -> float:
        return self.part.least_s + (self.window.least_s if self.name in "GF" else 0.0)

    @property
    def inside(self) -> bool:
        return self.name in "GF"

    def __str__(self) -> str:
        return f"{self.name}{_window(self.window)}{self.part}"


@dataclass(frozen=True, eq=False)
class Until(Formula):
    """`left U right`: right comes in the window and left holds until the sample before; S the same into the past."""

    name: str
    left: Formula
    right: Formula
    window: Window = ALL_TIME

    def value(self, trace: Trace) -> Floats:
        turn = slice(None, None, -1 if self.name == "S" else 1)
        left, right = _full(self.left, trace)[..., turn], _full(self.right, trace)[..., turn]
        return windows.until(left, right, *self.window.samples(trace.period_s))[..., turn]

    @property
    def parts(self) -> tuple[Formula, ...]:
        return (self.left, self.right)

    @cached_property
    def horizon_s(self) -> float:
        own = self.window.end_s if self.name == "U" else 0.0
        return own + max(self.left.horizon_s, self.right.horizon_s)

    @cached_property
    def least_s(self) -> float:
        own = self.window.least_s if self.name == "U" else 0.0
        return own + max(self.left.least_s, self.right.least_s)

    @property
    def inside(self) -> bool:
        return self.name == "U"

    def __str__(self) -> str:
        return f"({self.left} {self.name}{_window(self.window)}{self.right})"


def _window(window: Window) -> str:
    return " " if window == ALL_TIME else f"{window} "


def _full(part: Formula, trace: Trace) -> Floats:
    """Its robustness with a time axis, also where it is the same at each sample."""
    x = part.value(trace)
    return x if x.ndim else np.broadcast_to(x, (trace.samples,))
