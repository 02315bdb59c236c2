"""Turns what `hil.drivers.discovery` found in a device into a first I/O map (the CSV that `hil.iomap` reads)."""

from __future__ import annotations

import csv
import io
import struct
from collections.abc import Iterator
from datetime import UTC, datetime

from hil.drivers.discovery import Area, Survey
from hil.iomap import COLUMNS, TABLES, modicon

PREFIX = {"coil": "coil", "discrete_input": "di", "input_register": "ir", "holding_register": "hr"}
MOST_TAGS = 500  # of a device that answers to every address only what is not zero gets a row


def make_map(survey: Survey) -> str:
    """A map with one row for each readable coil, input and register: raw counts, to be named and scaled by a person."""
    out = io.StringIO()
    for line in _notes(survey):
        out.write(f"# {line}\n")
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows(survey):
        writer.writerow(row)
    return out.getvalue()


def rows(survey: Survey) -> list[dict[str, str]]:
    """Rows of the map by column."""
    found = [row for area in survey.areas for row in _rows(area, survey)]
    if len(found) <= MOST_TAGS:
        return found
    return [row for row in found if not row["description"].startswith("read 0")]


def hint(area: Area, at: int) -> str:
    """What the registers from index `at` on may be, "" when nothing speaks for a larger type."""
    if area.table not in ("input_register", "holding_register"):
        return ""
    order, value = "big", _as_float(area.values[at : at + 2])
    if value is None and _as_float(area.values[at + 1 : at + 3]) is None:
        order, value = "little", _as_float(area.values[at : at + 2][::-1])
    return "" if value is None else f"float32 with the next register (word order {order}): {value:.6g}"


def _as_float(words: tuple[int, ...]) -> float | None:
    """A float32 in two registers if it looks like a measured value: counts taken for floats are tiny or huge."""
    if len(words) < 2 or words[0] <= 0x3000:
        return None
    value: float = struct.unpack(">f", struct.pack(">2H", *words))[0]
    return value if 1e-3 <= abs(value) <= 1e6 else None


def _rows(area: Area, survey: Survey) -> Iterator[dict[str, str]]:
    bits = area.table in ("coil", "discrete_input")
    for at, value in enumerate(area.values):
        address = area.first + at
        notes = [f"read {value}"]
        if (area.table, address) in survey.changed:
            notes.append("changes")
        if text := hint(area, at):
            notes.append(f"perhaps {text}")
        yield {
            "tag": f"{PREFIX[area.table]}.{address}",
            "direction": "read",
            "table": area.table,
            # Written with its digit, because a plain 40005 would be read as Modicon notation.
            "address": modicon(area.table, address),
            "type": "bool" if bits else "uint16",
            "description": "; ".join(notes),
        }


def _notes(survey: Survey) -> Iterator[str]:
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    yield f"{survey.host}:{survey.port} unit {survey.unit_id}, read by hil scan on {when}, {survey.requests} requests"
    if survey.identity:
        yield "; ".join(f"{name}: {text}" for name, text in survey.identity.items())
    yield from summary(survey)
    yield "Raw values: give each tag a name, unit, scale and range (write = bench -> device). The device was only read."


def summary(survey: Survey) -> list[str]:
    """What was found, one line for each range; and what was not looked at."""
    lines = [
        f"{area.table} {area.first} to {area.last} ({modicon(area.table, area.first)} on): {len(area.values)} readable"
        for area in survey.areas
    ]
    lines += [f"{table}: the device has no such table" for table in survey.missing_tables]
    some = {area.table for area in survey.areas} | set(survey.missing_tables)
    span = f"{survey.limits.first} to {survey.limits.last}"
    lines += [f"{table}: nothing readable from {span}" for table in TABLES if table not in some]
    lines += [
        f"{table}: {count} addresses of {span} were not looked at, the requests did not suffice"
        for table, count in survey.unseen.items()
    ]
    if sum(len(area.values) for area in survey.areas) > MOST_TAGS:
        lines.append("More than 500 values can be read: the map has those that were not zero")
    return lines
