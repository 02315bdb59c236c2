"""A tiny bench by hand: programs straight from hil.spec, without a rig file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from hil import _core
from hil.spec import BlockSpec, PathSpec, RoleSpec, Spec

TYPES = {t["name"]: t for t in _core.block_types()}


class Bench:
    """Signals and blocks by name; `start()` gives a state."""

    def __init__(self, period_ns: int = 1_000_000, **kw: Any) -> None:
        self.spec = Spec(period_ns=period_ns, **kw)
        self.numbers: dict[str, int] = {}

    def signal(self, name: str, start: float = 0.0) -> int:
        if name not in self.numbers:
            self.numbers[name] = self.spec.signal(name, start)
        return self.numbers[name]

    def block(
        self, name: str, type_: str, inputs: Sequence[str] = (), outputs: Sequence[str] = (), **options: Any
    ) -> None:
        kind = TYPES[type_]
        params = [float(options.pop(p["name"], p["preset"])) for p in kind["params"]]
        config = [options.pop(c["name"], None) or ([] if c["min_n"] != 1 else [c["preset"]]) for c in kind["config"]]
        self.spec.blocks.append(
            BlockSpec(
                name,
                type_,
                [self.signal(i) if i else 0 for i in inputs],
                [self.signal(o) for o in outputs],
                params,
                config,
                **options,
            )
        )

    def path(self, signal: str, **gate: Any) -> int:
        """Puts a path in front of `signal`; its producer has to write `<signal>.raw`."""
        start = gate.pop("start", 0.0)
        raw, number = self.signal(signal + ".raw", start), self.signal(signal, start)
        self.spec.paths.append(PathSpec(raw, number, **gate))
        return len(self.spec.paths) - 1

    def role(self, *args: Any, **kw: Any) -> int:
        self.spec.roles.append(RoleSpec(*args, **kw))
        return len(self.spec.roles)

    def start(self) -> _core.State:
        self.program = _core.Program(self.spec)
        return _core.State(self.program)

    def get(self, state: _core.State, name: str) -> float:
        return state.get(self.program.offset_value(self.numbers[name]))

    def status(self, state: _core.State, name: str) -> int:
        return state.get_byte(self.program.offset_status(self.numbers[name]))

    def loop(self, state: _core.State, names: Sequence[str], **kw: Any) -> _core.Loop:
        """A loop that records these signals, one run each."""
        numbers = [self.numbers[n] for n in names]
        runs = [(self.program.offset_value(n), 1) for n in numbers]
        return _core.Loop(state, groups=[(1, runs, [self.program.offset_status(n) for n in numbers])], **kw)


@pytest.fixture
def hand_bench() -> type[Bench]:
    return Bench
