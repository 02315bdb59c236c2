"""From measured data into the future: a bench that data led cannot run on without data, its twin with a plant can.

`hil twin run --source` plays measured signals in place of the plant's. A forecast begins where that bench is, with the
plant's block back in its place: states, parameters and signals are carried over by name, the plant then begins from the
observer's belief (`estimated`) with the observer's parameters, and what acts on it from outside (the room) stays as the
observer last saw it.
"""

from __future__ import annotations

import math

import numpy as np

from hil.bench import Bench
from hil.errors import BenchError
from hil.events import EventKind, encode
from hil.fork import Fork


def carried(played: Bench | Fork, onto: Bench, observer: str, block: str) -> Fork:
    """A fork of `onto` at the time and with the values of `played`.

    Values that a role had on their way begin anew, as of a controller behind a wire.

    Args:
        played: of the same rig, its measured signals played by a series.
        onto: a bench of the rig at its first tick, all roles simulated.
        observer, block: as `estimated` takes them.

    Raises:
        BenchError: their base periods differ.
    """
    source = played.fork() if isinstance(played, Bench) else played
    if source.bench.rig.period_ns != onto.rig.period_ns:
        raise BenchError("the played bench has another base period", where=onto.rig.name)
    fork = onto.fork()
    here, there = _places(onto), _places(source.bench)
    state = bytearray(fork.state.snapshot())
    for name in here.keys() & there.keys():
        value = source.state.get(there[name])
        state[here[name] : here[name] + 8] = np.float64(value).tobytes()
    for name in onto.rig.blocks[block].params:  # the plant that was not there is the one that the observer believes in
        if f"{observer}.{name}" in there and f"{block}.{name}" in here:
            value, place = source.state.get(there[f"{observer}.{name}"]), here[f"{block}.{name}"]
            state[place : place + 8] = np.float64(value).tobytes()
    fork.state.restore(bytes(state))
    fork.state.skip(source.state.tick - fork.state.tick)
    for signal, value in _outside(source, observer, block).items():
        if signal in onto.built.paths and math.isfinite(value):
            fork.state.push(encode(EventKind.FORCE, target=onto.built.paths[signal], values=[value]))
    return fork


def _places(bench: Bench) -> dict[str, int]:
    """Byte offsets of all that is carried."""
    built = bench.built
    signals = {name: built.program.offset_value(number) for name, number in built.numbers.items() if number}
    return {**built.params, **built.states, **signals}


def _outside(source: Fork, observer: str, block: str) -> dict[str, float]:
    """Signals that act on the plant and come from no role, with the value that the observer has of them."""
    rig = source.bench.rig
    by_roles = {tag.signal.removesuffix(".simulated") for role in rig.roles.values() for tag in role.outputs}
    seen = {wire.port: wire.signal for wire in rig.blocks[observer].inputs}
    found = {}
    for wire in rig.blocks[block].inputs:
        if wire.port in seen and wire.signal not in by_roles:
            found[wire.signal] = source[seen[wire.port]]
    return found
