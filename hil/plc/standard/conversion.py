"""Type conversions (tables 22 to 27): *_TO_*, TO_*, *_TRUNC_*, TRUNC_*, BCD, and the C function of each."""

from __future__ import annotations

from hil.plc.standard.signature import Function, Signature, group_name
from hil.plc.standard.types import (
    BITS,
    ELEMENTARY,
    INTEGERS,
    REALS,
    SIGNED,
    TAGS,
    TIMES,
    UNSIGNED,
    WORDS,
    bits_of,
)

GROUP = "Conversion"

# What a number means as a time and the other way, as CODESYS has it.
TIME_UNITS = {
    **dict.fromkeys(("TIME", "TOD"), "ms"),
    **dict.fromkeys(("DATE", "DT"), "s"),
    **dict.fromkeys(("LTIME", "LTOD", "LDATE", "LDT"), "ns"),
}

# Times that become others: the part of a date and time, and the long form of each.
TIME_PARTS = {
    **dict.fromkeys([(a, b) for a in ("TIME", "LTIME") for b in ("TIME", "LTIME")], "st_move_i64"),
    **dict.fromkeys([(a, b) for a in ("TOD", "LTOD") for b in ("TOD", "LTOD")], "st_move_i64"),
    **dict.fromkeys([(a, b) for a in ("DATE", "LDATE", "DT", "LDT") for b in ("DT", "LDT")], "st_move_i64"),
    **dict.fromkeys([(a, b) for a in ("DATE", "LDATE", "DT", "LDT") for b in ("DATE", "LDATE")], "st_date_of_ns"),
    **dict.fromkeys([(a, b) for a in ("DT", "LDT") for b in ("TOD", "LTOD")], "st_tod_of_ns"),
}

_NS = {"TIME": "move_i64", "LTIME": "move_i64", "LDT": "move_i64", "LDATE": "date_of_ns", "LTOD": "tod_of_ns"}
TIME_OF_NUMBER = {**_NS, "TIME": "time_of_ms", "TOD": "tod_of_ms", "DT": "dt_of_s", "DATE": "date_of_s"}
TIME_OF_REAL = {
    "TIME": "time_of_real",
    "LTIME": "i64_of_real",
    "TOD": "tod_of_real",
    "LTOD": "ltod_of_real",
    "DT": "dt_of_real",
    "LDT": "i64_of_real",
    "DATE": "date_of_real",
    "LDATE": "ldate_of_real",
}
TEXT_TO_TIME = {"TIME": "time", "LTIME": "time", "TOD": "tod", "LTOD": "tod", "DATE": "date", "LDATE": "date"}


def c_function(source: str, target: str) -> str | None:
    """The C function from a type to another or itself; None if there is no conversion."""
    if source == target:
        return f"st_move_{TAGS[source]}"
    if "STRING" in (source, target):
        return _of_text(target) if source == "STRING" else _to_text(source)
    if target in TIMES:
        return _to_time(source, target)
    if target in REALS:
        return _to_real(source, target)
    return _to_bits(source, target)


def _of_text(target: str) -> str:
    if target == "BOOL":
        return "st_bool_of_string"
    return f"st_{TEXT_TO_TIME.get(target, 'dt') if target in TIMES else TAGS[target]}_of_string"


def _to_text(source: str) -> str:
    if source in TIMES or source == "BOOL":
        return f"st_string_of_{source.lower()}"
    if source in WORDS:
        return f"st_string_of_pattern_{TAGS[source]}"
    if source in REALS:
        return f"st_string_of_{TAGS[source]}"
    return f"st_string_of_{'i64' if source in SIGNED else 'u64'}"


def _to_time(source: str, target: str) -> str | None:
    if source in TIMES:
        return TIME_PARTS.get((source, target))
    if source == "BOOL":
        return None
    return f"st_{(TIME_OF_REAL if source in REALS else TIME_OF_NUMBER)[target]}"


def _to_real(source: str, target: str) -> str | None:
    tag = TAGS[target]
    if source in BITS and source != "BOOL":
        return f"st_{tag}_of_pattern" if bits_of(source) == int(tag[1:]) else None
    if source in TIMES and TIME_UNITS[source] != "ns":
        return f"st_{tag}_of_{TIME_UNITS[source]}"
    wide = TAGS[source] if source in REALS else "u64" if source in (*UNSIGNED, "BOOL") else "i64"
    return f"st_{tag}_of_{wide}"


def _to_bits(source: str, target: str) -> str | None:
    """To an integer or bit string."""
    if source in REALS and target in WORDS:
        return f"st_pattern_of_{TAGS[source]}" if bits_of(target) == int(TAGS[source][1:]) else None
    tag = "bool" if target == "BOOL" else TAGS[target]
    if source in REALS:
        return f"st_{tag}_of_real"
    if source in SIGNED and target in WORDS:  # zeros above, not the sign
        return f"st_{tag}_of_low{bits_of(source)}"
    if target == "BOOL":
        return None if source in TIMES else f"st_bool_of_{'bits' if source in WORDS else 'number'}"
    return f"st_{tag}_of_{TIME_UNITS[source] if TIME_UNITS.get(source, 'ns') != 'ns' else 'bits'}"


def _form(source: str, target: str, c_name: str, *, stops: bool = False) -> Signature:
    return Signature((("IN", source),), target, c_name, stops=stops)


PAIRS = {(a, b): c for a in ELEMENTARY for b in ELEMENTARY if (c := c_function(a, b))}


def _meaning(source: str, target: str) -> str:
    kinds = [next(k for k, names in _KINDS if t in names) for t in (source, target)]
    return _MEANINGS.get(tuple(kinds), "")


_KINDS = (
    ("int", INTEGERS),
    ("real", REALS),
    ("bool", ("BOOL",)),
    ("bits", WORDS),
    ("time", TIMES),
    ("text", ("STRING",)),
)
_NEAREST = "Rounds half to even; what the type cannot hold becomes the nearest that it can, NaN 0."
_UNIT = "TIME and TOD count in ms, DATE and DT in s since 1970, their long forms in ns."
_MEANINGS: dict[tuple[str, ...], str] = {
    ("int", "int"): "Keeps the low bits.",
    ("int", "real"): "Rounds half to even.",
    ("int", "bool"): "Whether it is not 0.",
    ("int", "bits"): "Low bits; zeros above.",
    ("real", "int"): _NEAREST,
    ("real", "real"): "Rounds half to even.",
    ("real", "bool"): "Whether it is not 0.",
    ("real", "bits"): "The bit pattern of IEC 60559.",
    ("bool", "int"): "0 or 1.",
    ("bool", "real"): "0 or 1.",
    ("bool", "bits"): "0 or 1.",
    ("bits", "int"): "Low bits.",
    ("bits", "real"): "The number with this bit pattern of IEC 60559.",
    ("bits", "bool"): "The lowest bit.",
    ("bits", "bits"): "Low bits; zeros above.",
    ("time", "int"): f"{_UNIT} Truncates, keeps the low bits.",
    ("time", "bits"): f"{_UNIT} Truncates, keeps the low bits.",
    ("time", "real"): _UNIT,
    ("int", "time"): _UNIT,
    ("bits", "time"): _UNIT,
    ("real", "time"): f"{_UNIT} {_NEAREST}",
    ("time", "time"): "The day, the time of day, or the same value.",
    ("bool", "text"): "TRUE or FALSE.",
    ("int", "text"): "Decimal.",
    ("bits", "text"): "16#00FF, two digits a byte.",
    ("real", "text"): "The shortest text that reads as the same number: 0.1, 1.0E+20, INF, NAN.",
    ("time", "text"): "T#1h2m3s4ms, D#2024-02-29, TOD#12:34:56.789, DT#2024-02-29-12:34:56.",
    ("text", "bool"): "TRUE or 1, in any case; other text is FALSE.",
    ("text", "int"): "A literal of base 2, 8, 10 or 16; the nearest that the type holds; other text is 0.",
    ("text", "bits"): "A literal of base 2, 8, 10 or 16; the nearest that the type holds; other text is 0.",
    ("text", "real"): "The nearest number; other text is 0.",
    ("text", "time"): "A literal, with or without what stands before #; other text is 0.",
}

TYPED = tuple(
    Function(f"{a}_TO_{b}", GROUP, _meaning(a, b), (_form(a, b, c),)) for (a, b), c in PAIRS.items() if a != b
)

# Literals take the first form that holds them.
_FIRST = ("INT", "DINT", "LINT", "LREAL")


def _overloaded(target: str) -> Function:
    sources = [a for a in (*_FIRST, *(t for t in ELEMENTARY if t not in _FIRST)) if (a, target) in PAIRS]
    forms = tuple(_form(a, target, PAIRS[a, target]) for a in sources)
    return Function(f"TO_{target}", GROUP, f"*_TO_{target} of whatever type IN has.", forms)


OVERLOADED = tuple(_overloaded(target) for target in ELEMENTARY)


def _truncations(target: str) -> tuple[Function, ...]:
    meaning = "Truncates towards 0; what the type cannot hold becomes the nearest that it can, NaN 0."
    c_name = f"st_{TAGS[target]}_trunc"
    forms = {source: _form(source, target, c_name) for source in ("LREAL", "REAL")}
    typed = (Function(f"{a}_TRUNC_{target}", GROUP, meaning, (form,)) for a, form in forms.items())
    return (*typed, Function(f"TRUNC_{target}", GROUP, meaning, tuple(forms.values())))


TRUNC = Function(
    "TRUNC", GROUP, "Truncates towards 0 to DINT.", tuple(_form(a, "DINT", "st_i32_trunc") for a in ("LREAL", "REAL"))
)


def _of_bcd(target: str) -> tuple[Function, ...]:
    meaning = "The number whose decimal digits these are. A digit above 9, or a number too large, stops the program."
    forms = {word: _form(word, target, f"st_{TAGS[target]}_of_bcd", stops=True) for word in WORDS}
    typed = (Function(f"{word}_BCD_TO_{target}", GROUP, meaning, (form,)) for word, form in forms.items())
    return (*typed, Function(f"BCD_TO_{target}", GROUP, meaning, tuple(forms.values())))


def _to_bcd(word: str) -> tuple[Function, ...]:
    meaning = "4 bits a decimal digit. A number with more digits than there is room for stops the program."
    forms = {source: _form(source, word, f"st_{TAGS[word]}_to_bcd", stops=True) for source in UNSIGNED}
    typed = (Function(f"{source}_TO_BCD_{word}", GROUP, meaning, (form,)) for source, form in forms.items())
    return (*typed, Function(f"TO_BCD_{word}", GROUP, meaning, tuple(forms.values())))


FUNCTIONS = (
    *TYPED,
    *OVERLOADED,
    TRUNC,
    *(f for target in INTEGERS for f in _truncations(target)),
    *(f for target in UNSIGNED for f in _of_bcd(target)),
    *(f for word in WORDS for f in _to_bcd(word)),
)


def conversion_rules() -> list[tuple[str, str, str]]:
    """What each kind of conversion does, for the documentation: from, to, meaning."""
    names = {kind: group_name(members) for kind, members in _KINDS}
    rows = []
    for (source, target), meaning in _MEANINGS.items():
        members = [dict(_KINDS)[kind] for kind in (source, target)]
        pairs = [f"{a}_TO_{b}" for a in members[0] for b in members[1] if a != b and (a, b) in PAIRS]
        some = f" Only {', '.join(pairs)}." if len(pairs) < _possible(*members) and len(pairs) < FEW else ""
        rows.append((names[source], names[target], meaning + some))
    return rows


FEW = 30  # pairs that are listed by name


def _possible(sources: tuple[str, ...], targets: tuple[str, ...]) -> int:
    return sum(a != b for a in sources for b in targets)
