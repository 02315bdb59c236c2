"""An estimator alone in a program, its inputs latched from outside in each tick; and the filter in plain NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from hil import _core
from hil.spec import BlockSpec, RoleSpec, Spec, TagSpec

EXTERNAL, FLOAT64 = 1, 8
TYPES = {t["name"]: t for t in _core.block_types()}
Vector = NDArray[np.float64]


class Alone:
    """One block of a type behind an external role; configuration by name, matrices row after row."""

    def __init__(
        self,
        kind: str,
        n_in: int,
        n_out: int,
        dt_ns: int = 10_000_000,
        model: Any = None,
        max_age_ns: int = 0,
        **config: Any,
    ) -> None:
        spec = Spec(period_ns=dt_ns)
        tags = [
            TagSpec(spec.signal(f"in{i}"), spec.signal(f"in{i}.inner"), FLOAT64, max_age_ns=max_age_ns)
            for i in range(n_in)
        ]
        self.out = [spec.signal(f"out{i}") for i in range(n_out)]
        fields = [self._field(c, config) for c in TYPES[kind]["config"]]
        params, address = (list(model.p0), model.address) if model else ([], 0)
        spec.blocks.append(BlockSpec("it", kind, [t.outer for t in tags], self.out, params, fields, address))
        spec.roles.append(RoleSpec("outside", [], tags, binding=EXTERNAL))
        self.model = model  # kept alive
        self.dt_ns, self.n_in, self.n_out = dt_ns, n_in, n_out
        self.program = _core.Program(spec)
        self.restart()

    @staticmethod
    def _field(field: Any, config: dict[str, Any]) -> list[float]:
        preset = [field["preset"]] if field["min_n"] == field["max_n"] == 1 else []
        return [float(v) for v in np.ravel(config.get(field["name"], preset))]

    def restart(self) -> None:
        """Back to before the first sample."""
        self.state = _core.State(self.program)
        self.k = 0

    def step(self, inputs: ArrayLike) -> Vector:
        """One tick with these inputs; its outputs."""
        values = np.asarray(inputs, dtype=float)
        assert values.shape == (self.n_in,)
        self.state.latch(1, values.tobytes(), self.k * self.dt_ns)
        return self.hold()

    def hold(self) -> Vector:
        """One tick with the inputs of the last one: stale, if `max_age_ns` is less than a tick. Its outputs."""
        self.state.run(1)
        self.k += 1
        return np.array([self.state.get(self.program.offset_value(i)) for i in self.out])

    def run(self, rows: Sequence[ArrayLike]) -> Vector:
        """A tick for each row; outputs by row."""
        return np.array([self.step(row) for row in rows])

    def statuses(self) -> list[int]:
        """Status of each output after the last tick."""
        return [self.state.get_byte(self.program.offset_status(i)) for i in self.out]

    def memory(self) -> Vector:
        """The block's whole state."""
        at, n = self.program.offset_mem(0), self.program.block_n_state(0)
        return np.array([self.state.get(at + 8 * i) for i in range(n)])


@pytest.fixture(scope="session")
def alone() -> Callable[..., Alone]:
    return Alone
