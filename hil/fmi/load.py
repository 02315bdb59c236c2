"""From a block of a rig to an opened FMU: what of it is used, and whether it is fast enough here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from hil._fmu import Fmu
from hil.errors import BenchError, HilError, RigError
from hil.fmi.describe import FmuInfo, describe
from hil.fmi.opening import COPIES, SAVES, Chosen, Opening
from hil.fmi.trial import Found, host_command, try_out
from hil.rig.description import Block, FmuRef, Rig

SOCKET_STEPS = 100
SHARE = 0.5  # of a block's period that its FMU's longest step may take before we warn


@dataclass(frozen=True)
class LoadedFmu:
    """An FMU that was tried and opened; it lives as long as the programs that use it.

    Attributes:
        block: name of its block.
        ref: what the rig says of it.
        info: what it says of itself.
        found: what its trial found.
        opening: what was opened.
        fmu: the opened one.
        dt_s: time between two of its steps.
    """

    block: str
    ref: FmuRef
    info: FmuInfo
    found: Found
    opening: Opening
    fmu: Fmu
    dt_s: float

    @property
    def opaque(self) -> str:
        """Why its state cannot be saved, "" when it can."""
        return "" if self.opening.abilities & SAVES else f"its state cannot be saved ({self.found.state})"

    @property
    def single(self) -> str:
        """Why there can be no copy of it beside it, "" when there can."""
        once = "it can be instantiated only once in a process" if not self.opening.abilities & COPIES else ""
        return self.opaque or once

    def facts(self) -> dict[str, object]:
        """For the manifest of a recording."""
        return {
            "file": self.ref.file,
            "sha256": self.ref.sha256,
            "fmi": self.info.version,
            "tool": self.info.tool,
            "isolated": self.ref.isolate,
            "opaque": self.opaque or self.single,
            "step_ns": {"median": self.found.median_ns, "worst": self.found.worst_ns, "steps": self.found.steps},
        }


def where_of(block: str) -> str:
    """File and key of a block's FMU, for messages."""
    return f"rig.toml: blocks.{block}.fmu"


def load_fmu(block: Block, folder: Path, dt_s: float) -> LoadedFmu:
    """Describe, try and open the FMU of a block.

    Raises:
        RigError: it cannot be used; see `hil.fmi.describe` and `hil.fmi.trial`.
    """
    ref = block.fmu
    assert ref is not None
    info = describe(folder / ref.file, ref.sha256)
    opening = _opening(block, ref, info)
    params = tuple(block.params.values())
    inputs = tuple(info.variables[wire.port].value for wire in block.inputs)
    found = try_out(opening, dt_s, params, inputs, where_of(block.name))
    if found.state:
        opening = replace(opening, abilities=0)
    if ref.isolate:
        opening = replace(opening, host=host_command(opening), timeout_ms=max(1, round(ref.timeout_s * 1e3)))
    try:
        fmu = Fmu(opening)
        found = _over_the_socket(fmu, found, dt_s, params, inputs) if ref.isolate else found
    except BenchError as error:
        raise RigError(f"the FMU cannot be opened: {error.message}", where=where_of(block.name)) from error
    return LoadedFmu(block.name, ref, info, found, opening, fmu, dt_s)


def _over_the_socket(
    fmu: Fmu, found: Found, dt_s: float, params: tuple[float, ...], inputs: tuple[float, ...]
) -> Found:
    """The same trial with the time that the way to its process and back takes."""
    fmu.start(params)
    times = sorted(fmu.measure(inputs, dt_s, SOCKET_STEPS, 100_000_000)[1:])
    fmu.end()
    return replace(found, worst_ns=times[-1], median_ns=times[len(times) // 2], steps=len(times)) if times else found


def _opening(block: Block, ref: FmuRef, info: FmuInfo) -> Opening:
    """The chosen variables by their numbers."""

    def chosen(name: str) -> Chosen:
        variable = info.variables[name]
        assert variable.type is not None  # hil.rig.fmu_blocks refuses the others
        return variable.reference, variable.type

    abilities = info.abilities | (COPIES if ref.isolate and info.abilities & SAVES else 0)
    opening = Opening(
        library=str(info.library),
        name=block.name,
        token=info.token,
        resources=info.resources,
        version=info.version,
        inputs=tuple(chosen(wire.port) for wire in block.inputs),
        outputs=tuple(chosen(wire.port) for wire in block.outputs),
        params=tuple((chosen(name), *info.variables[name].range) for name in block.params),
        starts=tuple((chosen(name), value) for name, value in ref.start.items()),
        tolerance=info.tolerance,
        abilities=abilities,
    )
    return replace(opening, hash=_hash(ref, opening))


def _hash(ref: FmuRef, o: Opening) -> int:
    """Over what decides its numbers; where it is unpacked and whether it is isolated do not."""
    text = json.dumps([ref.sha256, o.inputs, o.outputs, o.params, o.starts, o.tolerance])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


# ---- time ----


def too_slow(fmu: LoadedFmu) -> tuple[str, str] | None:
    """(severity, why) when its steps take too much of their period: "error" when most of them do, else "warning"."""
    period_ns = fmu.dt_s * 1e9
    times = f"a step takes {fmu.found.median_ns / 1e3:.1f} us, at worst {fmu.found.worst_ns / 1e3:.1f} us"
    if fmu.found.median_ns > period_ns:
        return "error", f"{times}: longer than its period of {period_ns / 1e3:g} us"
    if fmu.found.worst_ns > SHARE * period_ns:
        return "warning", f"{times}: more than half of its period of {period_ns / 1e3:g} us"
    return None


def check_fmus(rig: Rig) -> Iterator[tuple[str, str, str, str]]:
    """(severity, where, message, mend) of what a trial of each FMU of a rig finds."""
    for block in rig.blocks.values():
        if block.fmu is None:
            continue
        try:
            loaded = load_fmu(block, rig.folder or Path(), rig.period_s * block.every)
        except HilError as error:
            yield "error", error.where or where_of(block.name), error.message, error.mend or ""
            continue
        slow = too_slow(loaded)
        if slow is not None:
            yield slow[0], where_of(block.name), slow[1], "Give the block every = ..., or a larger period"


# ---- copies ----


def refuse_opaque(fmus: tuple[LoadedFmu, ...], what: str, *, copies: bool) -> None:
    """Refuse what needs the state of every FMU.

    Args:
        fmus: of the bench.
        what: "snapshot", "fork", "batch" ...
        copies: a second instance is needed as well.

    Raises:
        BenchError: names the first FMU that keeps its state to itself.
    """
    for fmu in fmus:
        why = fmu.single if copies else fmu.opaque
        if why:
            raise BenchError(
                f"no {what} of this bench: {why}",
                where=f"{where_of(fmu.block)} = {fmu.ref.file}",
                mend="Use an FMU that can get, set and serialise its state"
                + (", or isolate = true" if not fmu.opaque else ""),
            )
