"""The elementary types of IEC 61131-3:2013 (table 10), their groups, and what converts by itself (figure 12)."""

from __future__ import annotations

SIGNED = ("SINT", "INT", "DINT", "LINT")
UNSIGNED = ("USINT", "UINT", "UDINT", "ULINT")
INTEGERS = ("SINT", "USINT", "INT", "UINT", "DINT", "UDINT", "LINT", "ULINT")
REALS = ("REAL", "LREAL")
NUMBERS = INTEGERS + REALS
WORDS = ("BYTE", "WORD", "DWORD", "LWORD")
BITS = ("BOOL", *WORDS)
DURATIONS = ("TIME", "LTIME")
DATES = ("DATE", "LDATE", "TOD", "LTOD", "DT", "LDT")
TIMES = DURATIONS + DATES
ELEMENTARY = ("BOOL", *NUMBERS, *WORDS, *TIMES, "STRING")

# Other names of a type; types that HIL does not have.
ALIASES = {
    "TIME_OF_DAY": "TOD",
    "DATE_AND_TIME": "DT",
    "LTIME_OF_DAY": "LTOD",
    "LDATE_AND_TIME": "LDT",
}
ABSENT = ("CHAR", "WCHAR", "WSTRING")

GROUPS = {
    "ANY_ELEMENTARY": ELEMENTARY,
    "ANY_NUM": NUMBERS,
    "ANY_INT": INTEGERS,
    "ANY_SIGNED": SIGNED,
    "ANY_UNSIGNED": UNSIGNED,
    "ANY_REAL": REALS,
    "ANY_BIT": BITS,
    "BYTE .. LWORD": WORDS,
    "TIME .. LDT": TIMES,
    "ANY_DURATION": DURATIONS,
    "ANY_DATE": DATES,
}

# An untyped literal adapts to the other arguments.
LITERALS = ("#INT", "#REAL")

C_TYPES = {
    "i8": "int8_t",
    "i16": "int16_t",
    "i32": "int32_t",
    "i64": "int64_t",
    "u8": "uint8_t",
    "u16": "uint16_t",
    "u32": "uint32_t",
    "u64": "uint64_t",
    "f32": "float",
    "f64": "double",
    "string": "const char *",
}

# What a type is in C; types that are the same there share their functions.
TAGS = {
    "BOOL": "u8",
    **dict(zip(SIGNED, ("i8", "i16", "i32", "i64"), strict=True)),
    **dict(zip(UNSIGNED, ("u8", "u16", "u32", "u64"), strict=True)),
    **dict(zip(WORDS, ("u8", "u16", "u32", "u64"), strict=True)),
    "REAL": "f32",
    "LREAL": "f64",
    **dict.fromkeys(TIMES, "i64"),
    "STRING": "string",
}

_DIRECT = {
    "SINT": ("INT", "REAL"),
    "INT": ("DINT", "REAL"),
    "DINT": ("LINT", "LREAL"),
    "USINT": ("INT", "UINT", "REAL"),
    "UINT": ("DINT", "UDINT", "REAL"),
    "UDINT": ("LINT", "ULINT", "LREAL"),
    "REAL": ("LREAL",),
    "BOOL": ("BYTE",),
    "BYTE": ("WORD",),
    "WORD": ("DWORD",),
    "DWORD": ("LWORD",),
    "TIME": ("LTIME",),
    "DATE": ("LDATE",),
    "TOD": ("LTOD",),
    "DT": ("LDT",),
}


def _reached(source: str) -> frozenset[str]:
    found = {source}
    for target in _DIRECT.get(source, ()):
        found |= _reached(target)
    return frozenset(found)


IMPLICIT = {source: _reached(source) for source in ELEMENTARY}


def bits_of(name: str) -> int:
    """Width of an integer or bit string type in bits; BOOL has 1."""
    return 1 if name == "BOOL" else int(TAGS[name][1:])


def range_of(name: str) -> tuple[int, int]:
    """The smallest and the largest value of an integer or bit string type."""
    bits = bits_of(name)
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if name in SIGNED else (0, (1 << bits) - 1)


def holds(name: str, literal: str, value: float | None) -> bool:
    """Whether an untyped literal can be of type `name`; without its value, whether its kind can."""
    if name in REALS:
        return True
    if literal == "#REAL" or name not in (*INTEGERS, *BITS):
        return False
    if value is None:
        return name != "BOOL"
    low, high = range_of(name)
    return low <= value <= high


def becomes(source: str, target: str, value: float | None = None) -> bool:
    """Whether `source` converts to `target` by itself: without loss, or as a literal whose value fits."""
    if source in LITERALS:
        return holds(target, source, value)
    return target in IMPLICIT.get(source, ())


def alone(literal: str, value: float | None) -> str:
    """The type of a literal that nothing gives a type: LREAL, or the first of INT, DINT, LINT, ULINT that holds it."""
    if literal == "#REAL":
        return "LREAL"
    return next((name for name in ("INT", "DINT", "LINT", "ULINT") if holds(name, literal, value)), "LREAL")
