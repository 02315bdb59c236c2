"""The communication faults: what each is called, its class in IEC 61784-3, where it can act and which keys it reads.

The classes are the communication errors of IEC 61784-3:2021, 5.3. One fault can stand for several: a changed byte is a
corruption for who checks the frame, and for who does not, it is what the changed byte says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["CONDITIONS", "KINDS", "Kind"]

TCP, RTU, LINK = "tcp", "rtu", "link"
ALL, MODBUS = (TCP, RTU, LINK), (TCP, RTU)
REQUEST, RESPONSE, BOTH = "request", "response", "both"
EITHER = (REQUEST, RESPONSE, BOTH)

# Keys that every fault has: when it acts.
CONDITIONS = ("kind", "on", "unit", "function", "register", "nth", "every", "probability", "from", "to")


@dataclass(frozen=True)
class Kind:
    """One kind of fault.

    Attributes:
        classes: the communication errors of IEC 61784-3 that it produces.
        protocols: where it can act.
        ways: values of `on`; the first is the default.
        text: what a peer sees.
        keys: what it reads beside its conditions, with defaults; None: must be given.
        core: name of the kind in the C part, where it is another.
        constants: values for the C part that the plan does not choose.
        timed: it acts on the connection as such, so that only `from` and `to` are conditions.
    """

    classes: tuple[str, ...]
    protocols: tuple[str, ...]
    ways: tuple[str, ...]
    text: str
    keys: Mapping[str, Any] = field(default_factory=dict)
    core: str | None = None
    constants: Mapping[str, Any] = field(default_factory=dict)
    timed: bool = False


CORRUPTION, REPETITION, SEQUENCE, LOSS = ("corruption",), ("repetition",), ("wrong sequence",), ("loss",)
DELAY, INSERTION, MASQUERADE, ADDRESSING = ("delay",), ("insertion",), ("masquerade",), ("addressing",)

ANSWER_FIRST = (RESPONSE, REQUEST, BOTH)

KINDS: Mapping[str, Kind] = {
    "crc": Kind(CORRUPTION, (RTU, LINK), ANSWER_FIRST, "the check of the frame is wrong"),
    "bit_flip": Kind(
        CORRUPTION,
        ALL,
        ANSWER_FIRST,
        "bit `at` is inverted, else a random one (over TCP behind the header)",
        {"at": -1, "repair": False},
    ),
    "truncate": Kind(
        CORRUPTION, ALL, ANSWER_FIRST, "the last `bytes` of the frame are missing", {"bytes": 1, "repair": False}
    ),
    "extra": Kind(
        CORRUPTION + INSERTION, ALL, ANSWER_FIRST, "`data` follows the frame", {"data": "00", "repair": False}
    ),
    "split": Kind(
        DELAY,
        ALL,
        ANSWER_FIRST,
        "the frame comes in pieces of `bytes`, each a segment of its own, `time` apart",
        {"bytes": 1, "time": "0s"},
    ),
    "gap": Kind(
        DELAY,
        ALL,
        ANSWER_FIRST,
        "the frame pauses for `time` before byte `at` (default: in its middle)",
        {"time": None, "at": -1},
    ),
    "wrong_unit": Kind(ADDRESSING, MODBUS, ANSWER_FIRST, "unit `value`, default one more than it was", {"value": None}),
    "wrong_function": Kind(
        CORRUPTION, MODBUS, ANSWER_FIRST, "function `value`, default one more than it was", {"value": None}
    ),
    "wrong_transaction": Kind(
        SEQUENCE, (TCP,), ANSWER_FIRST, "the transaction number is `value` more than it was", {"value": 1}
    ),
    "wrong_length": Kind(
        CORRUPTION,
        MODBUS,
        ANSWER_FIRST,
        "the length field (RTU: the byte count of an answer) is `value` more than it was",
        {"value": 1},
    ),
    "exception": Kind(
        MASQUERADE,
        MODBUS,
        (REQUEST, RESPONSE),
        "exception `code`; on a request without asking the device, on a response in place of its answer",
        {"code": None},
    ),
    "busy": Kind(
        MASQUERADE,
        MODBUS,
        (REQUEST, RESPONSE),
        "exception 6, server device busy",
        core="exception",
        constants={"value": 6},
    ),
    "frozen": Kind(
        REPETITION,
        MODBUS,
        (RESPONSE,),
        "a read is answered with what it was answered last before the fault acted",
    ),
    "swapped": Kind(CORRUPTION, MODBUS, (RESPONSE, REQUEST, BOTH), "registers 1 and 2, 3 and 4, ... are exchanged"),
    "delay": Kind(
        DELAY, ALL, ANSWER_FIRST, "the frame comes `time` later, and those behind it after it", {"time": None}
    ),
    "late": Kind(
        DELAY,
        ALL,
        (RESPONSE, REQUEST, BOTH),
        "the frame comes `time` later, after the other side has given up; those behind it overtake it",
        {"time": None},
    ),
    "loss": Kind(LOSS, ALL, ANSWER_FIRST, "the frame never comes"),
    "duplicate": Kind(REPETITION, ALL, ANSWER_FIRST, "the frame comes `copies` times more", {"copies": 1}),
    "reorder": Kind(
        SEQUENCE,
        ALL,
        ANSWER_FIRST,
        "the frame comes behind the next one, at the latest after `time`",
        {"time": "1s"},
    ),
    "silent_accept": Kind(
        LOSS + MASQUERADE,
        MODBUS,
        (REQUEST,),
        "a write (functions 5, 6, 15, 16, 22) is acknowledged and never reaches the device",
    ),
    "half_open": Kind(
        LOSS,
        ALL,
        ANSWER_FIRST,
        "this frame and those behind it are lost for `time` (0: for good), the connection stays open",
        {"time": "0s"},
    ),
    "reset": Kind(LOSS, (TCP,), ANSWER_FIRST, "both connections are reset (RST) in place of the frame"),
    "refused": Kind(LOSS, (TCP,), (REQUEST,), "new connections are refused from `from` to `to`", timed=True),
    "flood": Kind(
        INSERTION,
        ALL,
        ANSWER_FIRST,
        "the frame is followed by `copies` copies, as fast as they are taken",
        {"copies": 1000},
    ),
    "masquerade": Kind(
        MASQUERADE + ADDRESSING,
        MODBUS,
        (REQUEST,),
        "unit `value` is asked, or the register `address`, and its answer comes as the one that was asked for",
        {"value": None, "address": None},
    ),
}
