"""[blocks]: types, parameters, configuration and ports of every block, with the blocks that stand for plain numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from hil import units
from hil.blocks import BlockType, Param, Port
from hil.errors import HilError, RigError
from hil.faults import parse_quantity
from hil.nearest import did_you_mean
from hil.rig.configure import read_config
from hil.rig.description import Block, ModelRef, Wire
from hil.rig.detectors import design_keys, resolve_detector
from hil.rig.estimators import OF_MODELS, estimator_keys, own_parameters, resolve_estimator
from hil.rig.fmu_blocks import fmu_ref
from hil.rig.groups import by_port, outputs_by_port
from hil.rig.kinds import kind_of
from hil.rig.messages import KeyPath, known_keys
from hil.rig.reading import Reading
from hil.rig.schema import BlockTable, RoleTable

BLOCK_KEYS = frozenset(known_keys(("blocks",)))


def place_blocks(reading: Reading) -> tuple[dict[str, Block], dict[str, BlockType]]:
    """All blocks by name, constants and conversions included, and the type of each.

    A block whose type cannot be told is left out; its mistake is noted.
    """
    blocks: dict[str, Block] = {}
    types: dict[str, BlockType] = {}
    for name, written in reading.table.blocks.items():
        table = by_port(written)
        block_type = kind_of(reading, name, table)
        if block_type is None:
            continue
        table = outputs_by_port(reading, name, table, block_type)
        block, constants = _place(reading, name, table, block_type)
        for item in (*constants, block):
            if item.name in blocks or (item.constant and item.name in reading.table.blocks):
                reading.mistakes.add(("blocks", name), f"the number on a port takes the name of block {item.name}")
            blocks[item.name] = item
            types[item.name] = block_type if item is block else reading.types["constant"]
    return blocks, types


def read_number(value: object, unit: str | None) -> float:
    """A number, true or false, or a quantity such as "28 cm**2" that is converted to `unit`.

    Raises:
        RigError: none of these, or a quantity whose unit does not fit.
    """
    if isinstance(value, bool | int | float):
        return float(value)
    if not isinstance(value, str):
        raise RigError("must be a number")
    try:
        number, given = parse_quantity(value)
    except HilError as error:
        raise RigError("must be a number") from error
    if given is None:
        raise RigError("must be a number without quotes")
    if unit is None:
        raise RigError("takes a plain number, as its unit is not known")
    scale, offset = units.conversion(given, unit)
    return number * scale + offset


def _place(reading: Reading, name: str, table: BlockTable, kind: BlockType) -> tuple[Block, list[Block]]:
    extra = dict(table.model_extra or {})
    every, phase = _rate(reading, name, table)
    inputs, constants = _inputs(reading, name, table, kind)
    resolve_detector(reading, name, kind, extra, table.inputs, reading.table.rig.period_s * every)
    resolve_estimator(reading, name, kind, extra)
    parameters = own_parameters(reading, name, kind, extra) if kind.name in OF_MODELS else extra
    block = Block(
        name=name,
        type=_core_type(table, kind),
        inputs=inputs,
        outputs=_outputs(reading, name, table, kind),
        params=_params(reading, name, kind, parameters),
        config=read_config(reading, name, kind, extra, table.substeps),
        model=_model_ref(reading, name, table, kind),
        fmu=fmu_ref(reading, name, table, extra),
        role=table.role,
        every=every,
        phase=phase,
    )
    valid = [p.name for p in kind.params] + [c.name for c in kind.config]
    valid += [*design_keys(kind), *estimator_keys(kind), *sorted(BLOCK_KEYS)]
    for key, value in extra.items():
        why = f"{kind.name} has no parameter or configuration of this name"
        reading.mistakes.add(("blocks", name, key), why, value=value, mend=did_you_mean(key, valid))
    numbers = [_constant(f"{name}.{label}", value, block) for label, value in constants.items()]
    return block, numbers


def _core_type(table: BlockTable, kind: BlockType) -> str:
    return "fmu" if table.fmu else "model" if table.model and table.type not in OF_MODELS else kind.name


def _model_ref(reading: Reading, name: str, table: BlockTable, kind: BlockType) -> ModelRef | None:
    if table.model is None:
        return None
    file, _, class_name = table.model.partition(":")
    measured = reading.estimators[name].y if class_name and name in reading.estimators else None
    return ModelRef(
        file,
        class_name,
        table.method or kind.method or "rk4",
        table.substeps or 1,
        measured,
        tuple(table.estimate or ()),
    )


def _constant(name: str, value: float, reader: Block) -> Block:
    return Block(
        name=name,
        type="constant",
        inputs=(),
        outputs=(Wire("y", name),),
        params={"value": value},
        config={},
        role=reader.role,
        every=reader.every,
        phase=reader.phase,
        constant=True,
    )


def _rate(reading: Reading, name: str, table: BlockTable) -> tuple[int, int]:
    """(every, phase); in a role its own unless the block runs more rarely."""
    role = reading.table.roles.get(table.role) if table.role else None
    if table.role and role is None:
        mend = did_you_mean(table.role, reading.table.roles)
        reading.mistakes.add(("blocks", name, "role"), "unknown role", value=table.role, mend=mend)
    role = role or RoleTable()
    every = role.every if table.every is None else table.every
    phase = role.phase if table.phase is None else table.phase
    if every % role.every:
        why = f"must be a multiple of {role.every}, the role's own rate"
        reading.mistakes.add(("blocks", name, "every"), why, value=every)
    elif (phase - role.phase) % role.every:
        why = f"role {table.role} runs at tick {role.phase} and every {role.every} ticks, not at this one"
        reading.mistakes.add(("blocks", name, "phase"), why, value=phase)
    elif phase >= every:
        reading.mistakes.add(("blocks", name, "phase"), f"must be smaller than every = {every}", value=phase)
    return every, phase


def _inputs(
    reading: Reading, name: str, table: BlockTable, kind: BlockType
) -> tuple[tuple[Wire, ...], dict[str, float]]:
    """Wires in the order of the ports, and the numbers among them by "<port>" or "<port>.<n>"."""
    path: KeyPath = ("blocks", name, "in")
    numbers: dict[str, float] = {}
    wires: list[Wire] = []
    _check_ports(reading, path, table.inputs, kind, kind.inputs)
    for port in kind.inputs:
        given = table.inputs.get(port.name)
        if given is None:
            if port.required:
                why = f"{kind.name} needs this input: {port.doc}" if port.doc else f"{kind.name} needs this input"
                reading.mistakes.add((*path, port.name), why, mend="Wire it to a signal or a number")
            continue
        many = kind.variadic and port is kind.inputs[-1]
        for label, item in _items(reading, (*path, port.name), port.name, given, many=many):
            if isinstance(item, str):
                wires.append(Wire(port.name, item))
            else:
                numbers[label] = float(item)
                wires.append(Wire(port.name, f"{name}.{label}"))
    return tuple(wires), numbers


def _outputs(reading: Reading, name: str, table: BlockTable, kind: BlockType) -> tuple[Wire, ...]:
    path: KeyPath = ("blocks", name, "out")
    wires: list[Wire] = []
    _check_ports(reading, path, table.outputs, kind, kind.outputs)
    for port in kind.outputs:
        given = table.outputs.get(port.name, f"{name}.{port.name}")
        many = kind.variadic_out and port is kind.outputs[-1]
        items = _items(reading, (*path, port.name), port.name, given, many=many)
        wires += [Wire(port.name, str(item)) for _, item in items]
    return tuple(wires)


def _check_ports(
    reading: Reading, path: KeyPath, given: Mapping[str, Any], kind: BlockType, ports: tuple[Port, ...]
) -> None:
    what = "input" if path[-1] == "in" else "output"
    for key in given:
        if key not in (names := [port.name for port in ports]):
            why = f"{kind.name} has no {what} of this name"
            reading.mistakes.add((*path, key), why, mend=did_you_mean(key, names))


def _items(reading: Reading, path: KeyPath, port: str, given: Any, *, many: bool) -> Iterator[tuple[str, str | float]]:
    """(label, signal or number) for each element on a port."""
    if not isinstance(given, list):
        yield port, given
    elif not many or not given:
        reading.mistakes.add(path, "takes one signal" if not many else "is an empty list", value=given)
    else:
        yield from ((f"{port}.{n}", item) for n, item in enumerate(given, 1))


def _params(reading: Reading, name: str, kind: BlockType, extra: dict[str, Any]) -> dict[str, float]:
    """All parameters by name; those that were given are taken out of `extra`."""
    return {
        param.name: _param(reading, ("blocks", name, param.name), param, extra.pop(param.name))
        if param.name in extra
        else param.preset
        for param in kind.params
    }


def _param(reading: Reading, path: KeyPath, param: Param, value: object) -> float:
    try:
        number = read_number(value, param.unit)
    except RigError as error:
        reading.mistakes.add_error(path, error, value=value)
        return param.preset
    if math.isnan(number) or not param.min <= number <= param.max:
        reading.mistakes.add(path, f"must lie within {param.min:g} and {param.max:g}: {param.doc}", value=value)
    return number
