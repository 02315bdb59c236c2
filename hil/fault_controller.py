"""Faults of a controller and of its clock: `plc=stop@2s..3s`, for a role in place of a signal.

In this process (MIL, SIL) they act on how often the role steps when it is due: a value 1 with a path of its own. So its
start, end, activation, notes and the master enable are those of every other fault. A board injects them into itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from hil.errors import BenchError
from hil.fault_activation import Activation
from hil.fault_kinds import CONTROLLER, KINDS
from hil.fault_times import TICKS
from hil.faults import FaultSpec

HELD_IN_RESET = -1.0
MOST_STEPS = 100  # HIL_MOST_STEPS
WARM = 1  # enum hil_link_reset


class Stepping(Protocol):
    """What is known of a role."""

    @property
    def name(self) -> str:
        """Of the role."""

    @property
    def every(self) -> int:
        """Ticks from one step to the next."""


def check_target(spec: FaultSpec, is_role: bool) -> None:
    """Refuses a controller's fault on a signal, and a signal's on a controller.

    Raises:
        BenchError: the kind and what it is to act on do not belong together.
    """
    if is_role == (spec.kind in CONTROLLER):
        return
    if is_role:
        mend = f"Those of a controller are {', '.join(sorted(CONTROLLER))}"
        raise BenchError(f"{spec.kind} is a fault of signals, {spec.signal} is a role", where=spec.signal, mend=mend)
    mend = "Write the role's name in place of the signal's"
    raise BenchError(f"{spec.kind} is a fault of a controller", where=spec.signal, mend=mend)


def on_steps(spec: FaultSpec, role: Stepping, period_ns: int) -> tuple[int, tuple[float, ...]]:
    """(enum hil_fault_kind, the event's four values) of a fault on how often a role steps; `spec` is converted.

    Raises:
        BenchError: it would meet no step of the role, or too many at once.
    """
    if spec.activation.ramp is not None:
        raise BenchError(f"{spec}: a controller steps or does not, it has no ramp", where=spec.signal)
    start, end = spec.start(period_ns) or 0, spec.end(period_ns)
    if end is not None and end - start < role.every:
        why = f"lasts {end - start} ticks, {role.name} steps every {role.every}: it might meet none"
        raise BenchError(f"{spec}: {why}", where=spec.signal, mend=f"Let it last {role.every} ticks or more")
    return KINDS[spec.kind].number, (*_ON_STEPS[spec.kind](spec, role, period_ns), 0.0, 0.0, 0.0, 0.0)[:4]


def _steps_in(spec: FaultSpec, role: Stepping, period_ns: int) -> float:
    """The time of a fault in steps of the role, towards zero.

    Raises:
        BenchError: less than one.
    """
    step_s = period_ns * role.every / 1e9
    steps = math.trunc(round(_seconds(spec, period_ns) / step_s, 6))
    if steps == 0 or steps > MOST_STEPS:
        why = f"that is not 1 to {MOST_STEPS} steps of {role.name}"
        raise BenchError(f"{spec}: {why}", where=spec.signal, mend=f"A step takes {step_s:g} s")
    return float(steps)


def _seconds(spec: FaultSpec, period_ns: int) -> float:
    """The fault's time, which may be in ticks."""
    in_ticks = bool(spec.units) and spec.units[0] == TICKS
    return spec.values[0] * (period_ns / 1e9 if in_ticks else 1.0)


_ON_STEPS: dict[str, Callable[[FaultSpec, Stepping, int], tuple[float, ...]]] = {
    "stop": lambda *_: (0.0,),
    "reset": lambda *_: (HELD_IN_RESET,),
    "overrun": lambda spec, role, period_ns: (0.0, role.every, -_steps_in(spec, role, period_ns)),
    "clock_drift": lambda spec, role, _: (spec.values[0] * 1e-6, role.every),
    "clock_step": lambda spec, role, period_ns: (0.0, role.every, _steps_in(spec, role, period_ns)),
}


class Board(Protocol):
    """What is said to a board."""

    def fault(self, kind: str, target: int = ..., argument: float = ..., *, tick: int | None = ...) -> None:
        """An error that it injects into itself, at its own tick or the next one."""

    def flip_bit(self, variable: str, bit: int, *, tick: int | None = ...) -> None:
        """Of its controller."""


BoardFault = Callable[[Board, int | None], None]  # (board, its tick; None: at once)


def upset_bit(spec: FaultSpec) -> tuple[str, int]:
    """The variable and the bit of an upset."""
    return spec.words[0], int(spec.values[0])


def on_board(
    spec: FaultSpec, role: Stepping, period_ns: int, *, lockstep: bool
) -> tuple[BoardFault, BoardFault | None]:
    """What a board is told at the start and at the end of a fault; None: nothing.

    Raises:
        BenchError: a board cannot do this, or not in this way.
    """
    if spec.activation != Activation():
        why = "a board acts from a start to an end; duty, p, when and after are for MIL and SIL"
        raise BenchError(f"{spec}: {why}", where=spec.signal)
    if spec.kind not in _ON_BOARD:
        mend = f"Bind {role.name} to mil or sil, or take one of: {', '.join(sorted(_ON_BOARD))}"
        raise BenchError(f"{spec}: a board cannot do this to itself", where=spec.signal, mend=mend)
    if lockstep and spec.kind != "upset":
        why = "in lock-step a board's time is the count of its ticks"
        raise BenchError(
            f"{spec}: {why}", where=spec.signal, mend=f"Run in real time, or bind {role.name} to mil or sil"
        )
    if spec.kind != "clock_drift" and spec.end(period_ns) is not None:
        raise BenchError(f"{spec}: on a board it happens once", where=spec.signal, mend="Give it no end")
    begin = _ON_BOARD[spec.kind](spec, role, period_ns)
    return begin, _told("clock_drift") if spec.kind == "clock_drift" else None


def _told(kind: str, target: int = 0, argument: float = 0.0) -> BoardFault:
    return lambda board, tick: board.fault(kind, target, argument, tick=tick)


def _flipped(spec: FaultSpec, *_: object) -> BoardFault:
    variable, bit = upset_bit(spec)
    return lambda board, tick: board.flip_bit(variable, bit, tick=tick)


_ON_BOARD: dict[str, Callable[[FaultSpec, Stepping, int], BoardFault]] = {
    "reset": lambda *_: _told("reset", WARM),
    "overrun": lambda spec, role, period_ns: _told("overrun", 0, _steps_in(spec, role, period_ns)),
    "clock_drift": lambda spec, *_: _told("clock_drift", 0, spec.values[0]),
    "clock_step": lambda spec, _, period_ns: _told("clock_step", 0, round(_seconds(spec, period_ns) * 1e9)),
    "upset": _flipped,
}
