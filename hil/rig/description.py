"""What a rig is once its file is read: every default filled in, every name resolved, nothing left to look up.

Numbers are SI or in the signal's unit. An absent limit is None. `Rig.to_dict` and `Rig.from_dict` carry a rig through a
recording, so that it can be run again without the folder that it came from.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import TypeAdapter, ValidationError

from hil.errors import RigError
from hil.faults import FaultSpec
from hil.iomap import IoTag
from hil.rig.expectation import Expectation

Range = tuple[float, float]


@dataclass(frozen=True)
class Loop:
    """How the loop runs in real time."""

    overrun: str = "count"
    grace_ticks: int = 100
    max_catch_up: int = 10
    priority: int = 80
    cpu: int | None = None
    spin_us: float = 0.0


@dataclass(frozen=True)
class Signal:
    """A named value.

    Attributes:
        unit: None: not known, "1": a plain number or logic value.
        declared: stands in [signals] or in an I/O map.
        producer: name of the block or role that writes it.
        role: the role that it is internal to; None: a signal of the bench.
        range: [low, high] of expected values: checked, never enforced.
        limits: [low, high] of the equipment: enforced by the gate.
        rate_limit: largest change in a second: enforced by the gate.
        safe: value of the safe state (of a gated signal: given, or else the value within limits nearest to 0).
        start: value before the first tick.
        path: has a path: faults and forces can act on it.
        gated: has a safety gate.
        safe_given: the rig names the safe value.
    """

    name: str
    unit: str | None = None
    declared: bool = False
    producer: str | None = None
    role: str | None = None
    range: Range | None = None
    limits: Range | None = None
    rate_limit: float | None = None
    safe: float = 0.0
    safe_given: bool = False
    safe_rate: bool = False
    start: float = 0.0
    max_age_s: float | None = None
    description: str = ""
    setpoint_of: str | None = None
    record: bool = False
    path: bool = False
    gated: bool = False


@dataclass(frozen=True)
class ModelRef:
    """A model class, or a C source, which has no class: `file` is relative to the rig's folder.

    Attributes:
        outputs: in an estimator those of the model's outputs that are measured; None: all.
        estimate: parameters that are states of an estimator, behind the model's own.
    """

    file: str
    class_name: str
    method: str = "rk4"
    substeps: int = 1
    outputs: tuple[str, ...] | None = None
    estimate: tuple[str, ...] = ()


@dataclass(frozen=True)
class FmuRef:
    """An FMU: `file` is relative to the rig's folder.

    Attributes:
        sha256: of the file.
        start: what its variables start with, where that is not the FMU's own value.
        isolate: it lives in a process of its own.
        timeout_s: longest wait for that process.
    """

    file: str
    sha256: str
    start: dict[str, float | str] = field(default_factory=dict)
    isolate: bool = False
    timeout_s: float = 1.0


@dataclass(frozen=True)
class PlcRef:
    """A PLC program: `files` are relative to the rig's folder.

    Attributes:
        watch: variables that are outputs of the block, behind the located ones.
        inputs: types of the located inputs by name, in the order of the program: %I, then %M.
        outputs: the same of %Q.
        memory: names of %M, which are outputs behind %Q as well.
        unfed: located inputs that nothing writes.
        unread: located outputs that nothing takes.
        coverage: counts which of its statements and branches it reaches.
    """

    files: tuple[str, ...]
    watch: tuple[str, ...] = ()
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    memory: tuple[str, ...] = ()
    unfed: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    coverage: bool = False


@dataclass(frozen=True)
class Wire:
    """A port and the signal on it. A variadic port stands once for each of its signals."""

    port: str
    signal: str


@dataclass(frozen=True)
class Block:
    """A placed block.

    Attributes:
        type: block type of the core; "model" for a compiled model, "fmu" for an FMU, "plc" for a PLC program.
        role: the role whose simulated side it belongs to; a signal that it writes is then the role's own slot.
        inputs: wired inputs, in the order of the type's ports. A port that is not wired has no entry.
        outputs: all outputs, in the order of the type's ports.
        params: all parameters by name, in the order of the type or model.
        config: the given configuration by name; each an array. What is missing has its preset.
        constant: stands for a number that was written in place of a signal.
    """

    name: str
    type: str
    inputs: tuple[Wire, ...]
    outputs: tuple[Wire, ...]
    params: dict[str, float]
    config: dict[str, tuple[float, ...]]
    model: ModelRef | None = None
    fmu: FmuRef | None = None
    plc: PlcRef | None = None
    role: str | None = None
    every: int = 1
    phase: int = 0
    constant: bool = False


@dataclass(frozen=True)
class RoleTag:
    """One value that crosses a role's boundary, with the register that carries it (a float64 where there is no wire).

    Attributes:
        kind: number of the register's type (enum hil_codec_kind).
        low: smallest value that is encoded; None: no limit. From the signal's limits.
        start: role outputs: value until the first image.
        max_age_s: role outputs: older is stale; None: never.
    """

    signal: str
    kind: int = 8
    scale: float = 1.0
    offset: float = 0.0
    low: float | None = None
    high: float | None = None
    start: float = 0.0
    max_age_s: float | None = None

    @property
    def bounds(self) -> tuple[float, float]:
        """`low` and `high` as a codec has them: infinite where there is no limit."""
        return -math.inf if self.low is None else self.low, math.inf if self.high is None else self.high


@dataclass(frozen=True)
class Role:
    """A boundary: it reads `inputs` as published at tick k; its `outputs` are latched at tick k + delay_ticks.

    `binding` is the default level in real and lock-step time: "mil", "sil", "pil" or "hil". `device` is its outer side.
    `controller` is what its simulated side is: "blocks", or "program" (one block of type "plc").
    """

    name: str
    inputs: tuple[RoleTag, ...]
    outputs: tuple[RoleTag, ...]
    every: int = 1
    phase: int = 0
    delay_ticks: int = 1
    binding: str = "mil"
    device: str | None = None
    simulated: bool = True
    controller: str = "blocks"


@dataclass(frozen=True)
class Instrument:
    """An instrument on VISA, a part of a device's outer side.

    Attributes:
        model: name of its dialect, or the dialect's file beside the rig.
        dialect: text of the dialect's file.
        outputs: signal by output of the model.
        readings: signal by reading of the model.
        limits: by output of the model; nothing beyond is sent. The rig's, at most as wide as the signals' own.
    """

    name: str
    resource: str
    model: str
    dialect: str
    channel: int
    outputs: dict[str, str]
    readings: dict[str, str]
    limits: dict[str, Range]
    period_s: float
    timeout_s: float
    give_up_s: float
    watchdog_s: float | None = None


@dataclass(frozen=True)
class Device:
    """The outer side of a role, and our side of its wire ("client" or "server").

    Attributes:
        host: with `port` the address of a Modbus TCP device; else empty.
        line: address of a serial line or of what stands for one; else empty.
        protocol: "modbus", "link" (a microcontroller), "tclab" or "visa" (instruments).
        firmware: name of the application whose controller is the role's blocks; None: there is none.
        board: what is emulated at PIL.
        max_instructions: most instructions of a control step on the board.
        max_stack: most bytes of its stack.
    """

    name: str
    role: str
    scheme: str
    host: str
    port: int
    side: str
    unit_id: int
    map: str
    tags: tuple[IoTag, ...]
    period_s: float
    timeout_s: float
    max_gap: int = 0
    max_registers: int = 123
    max_bits: int = 1968
    pipeline: int = 1
    single_writes: bool = False
    bits_as_word: bool = False
    combine: bool = False
    line: str = ""
    protocol: str = "modbus"
    firmware: str | None = None
    board: str = "stm32f405"
    max_instructions: int | None = None
    max_stack: int | None = None
    instruments: tuple[Instrument, ...] = ()

    @property
    def url(self) -> str:
        """The device's address: scheme://host:port, or the line's."""
        if self.line:
            return self.line
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def reads(self) -> tuple[IoTag, ...]:
        """Tags from the device to the bench, in the order of the map."""
        return tuple(tag for tag in self.tags if tag.direction == "read")

    @property
    def writes(self) -> tuple[IoTag, ...]:
        """Tags from the bench to the device, in the order of the map."""
        return tuple(tag for tag in self.tags if tag.direction == "write")


@dataclass(frozen=True)
class RecordGroup:
    """Signals and block states ("<block>.<state>") that are recorded every so many ticks; `raw`: also before faults."""

    name: str
    signals: tuple[str, ...]
    every: int = 1
    states: tuple[str, ...] = ()
    raw: bool = True


@dataclass(frozen=True)
class ScheduledEvent:
    """A parameter change (block, param, value), a force of a signal (signal, value; None ends it), or a mark (text), at
    a bench time or a tick; `where` is its place in a file, for messages.
    """

    at_s: float | None = None
    at_tick: int | None = None
    block: str | None = None
    param: str | None = None
    value: float | None = 0.0
    mark: str | None = None
    signal: str | None = None
    where: str | None = None

    def tick(self, period_ns: int) -> int:
        """The tick that it is due at."""
        return self.at_tick if self.at_tick is not None else round((self.at_s or 0.0) * 1e9 / period_ns)


@dataclass(frozen=True)
class StimulusTable:
    """A signal of the bench that is driven from `start_ns` on: the description as the core's table (hil.stimulus)."""

    signal: str
    start_ns: int
    table: tuple[float, ...]


@dataclass(frozen=True)
class Fit:
    """What `hil fit` finds unless it is told otherwise.

    Attributes:
        block: the block with the model; None: to be said.
        parameters: to be found; None: all of the model's.
        columns: by input or output of the model: a constant, or columns of the data whose mean it is.
        signals: the same of a recording of this bench, by input or output.
        start: initial values of states that are known.
        time: column of time; None: found by its name.
    """

    block: str | None = None
    parameters: tuple[str, ...] | None = None
    columns: dict[str, float | tuple[str, ...]] = field(default_factory=dict)
    start: dict[str, float] = field(default_factory=dict)
    time: str | None = None
    time_unit: str = "s"
    signals: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rig:
    """A bench's description. `files` has the text of every file that it was read from, by path within the rig's folder.

    `folder` is where those files lie; None after `from_dict` until `write_files` has put them somewhere.
    `twin` has the tables [twin]: `hil.twin.spec.twin_of` reads them.
    """

    name: str
    title: str
    description: str
    period_ns: int
    seed: int
    loop: Loop
    signals: dict[str, Signal]
    blocks: dict[str, Block]
    roles: dict[str, Role]
    devices: dict[str, Device]
    record: dict[str, RecordGroup]
    faults: tuple[FaultSpec, ...] = ()
    events: tuple[ScheduledEvent, ...] = ()
    fit: Fit = field(default_factory=Fit)
    requirements: dict[str, str] = field(default_factory=dict)
    expectations: tuple[Expectation, ...] = ()
    stimuli: dict[str, StimulusTable] = field(default_factory=dict)
    twin: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def period_s(self) -> float:
        """Base period in s."""
        return self.period_ns / 1e9

    @property
    def controllers(self) -> dict[str, str]:
        """What its simulated roles have, as `load_rig` takes it: "blocks" or "program"."""
        return {name: role.controller for name, role in self.roles.items() if role.simulated}

    def faultable(self) -> dict[str, str | None]:
        """Units of the signals, None for roles, that faults can act on; what `hil.faults.parse_fault` takes."""
        signals = {signal.name: signal.unit for signal in self.signals.values() if signal.path}
        return {**dict.fromkeys(self.roles), **signals}

    def tunable(self) -> dict[str, tuple[str, str]]:
        """What an event can set: name -> (block, parameter). "level1.kp", or "level1.setpoint", a number on a port."""
        constants = {b.name: (b.name, "value") for b in self.blocks.values() if b.constant}
        params = {f"{b.name}.{p}": (b.name, p) for b in self.blocks.values() if not b.constant for p in b.params}
        return {**params, **constants}

    def role_blocks(self, role: str) -> tuple[Block, ...]:
        """Blocks of a role's simulated side, in the order of the file."""
        return tuple(block for block in self.blocks.values() if block.role == role)

    def to_dict(self) -> dict[str, Any]:
        """The rig as plain JSON data, without `files` and `folder`; infinite numbers are texts."""
        data = _adapter().dump_python(self, mode="python")
        del data["files"], data["folder"]
        plain: dict[str, Any] = json.loads(json.dumps(_finite(data)))
        return plain

    @staticmethod
    def from_dict(data: Mapping[str, Any], files: Mapping[str, str], folder: Path | None = None) -> Rig:
        """The rig of a recording.

        Raises:
            RigError: the data is not what `to_dict` wrote.
        """
        try:
            rig = _adapter().validate_python({**data, "files": dict(files)})
        except ValidationError as error:
            raise RigError(f"the stored rig cannot be read: {error.errors()[0]['msg']}", where="rig.json") from error
        return replace(rig, folder=folder)

    def write_files(self, folder: Path) -> Rig:
        """Put `files` into `folder` and return the rig as one that lives there.

        Raises:
            RigError: a file's path leads out of the folder.
        """
        for name, text in self.files.items():
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts:
                raise RigError(f"{name} leads out of the rig's folder", where="rig.json")
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        return replace(self, folder=folder)


@cache
def _adapter() -> TypeAdapter[Rig]:
    """Made once, when it is needed: it takes 20 ms."""
    return TypeAdapter(Rig)


def _finite(value: Any) -> Any:
    """Infinite numbers as texts, which pydantic reads back; JSON has none."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
