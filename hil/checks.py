"""What `hil check RIG` finds beyond mistakes: things that load, and yet cannot be meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from hil.blocks import block_types
from hil.bus_time import bus_plan
from hil.check_estimators import check_estimators, prompt_inputs
from hil.errors import HilError, RigError
from hil.iomap import IoTag
from hil.program import build_bench
from hil.rig.description import Block, Device, Rig, Signal
from hil.rig.estimators import OF_MODELS

RESOLUTION = 1000  # a range of fewer steps is coarse for a controller
SHARE = 0.8  # of a period that a bus may take


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        severity: "error": the bench cannot do what the rig says; "warning": it can, and hardly as meant.
        where: file and key, or file and tag.
        message: what was found.
        mend: what to do about it; empty where that is plain.
    """

    severity: str
    where: str
    message: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.severity}: {self.where}: {self.message}" + (f". {self.mend}" if self.mend else "")


def check_rig(rig: Rig) -> list[Finding]:
    """Everything found in a rig that loads, errors first."""
    found = [
        *(finding for device in rig.devices.values() for finding in _check_device(rig, device)),
        *_algebraic_loops(rig),
        *_unreachable(rig),
        *_unused_inputs(rig),
        *_commands_without_safe_value(rig),
        *_ages(rig),
        *_late_faults(rig),
        *_fmus(rig),
        *_programs(rig),
        *(Finding(*found) for found in check_estimators(rig)),
    ]
    found += _requirements(rig)
    if not any(finding.severity == "error" for finding in found):
        found += _refused(rig)
    return sorted(found, key=lambda finding: finding.severity != "error")


def _requirements(rig: Rig) -> Iterator[Finding]:
    from hil.requirements.in_rig import requirements_of

    try:
        requirements_of(rig)
    except HilError as error:
        yield Finding("error", error.where or "rig.toml", error.message, error.mend or "")


def _programs(rig: Rig) -> Iterator[Finding]:
    """Located variables of a PLC program that meet no tag: an input keeps its initial value."""
    for block in rig.blocks.values():
        if block.plc is None:
            continue
        where = f"rig.toml: roles.{block.role}.program = {', '.join(block.plc.files)}"
        mend = "Add a tag to the map, or name the variable in a tag's column variable"
        for variable in block.plc.unfed:
            yield Finding("warning", where, f"no tag feeds the input {variable}", mend)
        for variable in block.plc.unread:
            yield Finding("warning", where, f"no tag takes the output {variable}", mend)


def _refused(rig: Rig) -> Iterator[Finding]:
    """The first thing that the core refuses when it places the blocks. Plants' models are not compiled for it, FMUs not
    loaded: they come when the bench is built.
    """
    blocks = {n: b for n, b in rig.blocks.items() if not b.fmu and (not b.model or b.type in OF_MODELS)}
    try:
        build_bench(replace(rig, blocks=blocks), {})
    except RigError as error:
        yield Finding("error", error.where or "rig.toml", error.message, error.mend or "")


def _check_device(rig: Rig, device: Device) -> Iterator[Finding]:
    yield from _bus_time(device)
    if device.protocol != "modbus":
        return
    yield from _overlaps(device)
    for tag in device.tags:
        if not tag.wire_only:
            yield from _register_range(rig, device, tag)
    if not any(tag.heartbeat and tag.direction == "read" for tag in device.tags):
        yield Finding(
            "warning",
            device.map,
            "no heartbeat from the device: one that is stopped but still answers goes unseen",
            "Add a tag @heartbeat.in with direction read that the device counts up",
        )


def _overlaps(device: Device) -> Iterator[Finding]:
    """Two tags of one direction on the same bits; in registers of ours also one of each direction on the same one."""
    ours = device.side == "server" or device.firmware is not None
    for first, second in combinations(device.tags, 2):
        same_way = first.direction == second.direction
        if first.table != second.table or not (same_way or ours):
            continue
        shared = _addresses(first) & _addresses(second)
        if not shared or (same_way and _other_bits(first, second)):
            continue
        yield Finding(
            "error",
            f"{device.map}:{second.line}",
            f"{second.tag} overlaps {first.tag} at {first.place}",
            f"Move one of them; {first.tag} takes {len(_addresses(first))} from {first.address} on",
        )


def _addresses(tag: IoTag) -> set[int]:
    return set(range(tag.address, tag.address + tag.words))


def _other_bits(first: IoTag, second: IoTag) -> bool:
    return first.bit is not None and second.bit is not None and first.bit != second.bit


def _register_range(rig: Rig, device: Device, tag: IoTag) -> Iterator[Finding]:
    """Does the signal's range fit into the register, in steps that are fine enough?"""
    signal = rig.signals[tag.tag]
    wanted = signal.limits or signal.range
    if wanted is None or tag.type == "bool":
        return
    low, high = tag.value_range
    where, tol = f"{device.map}:{tag.line}", 1e-9 * (high - low if high - low < float("inf") else 0.0)
    if wanted[0] < low - tol or wanted[1] > high + tol:
        what = "limits" if signal.limits else "range"
        yield Finding(
            "error",
            where,
            f"{tag.tag}: {what} [{wanted[0]:g}, {wanted[1]:g}] do not fit {tag.type} * {tag.scale:g} + {tag.offset:g}, "
            f"which carries [{low:g}, {high:g}]",
            "Change scale, offset or type",
        )
    span = signal.range or wanted
    steps = (span[1] - span[0]) / abs(tag.scale)
    if not tag.type.startswith("float") and steps < RESOLUTION:
        yield Finding(
            "warning",
            where,
            f"{tag.tag}: its range has only {steps:.0f} steps of {abs(tag.scale):g} {signal.unit or ''}".rstrip(),
            f"Make the scale smaller for at least {RESOLUTION} steps",
        )


def _bus_time(device: Device) -> Iterator[Finding]:
    plan = bus_plan(device)
    if plan is None or plan.time_s <= SHARE * device.period_s:
        return
    yield Finding(
        "error" if plan.time_s > device.period_s else "warning",
        f"rig.toml: devices.{device.name}.period_s = {device.period_s:g}",
        f"an image needs about {plan.time_s * 1e3:.2f} ms of {device.period_s * 1e3:g} ms: {plan.text}",
        f"Raise period_s, {plan.mend}",
    )


def _algebraic_loops(rig: Rig) -> Iterator[Finding]:
    """Blocks that wait for each other within one tick. Roles break a loop, as their outputs come a tick later.

    Whether a model passes its inputs through is known only once it is compiled; here it is taken not to.
    """
    writers = {(b.role, wire.signal): b for b in rig.blocks.values() for wire in b.outputs}
    before = {
        b.name: [w.name for wire in prompt_inputs(b) if (w := writers.get((b.role, wire.signal))) is not None]
        for b in rig.blocks.values()
        if block_types()[b.type].feedthrough and b.type != "model"
    }
    for loop in _cycles(before):
        yield Finding(
            "error",
            f"rig.toml: blocks.{loop[0]}",
            f"algebraic loop through the blocks {' <- '.join([*loop, loop[0]])}",
            "Put a delay or an integrator into the loop",
        )


def _cycles(before: dict[str, list[str]]) -> Iterator[list[str]]:
    """One cycle for each group of nodes that lead to themselves."""
    done: set[str] = set()
    for start, first in before.items():
        trail: list[str] = [start]
        choices = [iter(first)]
        while choices and start not in done:
            following = next(choices[-1], None)
            if following is None:
                done.add(trail.pop())
                choices.pop()
            elif following in trail:
                cycle = trail[trail.index(following) :]
                done.update(trail)
                yield cycle
            elif following in before and following not in done:
                trail.append(following)
                choices.append(iter(before[following]))


def _unreachable(rig: Rig) -> Iterator[Finding]:
    """Blocks whose outputs lead to nothing that anybody sees."""
    useful = _seen_signals(rig)
    needed: set[str] = set()
    pending = [b for b in rig.blocks.values() if not b.constant and _writes(b) & useful]
    while pending:
        block = pending.pop()
        if block.name in needed:
            continue
        needed.add(block.name)
        inputs = {wire.signal for wire in block.inputs}
        pending += [b for b in rig.blocks.values() if b.name not in needed and _writes(b) & inputs]
    recorded = {state.rpartition(".")[0] for group in rig.record.values() for state in group.states}
    for block in rig.blocks.values():
        if block.name not in needed and block.name not in recorded and not block.constant:
            yield Finding(
                "warning",
                f"rig.toml: blocks.{block.name}",
                "its outputs lead to no declared signal, role or recording",
                "Wire an output, declare it in [signals], or remove the block",
            )


def _seen_signals(rig: Rig) -> set[str]:
    declared = {s.name for s in rig.signals.values() if s.declared}
    recorded = {name for group in rig.record.values() for name in group.signals}
    crossing = {tag.signal for role in rig.roles.values() for tag in (*role.inputs, *role.outputs)}
    return declared | recorded | crossing


def _writes(block: Block) -> set[str]:
    return {wire.signal for wire in block.outputs}


def _unused_inputs(rig: Rig) -> Iterator[Finding]:
    """Tags that go to a role whose simulated side does not read them; those of a program's variables wait for it."""
    for role in rig.roles.values():
        if not role.simulated:
            continue
        used = {wire.signal for block in rig.role_blocks(role.name) for wire in block.inputs}
        device = rig.devices.get(role.device or "")
        used |= {tag.tag for tag in device.tags if tag.variable} if device else set()
        for tag in role.inputs:
            if tag.signal not in used:
                yield Finding(
                    "warning",
                    f"rig.toml: roles.{role.name}.inputs",
                    f"no block of the role reads {tag.signal}",
                    "Use it, or take it out of the map",
                )


def _commands_without_safe_value(rig: Rig) -> Iterator[Finding]:
    """What a role commands and the bench acts on needs a value for the time when the role is gone.

    A role that takes commands (gated values) is the plant, as a board with heaters is: what it gives without limits of
    its own are measurements. A lost measurement is stale, and the bench's own gates see to what follows.
    """
    read = {wire.signal for block in rig.blocks.values() if block.role is None for wire in block.inputs}
    gated = {signal.name for signal in rig.signals.values() if signal.gated}
    for role in rig.roles.values():
        is_plant = any(tag.signal in gated for tag in role.inputs)
        for tag in role.outputs:
            signal = rig.signals[tag.signal]
            if signal.name not in read or (is_plant and not signal.gated):
                continue
            where = f'rig.toml: signals."{signal.name}"'
            if not signal.safe_given:
                yield Finding("warning", where, f"a command of role {role.name} without a safe value", "Add safe = ...")
            if signal.max_age_s is None:
                mend = "Add max_age_s, so that a silent role leads to the safe value"
                yield Finding("warning", where, f"a command of role {role.name} without a maximum age", mend)


def _ages(rig: Rig) -> Iterator[Finding]:
    """A maximum age that is shorter than the time between two values makes every value stale."""
    for role in rig.roles.values():
        device = rig.devices.get(role.device or "")
        between = max(role.every * rig.period_s, device.period_s if device else 0.0)
        for tag in role.outputs:
            age = rig.signals[tag.signal].max_age_s
            if age is not None and age <= between + role.delay_ticks * rig.period_s:
                yield Finding(
                    "error" if age <= between else "warning",
                    f'rig.toml: signals."{tag.signal}".max_age_s = {age:g}',
                    f"a new value comes every {between:g} s and {role.delay_ticks} ticks later",
                    f"Use at least {3 * between:g}, which allows for two lost images",
                )


def _late_faults(rig: Rig) -> Iterator[Finding]:
    """Faults of the rig file whose value alone would leave the equipment limits: they are refused when armed."""
    for number, fault in enumerate(rig.faults, 1):
        signal: Signal = rig.signals[fault.signal]
        if fault.kind == "stuck" and fault.values and signal.limits:
            low, high = signal.limits
            if not low <= fault.values[0] <= high:
                yield Finding(
                    "error",
                    f"rig.toml: faults[{number}]",
                    f"{fault} leaves the limits [{low:g}, {high:g}] of {fault.signal}",
                    "A fault may leave the range, never the limits",
                )


def _fmus(rig: Rig) -> Iterator[Finding]:
    """Each FMU is tried in a process of its own: does it start, and are its steps short enough?"""
    if any(block.fmu for block in rig.blocks.values()):
        from hil.fmi.load import check_fmus

        yield from (Finding(*found) for found in check_fmus(rig))


def summary(findings: list[Finding]) -> str:
    """One line: "2 errors, 1 warning"."""
    counts = [(sum(f.severity == kind for f in findings), kind) for kind in ("error", "warning")]
    return re.sub(r"\b1 (\w+)s\b", r"1 \1", ", ".join(f"{n} {kind}s" for n, kind in counts))
