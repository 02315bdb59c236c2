"""[roles.X] program: a PLC program as the block <role>_program, wired to the tags of its role."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hil.blocks import BlockType, Param, Port
from hil.errors import HilError, PlcError, RigError
from hil.iomap import IoTag
from hil.rig.controllers import program_block
from hil.rig.description import Block, PlcRef, Wire
from hil.rig.devices import device_role
from hil.rig.messages import KeyPath
from hil.rig.plc_wires import Located, image_names, named, plain_wire, range_of, variable_of, wire_of
from hil.rig.reading import Reading
from hil.rig.roles import Boundary
from hil.rig.schema import RoleTable

if TYPE_CHECKING:
    from hil.plc import CompiledProgram
    from hil.plc import Located as PlcLocated

OWN_OUTPUTS = ("running", "scans", "stop_reason", "stop_line")
IN_STOP = ("off", "hold")


def place_programs(
    reading: Reading,
    maps: Mapping[str, tuple[IoTag, ...]],
    crossing: Mapping[str, Boundary],
    blocks: dict[str, Block],
    types: dict[str, BlockType],
) -> None:
    """Put the block of every role that a program controls beside the others."""
    for role, table in reading.table.roles.items():
        program = compiled_program(reading, role, table) if table.program is not None else None
        if program is None:
            continue
        devices = [name for name, device in reading.table.devices.items() if device_role(name, device) == role]
        placing = _Placing(reading, role, table, program, crossing[role], devices[0] if devices else None)
        tags = {tag.tag: tag for name in devices for tag in maps.get(name, ())}
        name = program_block(role)
        blocks[name], types[name] = placing.place(tags), placing.block_type()


def files_of(table: RoleTable) -> tuple[str, ...]:
    """Files of a role's program."""
    return (table.program,) if isinstance(table.program, str) else tuple(table.program or ())


def compiled_program(reading: Reading, role: str, table: RoleTable) -> CompiledProgram | None:
    """The role's program; None after noting why there is none."""
    from hil.plc import compile_program

    path: KeyPath = ("roles", role, "program")
    files = files_of(table)
    if not all([_read(reading, name, path) for name in files]):  # noqa: C419 - all that are missing are told
        return None
    try:
        program = compile_program([reading.folder / name for name in files], watch=table.watch)
    except PlcError as error:
        for mistake in (error, *error.others):
            reading.mistakes.add_text("\n".join(filter(None, (str(mistake), mistake.excerpt))))
        return None
    except HilError as error:
        reading.mistakes.add(path, error.message, mend=error.mend)
        return None
    for task in program.tasks:
        _check_interval(reading, path, files, task.name, task.interval_ns, table.every)
    return program


def _read(reading: Reading, name: str, path: KeyPath) -> bool:
    """Take a program's file into the rig's; it may be in the code page of an engineering tool."""
    from hil.plc.source import read_source

    file = reading.locate(name, path)
    if file is None:
        return False
    try:
        reading.files[name] = read_source(file, 0).text
    except PlcError as error:
        reading.mistakes.add(path, f"the file cannot be read: {error.message}", value=name)
    return name in reading.files


def _check_interval(
    reading: Reading, path: KeyPath, files: Sequence[str], task: str, interval_ns: int, every: int
) -> None:
    own_ns = round(reading.table.rig.period_s * 1e9) * every
    if interval_ns % own_ns:
        why = f"the interval of task {task}, {interval_ns / 1e9:g} s, is no multiple of the role's, {own_ns / 1e9:g} s"
        reading.mistakes.add(path, why, value=", ".join(files), mend="Change every of the role, or the task's INTERVAL")


def images_of(program: CompiledProgram) -> tuple[list[Located], list[Located]]:
    """Located inputs and outputs in the order of the images; two of one name are called by their addresses."""
    names = Counter(item.name.upper() for item in program.located)

    def numbered(items: Sequence[PlcLocated]) -> list[Located]:
        unique = [item.name if names[item.name.upper()] == 1 else item.address for item in items]
        return [Located(n, unique[n], item.address, item.type) for n, item in enumerate(items)]

    return numbered(program.inputs), numbered(program.outputs)


@dataclass
class _Placing:
    """One role's program while it is placed."""

    reading: Reading
    role: str
    table: RoleTable
    program: CompiledProgram
    boundary: Boundary
    device: str | None

    def __post_init__(self) -> None:
        self.inputs, self.outputs = images_of(self.program)
        self.memory = [item for item in self.outputs if item.address.startswith("%M")]
        self.used: dict[tuple[int, float | None], str] = {}

    def place(self, tags: Mapping[str, IoTag]) -> Block:
        """The block; what does not fit is noted."""
        name = program_block(self.role)
        if not self.boundary.inputs and not self.boundary.outputs:
            mend = "Give it a device with a map, or list its inputs and outputs"
            self.reading.mistakes.add(("roles", self.role, "program"), "the role has no tags", mend=mend)
        if name in self.reading.table.blocks:
            why = f"the program takes the name of block {name}"
            self.reading.mistakes.add(("roles", self.role, "program"), why, mend="Rename the block")
        if self.device and self.reading.table.devices[self.device].firmware is not None:
            why = "firmware runs the blocks of its role and no PLC program"
            self.reading.mistakes.add(("devices", self.device, "firmware"), why, mend='Write controller = "blocks"')
        fed = list(self._wires(self.boundary.inputs, tags, self.inputs, self.outputs))
        read = list(self._wires(self.boundary.outputs, tags, self.outputs, self.inputs))
        return self._block(name, fed, read)

    def _block(self, name: str, fed: list[_Wired], read: list[_Wired]) -> Block:
        own = [Wire(port, f"{name}.{port}") for port in OWN_OUTPUTS]
        first = len(self.outputs)
        watched = [
            _Wired(Wire(path, f"{name}.{path}"), plain_wire(first + n)) for n, path in enumerate(self.table.watch)
        ]
        return Block(
            name=name,
            type="plc",
            inputs=tuple(wire.wire for wire in fed),
            outputs=(*own, *(wire.wire for wire in (*read, *watched))),
            params={param.name: param.preset for param in self.block_type().params},
            config={
                "in_stop": (float(IN_STOP.index(self.table.outputs_in_stop)),),
                "watched": (float(len(self.memory) + len(self.table.watch)),),
                "in_wires": tuple(number for wire in fed for number in wire.numbers),
                "out_wires": tuple(number for wire in (*read, *watched) for number in wire.numbers),
            },
            plc=self._ref(fed, read),
            role=self.role,
            every=self.table.every,
            phase=self.table.phase,
        )

    def _ref(self, fed: list[_Wired], read: list[_Wired]) -> PlcRef:
        has = {wire.wire.port for wire in fed}, {wire.wire.port for wire in read}
        return PlcRef(
            files_of(self.table),
            tuple(self.table.watch),
            {item.name: item.type for item in self.inputs},
            {item.name: item.type for item in self.outputs if item not in self.memory},
            tuple(item.name for item in self.memory),
            tuple(str(item) for item in self.inputs if item.name not in has[0] and item.address.startswith("%I")),
            tuple(str(item) for item in self.outputs if item.name not in has[1] and item.address.startswith("%Q")),
        )

    def block_type(self) -> BlockType:
        """The core's type with the program's own ports and forces."""
        kind = self.reading.types["plc"]
        ports = [Port(item.name, item.address, 0.0) for item in (*self.inputs, *self.outputs)]
        n = len(self.inputs)
        return replace(
            kind,
            inputs=tuple(ports[:n]),
            outputs=(*kind.outputs[:-1], *ports[n:], *(Port(path, "", 0.0) for path in self.table.watch)),
            params=(*kind.params, *force_params([*self.inputs, *self.outputs[: len(self.outputs) - len(self.memory)]])),
            states=(*kind.states[:-1], *image_names(self._ref([], []))[:-1]),
            variadic=False,
            variadic_out=False,
        )

    def _wires(
        self, signals: Sequence[str], tags: Mapping[str, IoTag], ours: list[Located], others: list[Located]
    ) -> Iterator[_Wired]:
        for signal in signals:
            tag = tags.get(signal)
            try:
                located = variable_of(tag, ours, others) if tag else self._by_name(signal, ours)
                self._claim(located, tag, signal, inputs=ours is self.inputs)
                yield _Wired(Wire(located.name, signal), wire_of(located, tag))
            except RigError as error:
                self._note(signal, tag, error)

    def _by_name(self, signal: str, ours: list[Located]) -> Located:
        for name in (signal.replace(".", "_"), signal.rpartition(".")[2]):
            found = named(name, ours)
            if found is not None:
                return found
        mend = f"Declare {signal.rpartition('.')[2]} AT %I... or %Q... in it"
        raise RigError("the program has no located variable of this name in this direction", mend=mend)

    def _claim(self, located: Located, tag: IoTag | None, signal: str, *, inputs: bool) -> None:
        """Two tags may read one variable, and may write two bits of it."""
        if not inputs:
            return
        bit = tag.bit if tag and located.type != "BOOL" else None
        for key in {(located.slot, bit), (located.slot, None)}:
            if key in self.used:
                raise RigError(f"{located} is already written by {self.used[key]}", mend="Name another variable")
        self.used[located.slot, bit] = signal

    def _note(self, signal: str, tag: IoTag | None, error: RigError) -> None:
        if tag is None or self.device is None:
            self.reading.mistakes.add(("roles", self.role, "program"), f"{signal}: {error.message}", mend=error.mend)
            return
        key = f"{signal}.variable = {tag.variable}" if tag.variable else signal
        file = self.reading.table.devices[self.device].map
        self.reading.mistakes.add_in(file, tag.line, key, error.message, error.mend)


@dataclass(frozen=True)
class _Wired:
    """A wire of the block with its numbers in the core's configuration."""

    wire: Wire
    numbers: tuple[float, ...]


def force_params(located: Sequence[Located]) -> Iterator[Param]:
    """Parameters behind the type's own: the values of all forces, then their flags."""
    for item in located:
        low, high = range_of(item.type)
        yield Param(f"force.{item.name}", "its value while forced", min(max(0.0, low), high), low, high)
    for item in located:
        yield Param(f"force.{item.name}.on", "1: forced", 0.0, 0.0, 1.0)
