"""Oracles of conversions: exact integers and fractions, Python's own reading and writing of numbers."""

from __future__ import annotations

import math
import re
import struct
from fractions import Fraction
from typing import Any

import numpy as np
from st_oracle import DAY, ORACLES, RANGE, clamp, stop, to_int, wrap
from st_oracle_times import clock_ns, date_ns, time_text

from hil.plc.standard.conversion import PAIRS
from hil.plc.standard.types import INTEGERS, REALS, SIGNED, TIMES, UNSIGNED, WORDS, bits_of

NS = {"TIME": 10**6, "TOD": 10**6, "DATE": 10**9, "DT": 10**9}
FORMATS = {"REAL": (24, -149, 2**128), "LREAL": (53, -1074, 2**1024)}


def nearest(kind: str, x: Fraction) -> float:
    """The number of the type that is nearest to x, half to even."""
    precision, least, infinite = FORMATS[kind]
    if x == 0:
        return 0.0
    exponent = abs(x.numerator).bit_length() - x.denominator.bit_length() - precision - 2
    while abs(x) / Fraction(2) ** exponent >= 2**precision:
        exponent += 1
    unit = Fraction(2) ** max(exponent, least)
    value = round(x / unit) * unit
    return (math.inf if x > 0 else -math.inf) if abs(value) >= infinite else float(value)


def as_time(kind: str, ns: int) -> int:
    """What a count of ns is as a time of this type: a whole day, or within a day."""
    if kind in ("TOD", "LTOD"):
        return ns % DAY
    return wrap("LINT", ns - ns % DAY if kind in ("DATE", "LDATE") else ns)


def to_time(source: str, target: str, value: Any) -> int:
    if source in TIMES:
        return as_time(target, value)
    if source in REALS:
        scaled = float(np.float64(value) * NS[target]) if target in NS else float(value)
        return as_time(target, to_int("LINT", scaled))
    return as_time(target, wrap("LINT", value * NS.get(target, 1)))


def to_number(source: str, target: str, value: Any) -> Any:
    if source in WORDS and target in REALS:
        return struct.unpack("<f" if target == "REAL" else "<d", value.to_bytes(bits_of(source) // 8, "little"))[0]
    if source in TIMES and target in REALS:
        scaled = float(np.float64(value) / NS[source]) if source in NS else Fraction(value)
        return number(target, scaled)
    if source in TIMES:
        scale = NS.get(source, 1)
        return wrap(target, abs(value) // scale * (1 if value >= 0 else -1))
    return number(target, value) if target in REALS else integer(source, target, value)


def number(target: str, value: Any) -> float:
    if isinstance(value, float) and (not math.isfinite(value) or value == 0):
        return value
    return math.copysign(nearest(target, Fraction(value)), value)


def integer(source: str, target: str, value: Any) -> int:
    if source in REALS and target in WORDS:
        return int.from_bytes(struct.pack("<f" if source == "REAL" else "<d", value), "little")
    if target == "BOOL":
        return value & 1 if source in WORDS else int(value != 0)
    if source in REALS:
        return to_int(target, value)
    if source in SIGNED and target in WORDS:
        value = wrap(UNSIGNED[SIGNED.index(source)], value)
    return wrap(target, value)


# ---- text ----


def real_text(kind: str, x: float) -> str:
    """The shortest digits by Python's repr or NumPy's, set as 0.1 or 1.0E+20."""
    if math.isnan(x):
        return "NAN"
    sign = "-" if math.copysign(1, x) < 0 else ""
    if math.isinf(x):
        return sign + "INF"
    plain = repr(float(x)) if kind == "LREAL" else np.format_float_scientific(np.float32(x), unique=True)
    mantissa, _, exponent = plain.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits, point = whole + fraction, len(whole) + int(exponent or 0)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    digits = stripped.rstrip("0") or "0"
    if x == 0:
        return f"{sign}0.0"
    if (abs(Fraction(x)) >= 1e-4 and point <= 15) or -3 <= point <= 15:
        padded = "0" * max(1 - point, 0) + digits + "0" * max(point - len(digits), 0)
        cut = max(point, 1)
        return f"{sign}{padded[:cut]}.{padded[cut:] or '0'}"
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{'+' if point > 0 else '-'}{abs(point - 1):02d}"


def to_text(source: str, value: Any) -> str:
    if source == "BOOL":
        return "TRUE" if value else "FALSE"
    if source in WORDS:
        return f"16#{value:0{bits_of(source) // 4}X}"
    if source in REALS:
        return real_text(source, value)
    return time_text(source, value) if source in TIMES else str(value)


def read_integer(text: str) -> int:
    found = re.fullmatch(r"[ \t]*([+-]?)(16#|8#|2#)?([0-9A-Fa-f]+(?:_[0-9A-Fa-f]+)*)[ \t]*", text)
    if not found:
        return 0
    sign, base, digits = found.groups()
    try:
        return int(digits.replace("_", ""), int((base or "10#")[:-1])) * (-1 if sign == "-" else 1)
    except ValueError:
        return 0


def read_real(kind: str, text: str) -> float:
    group = r"(?:[0-9]+(?:_[0-9]+)*)"
    found = re.fullmatch(rf"[ \t]*([+-]?)((?:{group}\.?{group}?|\.{group})(?:[eE][+-]?{group})?|(?i:inf))[ \t]*", text)
    if not found:
        return 0.0
    sign, digits = found.groups()
    huge = int((digits.replace("_", "").upper().partition("E")[2] or "0") if digits.lower() != "inf" else 0) > 9999
    size = math.inf if huge or digits.lower() == "inf" else nearest(kind, Fraction(digits.replace("_", "").rstrip(".")))
    return -size if sign == "-" else size


UNITS = {"d": DAY, "h": 3600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def read_duration(text: str) -> int:
    found = re.fullmatch(
        r"[ \t]*(?:(?:lt|ltime|t|time)#)?([+-]?)((?:[0-9_.]+(?:d|h|ms|m|s|us|ns)_?)+)[ \t]*", text.lower()
    )
    if not found:
        return 0
    parts = re.findall(r"([0-9]+)(?:\.([0-9]+))?(d|h|ms|m|s|us|ns)", found[2].replace("_", ""))
    sizes = [UNITS[unit] for _, _, unit in parts]
    too_long = any(int(whole) > (2**63 - 1) // UNITS[unit] for whole, _, unit in parts)
    if too_long or sizes != sorted(set(sizes), reverse=True):
        return 0
    total = sum(int(whole) * UNITS[u] + int(Fraction("0." + (part or "0")) * UNITS[u]) for whole, part, u in parts)
    return wrap("LINT", -total if found[1] == "-" else total)


def read_when(kind: str, text: str) -> int:
    text = text.partition("#")[2] if "#" in text else text
    calendar = r"(?P<y>\d+)-(?P<mo>\d+)-(?P<d>\d+)"
    clock = r"(?P<h>\d+):(?P<m>\d+):(?P<s>\d+)(?:\.(?P<f>\d*))?"
    pattern = {"DATE": calendar, "TOD": clock, "DT": f"{calendar}-{clock}"}[kind.removeprefix("L")]
    found = re.fullmatch(rf"\s*{pattern}\s*", text)
    if not found:
        return 0
    got = {key: value or "0" for key, value in found.groupdict().items()}
    days = date_ns(*(int(got[k]) for k in ("y", "mo", "d"))) if "y" in got else 0
    ns = clock_ns(*(int(got[k]) for k in ("h", "m", "s"))) if "h" in got else 0
    if days is None or ns is None:
        return 0
    return days + ns + int(Fraction(f"0.{got.get('f', '0')}") * 10**9)


def of_text(target: str, text: str) -> Any:
    if target == "BOOL":
        return int(text.strip(" \t").upper() in ("TRUE", "1"))
    if target in REALS:
        return read_real(target, text)
    if target in ("TIME", "LTIME"):
        return read_duration(text)
    return read_when(target, text) if target in TIMES else clamp(target, read_integer(text))


# ---- registered ----


def convert(source: str, target: str, value: Any) -> Any:
    if source == target:
        return value
    if source == "STRING":
        return of_text(target, value)
    if target == "STRING":
        return to_text(source, value)
    return to_time(source, target, value) if target in TIMES else to_number(source, target, value)


def _conversion(types: tuple[str, ...], args: list[Any], result: str) -> Any:
    return convert(types[0], result, args[0])


for _source, _target in PAIRS:
    ORACLES[f"TO_{_target}"] = _conversion
    if _source != _target:
        ORACLES[f"{_source}_TO_{_target}"] = _conversion


def _trunc(types: tuple[str, ...], args: list[Any], result: str) -> Any:
    x = args[0]
    return to_int(result, math.trunc(x) if math.isfinite(x) else x)


def _of_bcd(types: tuple[str, ...], args: list[Any], result: str) -> Any:
    digits = f"{args[0]:x}"
    if not digits.isdecimal() or int(digits) != clamp(result, int(digits)):
        return stop(RANGE)
    return int(digits)


def _to_bcd(types: tuple[str, ...], args: list[Any], result: str) -> Any:
    return stop(RANGE) if len(str(args[0])) > bits_of(result) // 4 else int(str(args[0]), 16)


ORACLES["TRUNC"] = _trunc
for _target in INTEGERS:
    ORACLES[f"TRUNC_{_target}"] = _trunc
    ORACLES.update({f"{_source}_TRUNC_{_target}": _trunc for _source in REALS})
for _target in UNSIGNED:
    ORACLES[f"BCD_TO_{_target}"] = _of_bcd
    ORACLES.update({f"{_word}_BCD_TO_{_target}": _of_bcd for _word in WORDS})
for _word in WORDS:
    ORACLES[f"TO_BCD_{_word}"] = _to_bcd
    ORACLES.update({f"{_source}_TO_BCD_{_word}": _to_bcd for _source in UNSIGNED})
