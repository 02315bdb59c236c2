"""The description of a program as the core takes it: signals, blocks, paths and roles by number.

Mirrors `struct hil_spec` of core/include/hil/program.h.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf


@dataclass
class BlockSpec:
    """A block to place. `inputs` and `outputs` are signal numbers, 0 = not wired; `config` has one sequence a field."""

    name: str
    type: str
    inputs: list[int]
    outputs: list[int]
    params: Sequence[float] = ()
    config: Sequence[Sequence[float]] = ()
    model_address: int = 0
    role: int = 0
    every: int = 1
    phase: int = 0
    owner: object = None
    """What `model_address` lies in, where the program has to keep it alive."""


@dataclass
class PathSpec:
    """What lies between a signal's producer (`raw`) and its readers (`signal`): faults, force, safety gate."""

    raw: int
    signal: int
    gated: bool = False
    safe_rate: bool = False
    lo: float = -inf
    hi: float = inf
    rate: float = inf
    safe: float = 0.0
    range_lo: float = -inf
    range_hi: float = inf


@dataclass
class TagSpec:
    """One value that crosses a role's boundary, with the register that carries it."""

    outer: int
    inner: int
    kind: int
    scale: float = 1.0
    offset: float = 0.0
    lo: float = -inf
    hi: float = inf
    start: float = 0.0
    max_age_ns: int = 0


@dataclass
class RoleSpec:
    """A boundary: inputs are what was published at tick k, outputs are latched at tick k + delay."""

    name: str
    inputs: list[TagSpec]
    outputs: list[TagSpec]
    every: int = 1
    phase: int = 0
    delay: int = 1
    binding: int = 0
    library_address: int = 0
    steps: int = 0


@dataclass
class Spec:
    """A whole program. `signals[0]` is the dummy; roles count from 1."""

    period_ns: int
    seed: int = 0
    signals: list[tuple[str, float]] = field(default_factory=lambda: [("", 0.0)])
    blocks: list[BlockSpec] = field(default_factory=list)
    paths: list[PathSpec] = field(default_factory=list)
    roles: list[RoleSpec] = field(default_factory=list)
    max_events: int = 64
    max_faults: int = 16
    fault_memory: int = 256

    def signal(self, name: str, start: float = 0.0) -> int:
        """Adds a signal and returns its number."""
        self.signals.append((name, start))
        return len(self.signals) - 1
