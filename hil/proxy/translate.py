"""A fault as the plan has it, as the C part wants it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hil import _proxy
from hil.proxy.durations import seconds
from hil.proxy.schema import FaultTable
from hil.proxy.vocabulary import Kind

__all__ = ["core_fault", "hex_bytes", "registers"]

WAYS = {"request": 1, "response": 2, "both": 3}


def registers(table: FaultTable) -> tuple[int, int]:
    """First and last one that a transaction has to touch; -1, -1: any."""
    register = table.register_
    if register is None:
        return -1, -1
    return (register, register) if isinstance(register, int) else (register[0], register[1])


def hex_bytes(text: str) -> bytes | None:
    """Bytes of a text such as "de ad"; None where it is not one."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None


def core_fault(table: FaultTable, kind: Kind) -> _proxy.Fault:
    """Of a table that was found to be right."""
    first, last = registers(table)
    return _proxy.Fault(
        kind=kind.core or table.kind,
        ways=0 if kind.timed else WAYS[table.on or kind.ways[0]],
        unit=-1 if table.unit is None else table.unit,
        function=-1 if table.function is None else table.function,
        first=first,
        last=last,
        nth=table.nth or 0,
        every=table.every or 0,
        probability=1.0 if table.probability is None else table.probability,
        from_ns=_ns(table.from_ or 0.0),
        to_ns=_proxy.FOR_EVER_NS if table.to is None else _ns(table.to),
        **_effect(kind, {**kind.keys, **table.given()}),
    )


def _effect(kind: Kind, keys: Mapping[str, Any]) -> dict[str, Any]:
    effect = {
        "time_ns": _ns(seconds(keys.get("time", 0.0))),
        "at": keys.get("at", -1),
        "value": keys.get("code", keys.get("value")),
        "address": -1 if keys.get("address") is None else keys["address"],
        "amount": keys.get("bytes", keys.get("copies", 1)),
        "repair": bool(keys.get("repair", False)),
        "data": hex_bytes(keys.get("data", "")) or b"",
    }
    return {**effect, **kind.constants}


def _ns(time_s: float) -> int:
    return round(time_s * 1e9)
