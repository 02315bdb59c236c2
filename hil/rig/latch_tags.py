"""The tags @latch and @latch.command of a map: registers by which a device tells of its latch and is told to open."""

from __future__ import annotations

from hil.iomap import LATCH_TAGS, IoTag
from hil.rig.reading import Reading
from hil.rig.schema import DeviceTable

TABLES = ("holding_register", "input_register")


def check_latch_tags(reading: Reading, table: DeviceTable, tags: tuple[IoTag, ...], *, registers: bool) -> None:
    """Whether a map's tags of the latch can be used as such; `registers`: the map is one of registers."""
    found = [tag for tag in tags if tag.of_latch]
    for tag in found:
        for key, why, mend in _wrong(table, tag, registers=registers):
            reading.mistakes.add_in(table.map, tag.line, f"{tag.tag}.{key}" if key else tag.tag, why, mend)
    if [tag.tag for tag in found] == ["@latch.command"]:
        why = "nothing tells whether it has opened the latch"
        reading.mistakes.add_in(table.map, found[0].line, found[0].tag, why, "Add a tag @latch with direction read")


def _wrong(table: DeviceTable, tag: IoTag, *, registers: bool) -> list[tuple[str, str, str]]:
    if not registers:
        return [("", "belongs to a Modbus map; a board tells of its latch over the link by itself", "Take the row out")]
    if table.side == "server":
        return [("", "a device tells of its latch as a server of registers, and here it is the client", "Take it out")]
    way = LATCH_TAGS[tag.tag]
    wrong = []
    if tag.direction != way:
        wrong.append((f"direction = {tag.direction}", f"this tag goes the other way: {way}", f"Write {way}"))
    if tag.table not in TABLES or tag.type != "uint16" or (tag.scale, tag.offset) != (1.0, 0.0):
        why = "the latch is a whole register of type uint16 without scale and offset"
        wrong.append(("", why, f"Use a {TABLES[way == 'read']}"))
    return wrong
