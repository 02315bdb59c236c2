"""A cart-pole bench from the core's own parts, and the same loop by hand (yardsticks/cart_pole_loop.c)."""

from __future__ import annotations

import ctypes
import struct
import time
from typing import Any

import yardstick

from hil import _core
from hil.latency.cart_pole import START, CartPole
from hil.models import compile_model
from hil.spec import BlockSpec, PathSpec, Spec

SEED = 1
RECORDED = ("position", "v", "angle", "omega", "position.raw", "angle.raw", "wanted", "force")
CHUNK = 1000  # ticks of a chunk: short, see hil/latency/quickest.py; the ring is drained between chunks
FAULT_EVENT, BIAS = 4, 1


class CartPoleBench:
    """The closed loop: plant, two noises, two measured signals with (idle) fault paths, state feedback, limit.

    With `gated`, the force passes a safety gate as an output of a rig does. `waste` adds blocks that nobody reads.
    """

    def __init__(self, *, gated: bool = False, waste: int = 0, period_ns: int = 1_000_000) -> None:
        self.spec = Spec(period_ns=period_ns, seed=SEED)
        self.numbers: dict[str, int] = {}
        model = compile_model(CartPole)
        states = ["x", "v", "theta", "omega"]
        force = ["force" if gated else "wanted"]
        self._block("plant", "model", force, states, list(model.p0), [[1.0], []], model_address=model.address)
        for name, state in (("position", "x"), ("angle", "theta")):
            self._block(f"noise.{name}", "noise", [], [f"n.{name}"], [0.0, 1e-4], [[0.0]])
            self._block(f"sensor.{name}", "sum", [state, f"n.{name}"], [f"{name}.raw"], config=[[]])
            self._path(f"{name}.raw", name)
        gains = {"position": 1.0, "v": 2.0, "angle": 40.0, "omega": 4.0}
        self._block("feedback", "weighted_sum", list(gains), ["u"], config=[list(gains.values())])
        self._block("limit", "limit", ["u"], ["wanted"], [-20.0, 20.0])
        self._signal("force")
        if gated:
            self._path("wanted", "force", gated=True, lo=-25.0, hi=25.0, rate=1e6, range_lo=-22.0, range_hi=22.0)
        for i in range(waste):
            self._block(f"waste{i}", "gain", ["angle"], [f"waste{i}"], [1.0, 0.0])
        self.program = _core.Program(self.spec)

    def _signal(self, name: str) -> int:
        if name not in self.numbers:
            self.numbers[name] = self.spec.signal(name)
        return self.numbers[name]

    def _block(
        self,
        name: str,
        kind: str,
        inputs: list[str],
        outputs: list[str],
        params: list[float] | None = None,
        config: list[list[float]] | None = None,
        model_address: int = 0,
    ) -> None:
        reads, writes = [self._signal(s) for s in inputs], [self._signal(s) for s in outputs]
        block = BlockSpec(name, kind, reads, writes, params or [], config or [], model_address)
        self.spec.blocks.append(block)

    def _path(self, raw: str, signal: str, **gate: Any) -> None:
        self.spec.paths.append(PathSpec(self._signal(raw), self._signal(signal), **gate))

    def plant_state(self, state: _core.State) -> bytes:
        """The bits of the plant's four states."""
        at = self.program.offset_mem(0)
        return struct.pack("4d", *(state.get(at + 8 * i) for i in range(4)))

    def run_bare(self, ticks: int) -> tuple[float, bytes]:
        """Nanoseconds a tick of State.run in its quickest chunk, and the plant's final bits."""
        state, quickest = _core.State(self.program), float("inf")
        for done in range(0, ticks, CHUNK):
            chunk = min(CHUNK, ticks - done)
            start = time.perf_counter_ns()
            state.run(chunk)
            quickest = min(quickest, (time.perf_counter_ns() - start) / chunk)
        return quickest, self.plant_state(state)

    def run_recorded(self, ticks: int, *, not_good: bool = False) -> tuple[float, bytes]:
        """The same of Loop.run that records 8 signals. `not_good`: a fault without effect keeps statuses moving."""
        state = _core.State(self.program)
        if not_good:
            assert state.push(struct.pack("<QIIIIQ4d", 0, FAULT_EVENT, 0, 1, BIAS, 2**64 - 1, 0.0, 0.0, 0.0, 0.0)) == 0
        values = [(self.program.offset_value(self.numbers[n]), 1) for n in RECORDED]
        statuses = [self.program.offset_status(self.numbers[n]) for n in RECORDED]
        loop = _core.Loop(state, groups=[(1, values, statuses)])
        done = rows = 0
        quickest = float("inf")
        while done < ticks:
            start = time.perf_counter_ns()
            ran = loop.run(min(CHUNK, ticks - done))
            quickest = min(quickest, (time.perf_counter_ns() - start) / max(1, ran))
            done += ran
            rows += len(_core.unpack_samples(loop.read_samples(), 0, len(RECORDED), len(RECORDED))[0])
            loop.read_inputs()
        assert rows == ticks  # nothing was left out to be fast
        assert bool(state.alert) == not_good
        return quickest, self.plant_state(state)


def by_hand(name: str = "cart_pole_loop") -> Any:
    """run(ticks) -> (nanoseconds a tick in its quickest chunk, final bits) of the hand-written loop."""
    library = ctypes.CDLL(str(yardstick.build(name)))
    library.cart_pole_run.argtypes = [ctypes.c_void_p, *[ctypes.c_uint64] * 3]
    library.cart_pole_run.restype = None

    def run(ticks: int) -> tuple[float, bytes]:
        x, quickest = (ctypes.c_double * 4)(*START), float("inf")
        for done in range(0, ticks, CHUNK):
            chunk = min(CHUNK, ticks - done)
            start = time.perf_counter_ns()
            library.cart_pole_run(x, SEED, done, chunk)
            quickest = min(quickest, (time.perf_counter_ns() - start) / chunk)
        return quickest, bytes(x)

    return run
