"""What somebody types in `hil watch`, as a request to the bench."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hil.errors import HilError
from hil.faults import parse_quantity

TIMES = ("pre", "post", "timeout")
Request = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Act:
    """One thing to do.

    Attributes:
        word: as the prompt names it.
        form: how its line is written.
        parse: from the line to request and fields; raises HilError with what is wrong.
    """

    word: str
    form: str
    parse: Callable[[str], Request]


def _words(text: str, count: int, form: str) -> list[str]:
    """The first `count` - 1 words and the rest."""
    words = text.split(None, count - 1)
    if len(words) < count:
        raise HilError(f"write {form}")
    return words


def _value(text: str) -> float | str:
    """A number where it is one; else the bench converts the quantity."""
    try:
        return float(text)
    except ValueError:
        return {"true": 1.0, "on": 1.0, "false": 0.0, "off": 0.0}.get(text.lower(), text)


def _held(do: str) -> Callable[[str], Request]:
    def parse(text: str) -> Request:
        name, value = _words(text.replace("=", " ", 1), 2, "NAME VALUE")
        return do, {"name": name, "value": _value(value.strip())}

    return parse


def _release(text: str) -> Request:
    return "release", {"name": _words(text, 1, "SIGNAL")[0].strip()}


def _fault(text: str) -> Request:
    return "fault", {"fault": _words(text, 1, "SIGNAL=KIND(VALUE)@START..END")[0].strip()}


def _clear(text: str) -> Request:
    word = text.strip()
    if word.lower() in ("", "all"):
        return "clear", {"fault_id": None}
    if not word.isascii() or not word.isdigit():
        raise HilError(f"'{word}' is no number of a fault")
    return "clear", {"fault_id": int(word)}


def _note(text: str) -> Request:
    if not text.strip():
        raise HilError("write a note")
    return "note", {"text": text.strip()}


def _safe(text: str) -> Request:
    word = text.strip().lower()
    if word not in ("on", "off"):
        raise HilError("write on or off")
    return "safe", {"on": word == "on"}


def _capture(text: str) -> Request:
    """As in "sensor.h1,sensor.h2 when sensor.h1 > 0.2 pre 0.5s post 2s timeout 10s"."""
    signals, when, rest = text.partition(" when ")
    names = [name for name in re.split(r"[,\s]+", signals) if name]
    if not when or not names:
        raise HilError("write SIGNALS when CONDITION [pre 0.5s] [post 2s] [timeout 10s]")
    parts = re.split(rf"\s+({'|'.join(TIMES)})\s+(?=[\d.])", rest.strip())
    fields = {key: _seconds(key, value) for key, value in zip(parts[1::2], parts[2::2], strict=True)}
    return "capture", {"signals": names, "trigger": parts[0], **fields}


def _seconds(key: str, text: str) -> float:
    from hil import units

    value, unit = parse_quantity(text.strip())
    if unit is None:
        return value
    if not units.compatible(unit, "s"):
        raise HilError(f"'{text}' is no time", where=key)
    scale, offset = units.conversion(unit, "s")
    return value * scale + offset


def _abort(text: str) -> Request:
    return "abort", {"name": _words(text, 1, "CAPTURE")[0].strip()}


def _acknowledge(text: str) -> Request:
    return "twin_alarm", {"act": "acknowledge", "name": _words(text, 1, "ALARM")[0].strip(), "reason": ""}


def _shelve(text: str) -> Request:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise HilError(str(error)) from None
    if len(words) < 2:
        raise HilError("write ALARM SECONDS [REASON]")
    return "twin_alarm", {
        "act": "shelve",
        "name": words[0],
        "for_s": _seconds("SECONDS", words[1]),
        "reason": " ".join(words[2:]),
    }


ACTS: Mapping[str, Act] = {
    "force": Act("force", "SIGNAL VALUE, as in sensor.h1 13 cm", _held("force")),
    "release": Act("release", "SIGNAL", _release),
    "set": Act("set", "PARAMETER VALUE, as in level1.setpoint 0.13", _held("set")),
    "fault": Act("arm a fault", "SIGNAL=KIND(VALUE)@START..END, as in sensor.h1=bias(1 cm)@8s..14s or @+2s", _fault),
    "clear": Act("clear a fault", "its number, or all", _clear),
    "capture": Act("arm a capture", "SIGNALS when CONDITION [pre 0.5s] [post 2s] [timeout 10s]", _capture),
    "abort": Act("end a capture", "its name", _abort),
    "note": Act("note", "what was seen or done", _note),
    "safe": Act("safe state", "on or off", _safe),
    "acknowledge": Act("acknowledge an alarm", "its name", _acknowledge),
    "shelve": Act("shelve an alarm", "ALARM SECONDS [REASON]", _shelve),
}
