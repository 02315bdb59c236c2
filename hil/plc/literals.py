"""The values of literals (6.3.3, tables 5 to 9)."""

from __future__ import annotations

import datetime
import math
import re

from hil.plc import syntax as s
from hil.plc.ir import Const
from hil.plc.types import BOOL, LITERAL_INT, LITERAL_REAL, SIMPLE, StringType, Type, bounds, elementary, is_real
from hil.plc.words import ENCODING, to_real

_UNITS = {"d": 86_400_000_000_000, "h": 3_600_000_000_000, "m": 60_000_000_000, "s": 1_000_000_000,
          "ms": 1_000_000, "us": 1_000, "ns": 1}  # fmt: skip
_PART = re.compile(r"(\d+)(?:\.(\d+))?(ms|us|ns|d|h|m|s)_?", re.IGNORECASE)
_ESCAPES = {"$": "$", "'": "'", '"': '"', "l": "\n", "n": "\n", "p": "\f", "r": "\r", "t": "\t"}
_EPOCH = datetime.date(1970, 1, 1)
_FAMILY = {"time": "TIME", "date": "DATE", "tod": "TOD", "dt": "DT"}
MAX_DIGITS = 400


def value_of(literal: s.Literal) -> Const:
    """A literal's type and value; an untyped number has the type LITERAL_INT or LITERAL_REAL.

    Raises:
        ValueError: it is not well formed, or outside its type; says how.
    """
    kind, text = literal.kind, literal.text.replace("_", "") if literal.kind != "string" else literal.text
    if kind == "bool":
        return Const(BOOL, int(text == "TRUE"))
    if kind == "string":
        return _string(literal)
    if kind in _FAMILY:
        family = ("L" if literal.prefix.upper().startswith("L") else "") + _FAMILY[kind]
        reader = {"time": _duration, "date": _date, "tod": _clock, "dt": _date_time}[kind]
        return Const(SIMPLE[family], _within(reader(text)))
    value = number(text) if kind != "typed" or text.upper() not in ("TRUE", "FALSE") else int(text.upper() == "TRUE")
    return typed(literal.prefix, value) if literal.prefix else Const(_untyped(value), value)


def _untyped(value: float) -> Type:
    return LITERAL_REAL if isinstance(value, float) else LITERAL_INT


def number(text: str) -> int | float:
    """Of 12, 1.5e3, 16#FF, -16#FF."""
    if len(text) > MAX_DIGITS:
        raise ValueError("the number is too long")
    if "#" in text:
        base, _, digits = text.partition("#")
        sign, base = (-1, base[1:]) if base.startswith("-") else (1, base.lstrip("+"))
        if base not in ("2", "8", "16"):
            raise ValueError(f"the base of a number is 2, 8 or 16, not {base}")
        try:
            return sign * int(digits, int(base))
        except ValueError:
            raise ValueError(f"{digits} is not a number to base {base}") from None
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text} is not a number") from None
    if math.isinf(value):
        raise ValueError(f"{text} is too large for an LREAL")
    return value


def typed(name: str, value: int | float) -> Const:
    """INT#5"""
    kind = elementary(name)
    if kind is None or not (is_real(kind) or bounds(kind)):
        raise ValueError(f"there are no literals {name}#{value:g}")
    if is_real(kind):
        return Const(kind, to_real(float(value)) if kind.name == "REAL" else float(value))
    low, high = bounds(kind) or (0, 0)
    if isinstance(value, float) or not low <= value <= high:
        raise ValueError(f"{value:g} is not {'an' if name[0] in 'AEIOU' else 'a'} {name} ({low}..{high})")
    return Const(kind, value)


def _within(ns: int) -> int:
    if not -(1 << 63) <= ns < 1 << 63:
        raise ValueError("the value does not fit 64 bits of nanoseconds")
    return ns


def _duration(text: str) -> int:
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.lstrip("+"))
    total, at, before = 0, 0, 7
    while at < len(rest):
        part = _PART.match(rest, at)
        if part is None or len(part.group()) > 40:
            raise ValueError("a duration is written as T#1d2h3m4s5ms")
        whole, fraction, unit = part.group(1), part.group(2), part.group(3).lower()
        rank = list(reversed(_UNITS)).index(unit)
        if rank >= before:
            raise ValueError("the units of a duration go from large to small")
        if fraction and part.end() < len(rest):
            raise ValueError("only the last unit of a duration has a fraction")
        total += int(whole) * _UNITS[unit]
        total += int(fraction) * _UNITS[unit] // 10 ** len(fraction) if fraction else 0
        at, before = part.end(), rank
    return sign * total


def _date(text: str) -> int:
    try:
        year, month, day = (int(part) for part in text.split("-"))
        return (datetime.date(year, month, day) - _EPOCH).days * _UNITS["d"]
    except (ValueError, OverflowError):
        raise ValueError(f"{text} is not a date") from None


def _clock(text: str) -> int:
    hours, minutes, *rest = text.split(":")
    seconds, _, fraction = (rest[0] if rest else "0").partition(".")
    parts = int(hours), int(minutes), int(seconds)
    if parts[0] > 23 or parts[1] > 59 or parts[2] > 59 or len(fraction) > 18:
        raise ValueError(f"{text} is not a time of day")
    below = int(fraction) * _UNITS["s"] // 10 ** len(fraction) if fraction else 0
    return parts[0] * _UNITS["h"] + parts[1] * _UNITS["m"] + parts[2] * _UNITS["s"] + below


def _date_time(text: str) -> int:
    date, _, clock = text.rpartition("-")
    return _date(date) + _clock(clock)


def _string(literal: s.Literal) -> Const:
    if literal.text.startswith('"') or literal.prefix.upper() == "WSTRING":
        raise ValueError("WSTRING is not supported: write 'text' for a STRING")
    if literal.prefix and literal.prefix.upper() != "STRING":
        raise ValueError(f"there are no literals {literal.prefix}#'...'")
    text = _unescaped(literal.text[1:-1])
    if len(text) > 255:
        raise ValueError("a string has at most 255 characters")
    if text.encode(ENCODING, errors="replace").decode(ENCODING) != text:
        raise ValueError("a STRING has characters of one byte (ISO 8859-1) only")
    return Const(StringType("STRING", len(text)), text)


def _unescaped(text: str) -> str:
    pieces, at = [], 0
    while at < len(text):
        if text[at] != "$":
            pieces.append(text[at])
            at += 1
        elif text[at + 1 : at + 2].lower() in _ESCAPES and at + 1 < len(text):
            pieces.append(_ESCAPES[text[at + 1].lower()])
            at += 2
        elif re.fullmatch(r"[0-9A-Fa-f]{2}", text[at + 1 : at + 3]):
            code = int(text[at + 1 : at + 3], 16)
            if code == 0:
                raise ValueError("$00 would end the string")
            pieces.append(chr(code))
            at += 3
        else:
            raise ValueError(f"{text[at : at + 3]} stands for no character; a $ is written $$")
    return "".join(pieces)
