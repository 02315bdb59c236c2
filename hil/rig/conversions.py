"""[[conversions]]: a gain block on one wire, so that a change of unit is seen, recorded and meant."""

from __future__ import annotations

from dataclasses import replace

from hil.blocks import BlockType
from hil.nearest import did_you_mean
from hil.rig.description import Block, Wire
from hil.rig.messages import KeyPath
from hil.rig.reading import Reading
from hil.rig.schema import ConversionTable


def insert_conversions(reading: Reading, blocks: dict[str, Block], types: dict[str, BlockType]) -> None:
    """Put a gain block before every converted input: `lt1.u` reads `lt1.u`, which block `lt1.u.conversion` writes."""
    for n, table in enumerate(reading.table.conversions):
        block = _target(reading, ("conversions", n), blocks, table)
        if block is None:
            continue
        port = table.to.removeprefix(f"{block.name}.")
        gain = Block(
            name=f"{table.to}.conversion",
            type="gain",
            inputs=(Wire("u", table.source),),
            outputs=(Wire("y", table.to),),
            params={"gain": table.factor, "offset": table.offset},
            config={},
            role=block.role,
            every=block.every,
            phase=block.phase,
        )
        wires = tuple(Wire(port, table.to) if w == Wire(port, table.source) else w for w in block.inputs)
        blocks[block.name] = replace(block, inputs=wires)
        blocks[gain.name] = gain
        types[gain.name] = reading.types["gain"]


def _target(reading: Reading, path: KeyPath, blocks: dict[str, Block], table: ConversionTable) -> Block | None:
    """The block whose input is converted; None after noting what is wrong."""
    within = [name for name in blocks if table.to.startswith(f"{name}.")]
    name = max(within, key=len, default=table.to.rpartition(".")[0])
    block, port = blocks.get(name), table.to.removeprefix(f"{name}.")
    if table.factor == 0:
        reading.mistakes.add((*path, "factor"), "must not be 0", value=table.factor)
    if block is None:
        mend = did_you_mean(name or table.to, list(reading.table.blocks))
        reading.mistakes.add((*path, "to"), "is not <block>.<port>", value=table.to, mend=mend)
        return None
    sources = [wire.signal for wire in block.inputs if wire.port == port]
    if not sources:
        ports = dict.fromkeys(wire.port for wire in block.inputs)
        reading.mistakes.add((*path, "to"), f"{name} has no wired input {port}", mend=did_you_mean(port, ports))
        return None
    if table.source not in sources:
        why = f"{table.to} is wired to {sources[0]}, not to this signal"
        reading.mistakes.add((*path, "from"), why, value=table.source, mend=f'Write from = "{sources[0]}"')
        return None
    if len(sources) > 1 or table.to in (wire.signal for wire in block.inputs):
        reading.mistakes.add((*path, "to"), "one of several signals, or a number, cannot be converted", value=table.to)
        return None
    return block
