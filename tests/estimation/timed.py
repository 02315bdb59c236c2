"""An estimator whose measurements come each from a source of its own, with a time, behind a role of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hil import _core
from hil.spec import BlockSpec, RoleSpec, Spec, TagSpec

EXTERNAL, FLOAT64 = 1, 8
TYPES = {t["name"]: t for t in _core.block_types()}
COUNTERS = ("late", "duplicate", "too_old", "future")
Vector = NDArray[np.float64]


class Timed:
    """One block of a type; `step` latches the inputs as of now, each measurement with the time that comes with it."""

    def __init__(self, kind: str, n_u: int, m: int, n_out: int, dt_ns: int, model: Any = None, **config: Any) -> None:
        spec = Spec(period_ns=dt_ns)
        tags = [TagSpec(spec.signal(f"in{i}"), spec.signal(f"in{i}.inner"), FLOAT64) for i in range(n_u + m)]
        self.out = [spec.signal(f"out{i}") for i in range(n_out)]
        fields = [
            [float(v) for v in np.ravel(config.get(f["name"], [f["preset"]] if f["min_n"] == f["max_n"] == 1 else []))]
            for f in TYPES[kind]["config"]
        ]
        params, address = (list(model.p0), model.address) if model else ([], 0)
        spec.blocks.append(BlockSpec("it", kind, [t.outer for t in tags], self.out, params, fields, address))
        spec.roles.append(RoleSpec("inputs", [], tags[:n_u], binding=EXTERNAL))
        spec.roles += [RoleSpec(f"y{i}", [], [t], binding=EXTERNAL) for i, t in enumerate(tags[n_u:])]
        self.model, self.kind = model, kind  # the model is kept alive
        self.n_u, self.m, self.dt_ns, self.n_out = n_u, m, dt_ns, n_out
        self.program = _core.Program(spec)
        self.state = _core.State(self.program)

    def step(self, u: ArrayLike, ys: dict[int, tuple[float, int]]) -> Vector:
        """One tick: u of now, {channel: (value, source time in ns)} of what has come; all others hold. Its outputs."""
        values = np.asarray(u, dtype=float)
        self.state.latch(1, values.tobytes(), self.state.tick * self.dt_ns)
        for channel, (value, time_ns) in ys.items():
            self.state.latch(2 + channel, np.array([float(value)]).tobytes(), time_ns)
        self.state.run(1)
        return np.array([self.state.get(self.program.offset_value(i)) for i in self.out])

    def memory(self) -> Vector:
        """The block's whole state."""
        at, n = self.program.offset_mem(0), self.program.block_n_state(0)
        return np.array([self.state.get(at + 8 * i) for i in range(n)])

    def counters(self, before: int) -> dict[str, int]:
        """What the ring has counted; `before`: doubles of the state before the ring."""
        return dict(zip(COUNTERS, (int(v) for v in self.memory()[before + 2 : before + 6]), strict=True))
