"""Reads a fault plan: TOML, checked against the vocabulary, every mistake one line with file, line and key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hil import _proxy
from hil.errors import RigError
from hil.nearest import did_you_mean
from hil.proxy.schema import FaultTable, PlanFile
from hil.proxy.translate import core_fault, hex_bytes, registers
from hil.proxy.vocabulary import CONDITIONS, KINDS, Kind
from hil.rig.lines import KeyLines
from hil.rig.messages import Mistakes

__all__ = ["Plan", "PlannedFault", "read_plan"]

MOST = 64
PROTOCOL_NAMES = {"tcp": "Modbus TCP", "rtu": "Modbus RTU", "link": "the MCU link"}
COPIES_AT_ONCE = 8
DATA_MOST = 64


@dataclass(frozen=True)
class PlannedFault:
    """One fault: `name` as reports call it, its kind, and what the C part gets."""

    name: str
    kind: str
    classes: tuple[str, ...]
    core: _proxy.Fault


@dataclass(frozen=True)
class Plan:
    """What a proxy does. The seed decides everything random."""

    seed: int = 0
    faults: tuple[PlannedFault, ...] = ()


def read_plan(file: str | Path, protocol: str = "tcp") -> Plan:
    """The plan in a TOML file, for one of `hil._proxy.PROTOCOLS`.

    Raises:
        RigMistakesError: everything that is wrong with it, a line each.
        RigError: it cannot be read, or is no TOML.
    """
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        raise RigError(f"the plan cannot be read: {error.strerror}", where=str(path)) from None
    except UnicodeDecodeError:
        raise RigError("the plan is not UTF-8 text", where=str(path)) from None
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise RigError(f"broken TOML: {error}", where=f"{path}:{line[1]}" if line else str(path)) from None
    mistakes = Mistakes(str(path), KeyLines(text))
    table = _validate(data, mistakes)
    if len(table.fault) > MOST:
        mistakes.add(("fault",), f"a plan has at most {MOST} faults, not {len(table.fault)}")
    faults = [_Reading(k, fault, data["fault"][k], protocol, mistakes).read() for k, fault in enumerate(table.fault)]
    mistakes.stop_if_any()
    return Plan(table.seed, tuple(fault for fault in faults if fault))


def _validate(data: dict[str, Any], mistakes: Mistakes) -> PlanFile:
    for key in set(data) - {"seed", "fault"}:
        mistakes.add((key,), "unknown key", mend=did_you_mean(key, ("seed", "fault")))
    mistakes.stop_if_any()
    try:
        return PlanFile.model_validate(data)
    except ValidationError as error:
        mistakes.add_invalid(error, data)
        mistakes.stop_if_any()
        raise


class _Reading:
    """One fault while it is read."""

    def __init__(self, k: int, table: FaultTable, raw: Mapping[str, Any], protocol: str, mistakes: Mistakes) -> None:
        self.k, self.table, self.raw, self.protocol, self.mistakes = k, table, raw, protocol, mistakes
        self.given = table.given()

    def read(self) -> PlannedFault | None:
        """The fault; None where it is not one."""
        kind = KINDS.get(self.table.kind)
        if kind is None:
            self._wrong("kind", "there is no such fault", value=True, mend=did_you_mean(self.table.kind, KINDS))
            return None
        before = len(self.mistakes.found)
        self._check_protocol(kind)
        self._check_keys(kind)
        self._check_conditions(kind)
        self._check_values()
        if len(self.mistakes.found) > before:
            return None
        name = f"fault[{self.k + 1}] {self.table.kind}"
        return PlannedFault(name, self.table.kind, kind.classes, core_fault(self.table, kind))

    def _wrong(self, key: str, why: str, *, value: bool = False, mend: str | None = None) -> None:
        shown = {"value": self.raw[key]} if value else {}
        self.mistakes.add(("fault", self.k, key), why, mend=mend, **shown)

    def _check_protocol(self, kind: Kind) -> None:
        if self.protocol not in kind.protocols:
            where = " and ".join(PROTOCOL_NAMES[name] for name in kind.protocols)
            self._wrong(
                "kind", f"{PROTOCOL_NAMES[self.protocol]} has no such fault", value=True, mend=f"It is one of {where}"
            )

    def _check_keys(self, kind: Kind) -> None:
        known = [*(("kind", "from", "to") if kind.timed else CONDITIONS), *kind.keys]
        for key in self.given:
            if key not in known:
                self._wrong(key, f"{self.table.kind} has no such key", mend=did_you_mean(key, known))
        # Of a masquerade's two keys one is enough, and the other kinds' values have defaults in the C part.
        for key in (key for key, default in kind.keys.items() if default is None and key not in ("value", "address")):
            if key not in self.given:
                self._wrong(key, f"is missing: {self.table.kind} needs it")
        if self.table.kind == "masquerade" and not {"value", "address"} & self.given.keys():
            self._wrong("kind", "a masquerade needs value (a unit) or address (a register)", value=True)

    def _check_conditions(self, kind: Kind) -> None:
        if self.table.on is not None and self.table.on not in kind.ways:
            self._wrong("on", f"{self.table.kind} acts on {' or '.join(kind.ways)}", value=True)
        if self.table.nth and self.table.every:
            self._wrong("every", "nth and every exclude each other", mend="Leave one out")
        first, last = registers(self.table)
        if first > last:
            self._wrong("register", "the last register lies before the first", value=True)
        if self.table.to is not None and self.table.to <= (self.table.from_ or 0.0):
            self._wrong("to", "the end does not lie behind the start", value=True)
        if self.protocol == "link":
            for key in {"unit", "function", "register"} & self.given.keys():
                self._wrong(key, "frames of the MCU link have none")

    def _check_values(self) -> None:
        table = self.table
        if table.kind in ("wrong_unit", "wrong_function", "masquerade") and table.value is not None:
            most = 127 if table.kind == "wrong_function" else 255
            if not 0 <= table.value <= most:
                self._wrong("value", f"must be 0 to {most}", value=True)
        if table.kind == "duplicate" and (table.copies or 1) > COPIES_AT_ONCE:
            self._wrong("copies", f"duplicate makes at most {COPIES_AT_ONCE}", value=True, mend="Use flood for more")
        if table.data is not None and not 1 <= len(hex_bytes(table.data) or b"") <= DATA_MOST:
            self._wrong("data", f'must be 1 to {DATA_MOST} bytes in hex, such as "de ad"', value=True)
