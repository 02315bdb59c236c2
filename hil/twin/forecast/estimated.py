"""What an observer of the bench knows of the plant now, as a belief to draw from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hil.bench import Bench
from hil.built import Built
from hil.errors import BenchError
from hil.estimation.covariance import why_no_covariance
from hil.fork import Fork
from hil.models import CompiledModel
from hil.nearest import did_you_mean
from hil.rig import Block
from hil.spec import BlockSpec
from hil.twin.forecast.belief import Belief

Floats = npt.NDArray[np.float64]
STEP = 1e-4  # of a standard deviation: differences of a step of the model


class _Filter(NamedTuple):
    """Where an ekf or ukf keeps what it knows (core/src/blocks/of_model.h)."""

    block: Block
    spec: BlockSpec
    model: CompiledModel
    states: list[str]


def estimated(start: Bench | Fork, observer: str, block: str, *, noise: bool = False) -> Belief:
    """The observer's estimate with its whole covariance, taken to the next tick, under the plant's names.

    A state or parameter of the observer counts when the block has one of that name. Between its last sample and the
    next tick the observer's own model leads, with the input that acts and the process noise of that time (to first
    order).

    Args:
        start: a bench or a fork.
        observer: name of an `ekf` or `ukf` among the bench's own blocks.
        block: name of the plant's model.
        noise: the observer's Q goes on in the forecast, as it says that its model knows no better. Not for a plant that
            has blocks for that noise.

    Raises:
        BenchError: there is no such observer or block, it has not begun or is not finite, or they share no name.
    """
    fork = start.fork() if isinstance(start, Bench) else start
    built = fork.bench.built
    found = _filter(fork, observer)
    known = {name: f"{block}.{name}" for name in found.states}
    kept = [i for i, name in enumerate(found.states) if known[name] in built.states or known[name] in built.params]
    if not kept:
        mend = did_you_mean(block, fork.bench.rig.blocks)
        raise BenchError(f"{block} has none of {', '.join(found.states)} of {observer}", where="observer", mend=mend)
    x, P, Q = _now(fork, found)
    names = tuple(known[found.states[i]] for i in kept)
    sample_s = found.block.every * fork.bench.period_s
    return Belief(names, x[kept], P[np.ix_(kept, kept)], Q[np.ix_(kept, kept)] if noise else None, sample_s)


def _filter(fork: Fork, observer: str) -> _Filter:
    rig, built = fork.bench.rig, fork.bench.built
    block = rig.blocks.get(observer)
    if block is None or block.type not in ("ekf", "ukf") or block.role is not None:
        there = [b.name for b in rig.blocks.values() if b.type in ("ekf", "ukf") and b.role is None]
        mend = did_you_mean(observer, there) if there else "Add a block ekf (docs/estimators.md)"
        raise BenchError(f"'{observer}' is no ekf or ukf of the bench", where=rig.name, mend=mend)
    assert built.spec is not None
    spec = next(b for b in built.spec.blocks if b.name == observer)
    models = [m for m in built.models if isinstance(m, CompiledModel) and m.address == spec.model_address]
    states = [wire.port[2:] for wire in block.outputs if wire.port.startswith("x.")]
    return _Filter(block, spec, models[0], states)


def _now(fork: Fork, found: _Filter) -> tuple[Floats, Floats, Floats]:
    """Estimate and covariance at the next tick; process noise of a sample."""
    built, name, n = fork.bench.built, found.block.name, len(found.states)
    if fork.state.get(built.states[f"{name}.started"]) == 0.0:
        raise BenchError(f"{name} has not had a measurement yet", mend="Run the bench first")
    n_u, triangle = len(found.model.u), n * (n + 1) // 2
    kept = np.array([fork.state.get(built.states[f"{name}.state{i}"]) for i in range(n_u + n + 2 * triangle)])
    u, x, packed, noise = np.split(kept, np.cumsum([n_u, n, triangle]))
    P, Q = _full(packed, n), _full(noise, n)
    if found.block.type == "ukf":  # its triangles are roots
        P, Q = np.tril(P) @ np.tril(P).T, np.tril(Q) @ np.tril(Q).T
    why = why_no_covariance(P, found.states) if np.isfinite(kept).all() else "is not finite"
    if why:
        raise BenchError(f"the covariance of {name} {why}")
    return *_ahead(fork, found, u, x, P, Q), Q


def _ahead(fork: Fork, found: _Filter, u: Floats, x: Floats, P: Floats, Q: Floats) -> tuple[Floats, Floats]:
    every, phase = found.block.every, found.block.phase
    sampled = (fork.state.tick - 1 - phase) // every * every + phase
    ticks = fork.state.tick - sampled
    p = _parameters(fork.bench.built, fork, found)
    dt_s = ticks * fork.bench.period_s
    F = np.empty((len(x), len(x)))
    for i, deviation in enumerate(np.sqrt(np.diag(P))):
        change = np.zeros(len(x))
        change[i] = STEP * deviation or STEP * max(1.0, abs(x[i]))
        after, before = (found.model.step(x + sign * change, u, p, dt_s, ticks) for sign in (1.0, -1.0))
        F[:, i] = (after - before) / (2.0 * change[i])
    P = F @ P @ F.T + Q * (ticks / every)
    return found.model.step(x, u, p, dt_s, ticks), (P + P.T) / 2.0


def _parameters(built: Built, fork: Fork, found: _Filter) -> Floats:
    return np.array([fork.state.get(built.params[f"{found.block.name}.{p.name}"]) for p in found.model.p])


def _full(packed: Floats, n: int) -> Floats:
    """A symmetric matrix of its lower triangle, row after row."""
    full = np.zeros((n, n))
    full[np.tril_indices(n)] = packed
    return full + np.tril(full, -1).T
