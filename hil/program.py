"""From a rig to a program: names become numbers.

A bench's program holds every role's simulated blocks, whatever the binding, so that one layout serves all levels and a
bench with a real device can still be forked. A device's program holds one role's blocks alone, with the bench outside.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil import _core
from hil.blocks import block_types
from hil.built import EXTERNAL, IN_LIBRARY, SIMULATED, Built, Controller, steps_of
from hil.errors import RigError
from hil.models import CompiledModel, compile_model, load_model
from hil.models.augment import augmented
from hil.models.c_source import compile_source
from hil.models.observed import observed
from hil.rig import Block, Rig, Role, RoleTag, Signal
from hil.rig.description import PlcRef, StimulusTable, Wire
from hil.rig.estimators import ESTIMATORS
from hil.rig.plc_wires import force_range, image_names
from hil.spec import BlockSpec, PathSpec, RoleSpec, Spec, TagSpec

if TYPE_CHECKING:
    from hil.fmi.load import LoadedFmu
    from hil.plc import CompiledProgram

BINDINGS = {"mil": SIMULATED, "sil": IN_LIBRARY, "pil": EXTERNAL, "hil": EXTERNAL}
CONTROLLER_EVENTS = 16  # that a microcontroller can stage
EVENTS_OF_A_FAULT = 3  # itself, and its modes
DELAY_MEMORY_S = 1.0  # delay faults: this much time in all, at least 256 samples
Progress = Callable[[str], None]


def fault_memory(period_ns: int) -> int:
    """Values that the delay faults of a bench can hold, all together."""
    return min(max(256, round(DELAY_MEMORY_S * 1e9 / period_ns)), 1 << 16)


def compiled_model(block: Block, folder: Path, progress: Progress | None = None) -> CompiledModel:
    """The model of a block of the rig in `folder`; an estimator's has only those outputs that are measured.

    Raises:
        RigError: it cannot be compiled.
    """
    assert block.model is not None
    if not block.model.class_name:
        return compile_source(folder / block.model.file, progress=progress)
    model_class = load_model(f"{block.model.file}:{block.model.class_name}", folder)
    if block.model.estimate:
        model_class = augmented(model_class, block.model.estimate)
    if block.model.outputs is not None:
        model_class = observed(model_class, block.model.outputs)
    return compile_model(model_class, block.model.method, ekf=block.type == "ekf", progress=progress)


class _Builder:
    """Collects a Spec; `slots` knows the signal number behind (role, name), role None being the bench."""

    def __init__(self, rig: Rig, period_ns: int, seed: int, progress: Progress | None) -> None:
        self.rig = rig
        self.progress = progress
        self.spec = Spec(period_ns=period_ns, seed=seed)
        self.spec.fault_memory = fault_memory(period_ns)
        self.slots: dict[tuple[str | None, str], int] = {}
        self.paths: dict[str, int] = {}
        self.models: dict[int, CompiledModel] = {}
        self.libraries: list[Any] = []
        self.controllers: dict[str, Controller] = {}
        self.fmus: dict[int, LoadedFmu] = {}
        self.plcs: dict[str, CompiledProgram] = {}
        self.placed: list[Block] = []

    def slot(self, role: str | None, name: str, label: str | None = None, start: float = 0.0) -> int:
        """The number of a signal, made when it is new."""
        key = (role, name)
        if key not in self.slots:
            self.slots[key] = self.spec.signal(label or name, start)
        return self.slots[key]

    def add_signal(self, signal: Signal, *, rate: bool = True, faults: bool = True) -> None:
        """A bench signal, with its path where it has one."""
        number = self.slot(None, signal.name, start=signal.start)
        if not signal.gated and not (signal.path and faults):
            return
        raw = self.slot(None, f"{signal.name}.raw", start=signal.start)
        low, high = signal.range or (-inf, inf)
        lo, hi = signal.limits or (-inf, inf)
        self.paths[signal.name] = len(self.spec.paths)
        self.spec.paths.append(
            PathSpec(
                raw,
                number,
                signal.gated,
                signal.safe_rate,
                lo,
                hi,
                (signal.rate_limit if rate else None) or inf,
                signal.safe,
                low,
                high,
            )
        )

    def written(self, name: str) -> int:
        """The number that the producer of a bench signal writes."""
        if (None, f"{name}.driven") in self.slots:
            return self.slots[(None, f"{name}.driven")]
        return self.behind_stimulus(name)

    def behind_stimulus(self, name: str) -> int:
        """The number that a path reads, or readers where there is no path."""
        return self.slots[(None, f"{name}.raw" if name in self.paths else name)]

    def add_stimulus(self, stimulus: StimulusTable) -> None:
        """Between a signal's producer and its path, so that faults, forces and the gate act behind it."""
        name = stimulus.signal
        raw = self.behind_stimulus(name)
        given = self.slot(None, f"{name}.driven", start=self.rig.signals[name].start)
        config = [(float(stimulus.start_ns),), stimulus.table]
        label = f"stimulus of {name}"
        self.spec.blocks.append(BlockSpec(label, "stimulus", [given], [raw], [], config))
        wires = (Wire("u", name),), (Wire("y", name),)
        self.placed.append(Block(label, "stimulus", *wires, {}, {}))

    def add_block(self, block: Block, inputs: Callable[[str], int], outputs: Callable[[str], int], role: int) -> None:
        """A placed block; `inputs` and `outputs` give the numbers of its signals."""
        address, params = 0, list(block.params.values())
        if block.model:
            address = self._compile(block)
        elif block.fmu:
            address = self._open(block)
        elif block.plc:
            address = self._program(block, block.plc)
        kind = block_types()[block.type]
        every, phase = self._rate(block)
        given = {**block.config, "substeps": (float(block.model.substeps),)} if block.model else block.config
        presets = {c.name: (c.preset,) for c in kind.config if c.scalar and not isnan(c.preset)}
        config = [given.get(c.name, presets.get(c.name, ())) for c in kind.config]
        self.spec.blocks.append(
            BlockSpec(
                block.name,
                block.type,
                self._inputs(block, inputs),
                [outputs(wire.signal) for wire in block.outputs],
                params,
                config,
                address,
                role,
                every,
                phase,
                self.fmus.get(len(self.placed)),
            )
        )
        self.placed.append(block)

    def _rate(self, block: Block) -> tuple[int, int]:
        """The core counts a role's blocks in runs of the role, the rig file in ticks of the bench."""
        if block.role is None:
            return block.every, block.phase
        role = self.rig.roles[block.role]
        return block.every // role.every, (block.phase - role.phase) // role.every

    def _inputs(self, block: Block, number: Callable[[str], int]) -> list[int]:
        """One entry a port of the type, 0 where nothing is wired; a variadic port has all its signals at the end."""
        if block.model or block.fmu or block.plc or block.type in ESTIMATORS:
            return [number(wire.signal) for wire in block.inputs]
        kind = block_types()[block.type]
        found: list[int] = []
        for port in kind.inputs:
            wired = [number(wire.signal) for wire in block.inputs if wire.port == port.name]
            found += wired or [self._preset(block, port.name, port.preset)]
        return found

    def _preset(self, block: Block, port: str, value: float) -> int:
        """An input that is not wired reads a slot that holds the port's preset."""
        return self.slot(None, f"{block.name}.{port} (not wired)", start=value) if value else 0

    def _compile(self, block: Block) -> int:
        model = compiled_model(block, self.rig.folder or Path(), self.progress)
        self.models[len(self.placed)] = model
        return model.address

    def _open(self, block: Block) -> int:
        from hil.fmi.load import load_fmu

        if self.progress:
            self.progress(f"Trying the FMU of {block.name}")
        loaded = load_fmu(block, self.rig.folder or Path(), self.rig.period_ns * block.every * 1e-9)
        self.fmus[len(self.placed)] = loaded
        return loaded.fmu.address

    def _program(self, block: Block, plc: PlcRef) -> int:
        from hil.plc import compile_program

        folder = self.rig.folder or Path()
        files = [folder / name for name in plc.files]
        self.plcs[block.name] = compile_program(files, coverage=plc.coverage, watch=plc.watch)
        return self.plcs[block.name].address

    def library(self, role: Role) -> int:
        """Address of the role's firmware as a library of this process (SIL), 0 when it has none."""
        device = self.rig.devices.get(role.device or "")
        if device is None or device.firmware is None or not role.simulated:
            return 0
        from hil.mcu.library import Library

        controller = controller_of(self.rig, role, self.spec.seed, self.progress)
        self.controllers[role.name] = controller
        self.libraries.append(Library(controller))
        return int(self.libraries[-1].address)

    def build(self, roles: list[str]) -> Built:
        """Let the core build it; its complaints become a RigError with names."""
        try:
            program = _core.Program(self.spec)
        except _core.BuildError as error:
            raise self._explain(error) from None
        params, ranges, states = {}, {}, {}
        for i, block in enumerate(self.placed):
            for k, name in enumerate(block.params):
                label = block.name if block.constant else f"{block.name}.{name}"
                params[label], ranges[label] = program.offset_param(i, k), self._range(i, block, name)
            for k, name in enumerate(self._state_names(i, block, program.block_n_state(i))):
                states[f"{block.name}.{name}"] = program.offset_mem(i) + 8 * k
        labels = [name for name, _ in self.spec.signals]
        numbers = {name: number for number, name in enumerate(labels) if number}
        entries = [b.name for b in self.placed] + [f"path of {name}" for name in self.paths]
        return Built(
            program,
            labels,
            numbers,
            self.paths,
            params,
            ranges,
            states,
            roles,
            entries,
            [*self.models.values(), *self.libraries],
            tuple(self.fmus.values()),
            self.controllers,
            self.plcs,
            self.rig.folder,
            self.spec,
        )

    def _range(self, index: int, block: Block, name: str) -> tuple[float, float]:
        """Of a parameter: what its model or its type allows."""
        if block.fmu:
            return self.fmus[index].info.variables[name].range
        if block.plc and name.startswith("force."):
            return force_range(block.plc, name)
        known = self.models[index].p if block.model else block_types()[block.type].params
        return next((p.min, p.max) for p in known if p.name == name)

    def _state_names(self, index: int, block: Block, n: int) -> list[str]:
        """Names of all state doubles; the last name of a type stands for the rest, numbered."""
        names = list(block_types()[block.type].states)
        if block.type == "model":
            names = [x.name for x in self.models[index].x]
        if block.fmu:
            names[-1:] = [*(f"y.{wire.port}" for wire in block.outputs), *(f"given.{name}" for name in block.params)]
        if block.plc:
            names[-1:] = image_names(block.plc)
        if len(names) < n:
            last = names.pop() if names else "state"
            names += [f"{last}{i}" for i in range(n - len(names))]
        return names[:n]

    def _explain(self, error: _core.BuildError) -> RigError:
        if error.cycle:
            around = [self.spec.signals[i][0] for i in error.cycle]
            blocks = [b.name for b in self.spec.blocks if set(b.outputs) & set(error.cycle)]
            return RigError(
                f"algebraic loop: {' -> '.join([*around, around[0]])}, through the blocks {', '.join(blocks)}",
                where=f"{self.rig.name}/rig.toml",
                mend="Put a delay or an integrator into the loop",
            )
        where = (
            f"rig.toml:blocks.{self.spec.blocks[error.block].name}"
            if error.block < len(self.spec.blocks)
            else "rig.toml"
        )
        return RigError(error.why, where=where)


def _tag(tag: RoleTag, outer: int, inner: int) -> TagSpec:
    max_age_ns = round((tag.max_age_s or 0.0) * 1e9)
    return TagSpec(outer, inner, tag.kind, tag.scale, tag.offset, *tag.bounds, tag.start, max_age_ns)


def build_bench(rig: Rig, bindings: dict[str, str], seed: int | None = None, progress: Progress | None = None) -> Built:
    """The program of a whole bench.

    Args:
        rig: the description.
        bindings: level by role; "mil" runs the role's blocks, "sil" its firmware in this process, the others latch a
            device.
        seed: instead of the rig's.
        progress: is told what takes long.

    Raises:
        RigError: algebraic loop, a model that cannot be compiled, a configuration that a block refuses.
    """
    b = _Builder(rig, rig.period_ns, rig.seed if seed is None else seed, progress)
    for signal in rig.signals.values():
        if signal.role is None:
            b.add_signal(signal)
    for stimulus in rig.stimuli.values():
        b.add_stimulus(stimulus)
    for block in rig.blocks.values():
        if block.role is None:
            b.add_block(block, lambda name: b.slots[(None, name)], b.written, 0)
    for number, role in enumerate(rig.roles.values(), 1):
        _add_role(b, role, number, BINDINGS[bindings.get(role.name, "mil")])
    scheduled = len(rig.events) + EVENTS_OF_A_FAULT * len(rig.faults)
    b.spec.max_events += max(0, scheduled - b.spec.max_events // 2)  # half of the room is for whoever runs the bench
    return b.build(["", *rig.roles])


def _add_role(b: _Builder, role: Role, number: int, binding: int) -> None:
    """A role's boundary and, inside it, its simulated blocks, which read and write slots of their own."""
    crossing = {tag.signal for tag in (*role.inputs, *role.outputs)}

    def inner(name: str) -> int:
        signal = b.rig.signals.get(name)
        label = f"{role.name}/{name}" if name in crossing else name
        return b.slot(role.name, name, label, signal.start if signal else 0.0)

    b.spec.roles.append(
        RoleSpec(
            role.name,
            [_tag(tag, b.slots[(None, tag.signal)], inner(tag.signal)) for tag in role.inputs],
            [_tag(tag, b.written(tag.signal), inner(tag.signal)) for tag in role.outputs],
            role.every,
            role.phase,
            role.delay_ticks,
            binding,
            b.library(role),
            _add_steps(b, role) if role.simulated else 0,
        )
    )
    for block in b.rig.role_blocks(role.name):
        b.add_block(block, inner, inner, number)


def _add_steps(b: _Builder, role: Role) -> int:
    """One step whenever the role is due, unless a fault makes more or fewer of it."""
    name = steps_of(role.name)
    b.add_signal(Signal(name, start=1.0, path=True))
    return b.slots[(None, name)]


def build_device(rig: Rig, role: Role, progress: Progress | None = None) -> Built:
    """The program of an emulated device: one role's blocks at the role's rate, with the bench as the role outside.

    Stale inputs make its gated outputs safe. Limits act in the register's codec, as they do in a simulated role, and
    rates in the bench's gate, so that the bits are the same.
    """
    return _device_builder(rig, role, rig.seed, progress).build(["", "bench"])


def controller_of(rig: Rig, role: Role, seed: int | None = None, progress: Progress | None = None) -> Controller:
    """The program that a role's firmware runs: that of an emulated device, with room for few events and no faults."""
    b = _device_builder(rig, role, rig.seed if seed is None else seed, progress)
    if b.fmus:
        name = next(iter(b.fmus.values())).block
        raise RigError(f"the FMU of block {name} cannot run on a microcontroller", where=f"rig.toml: blocks.{name}")
    if b.plcs:
        raise RigError("a PLC program cannot run on a microcontroller", where=f"rig.toml: roles.{role.name}.program")
    b.spec.max_events, b.spec.max_faults, b.spec.fault_memory = CONTROLLER_EVENTS, 0, 0
    built = b.build(["", "bench"])
    params = [
        (block.name if block.constant else f"{block.name}.{name}", i, k)
        for i, block in enumerate(b.placed)
        for k, name in enumerate(block.params)
    ]
    return Controller(b.spec, built, params, b.models)


def _device_builder(rig: Rig, role: Role, seed: int, progress: Progress | None) -> _Builder:
    b = _Builder(rig, rig.period_ns * role.every, seed, progress)
    for tag in role.inputs:
        b.slot(None, tag.signal, start=rig.signals[tag.signal].start)
    for name in [tag.signal for tag in role.outputs] + [s.name for s in rig.signals.values() if s.role == role.name]:
        b.add_signal(rig.signals[name], rate=False, faults=False)
    for block in rig.role_blocks(role.name):
        b.add_block(block, lambda name: b.slots[(None, name)], b.written, 0)
    inputs = [_tag(tag, b.slots[(None, tag.signal)], 0) for tag in role.outputs]
    outputs = [_tag(tag, b.slots[(None, tag.signal)], 0) for tag in role.inputs]
    b.spec.roles.append(RoleSpec("bench", inputs, outputs, binding=EXTERNAL))
    return b
