"""Which located variable of a PLC program a tag is, and how one's raw value becomes the other's value.

Without the column `variable` the addresses are those that OpenPLC publishes over Modbus
(https://autonomylogic.com/docs/2-5-modbus-addressing/): coils %QX, discrete inputs %IX, input registers %IW, holding
registers from 0 on %QW, from 1024 on %MW, from 2048 on %MD (two registers), from 4096 on %ML (four).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hil.errors import RigError
from hil.iomap import EXACT, RAW_RANGE, IoTag
from hil.nearest import did_you_mean
from hil.rig.description import PlcRef

# Bits and sign of the integer types.
INTEGERS: Mapping[str, tuple[int, bool]] = {
    **{name: (bits, True) for name, bits in (("SINT", 8), ("INT", 16), ("DINT", 32), ("LINT", 64))},
    **{name: (bits, False) for name, bits in (("USINT", 8), ("UINT", 16), ("UDINT", 32), ("ULINT", 64))},
    **{name: (bits, False) for name, bits in (("BYTE", 8), ("WORD", 16), ("DWORD", 32), ("LWORD", 64))},
}
REGISTERS: Mapping[str, tuple[int, bool]] = {
    **{f"uint{bits}": (bits, False) for bits in (16, 32, 64)},
    **{f"int{bits}": (bits, True) for bits in (16, 32, 64)},
}
FLOATS = {"float32": "REAL", "float64": "LREAL"}
# enum wire_mode of core/src/blocks/wires.h
WHOLE, REAL, PLAIN, BOOL, A_BIT, UNSIGNED, SIGNED = range(7)
# First holding register of each area, its letter, and the registers of one variable.
AREAS = ((4096, "%ML", 4), (2048, "%MD", 2), (1024, "%MW", 1), (0, "%QW", 1))

Wire = tuple[float, ...]  # WIRE_FIELDS numbers


@dataclass(frozen=True)
class Located:
    """A located variable: its place in the program's input or output image, and what it is called."""

    slot: int
    name: str
    address: str
    type: str

    def __str__(self) -> str:
        return f"{self.name} ({self.address} : {self.type})"


def published_address(tag: IoTag) -> str:
    """The located variable that OpenPLC's addressing gives a tag; of a bit in a register that register's.

    Raises:
        RigError: it begins amid the registers of a variable.
    """
    n = tag.address
    if tag.is_bits:
        return f"%{'Q' if tag.table == 'coil' else 'I'}X{n // 8}.{n % 8}"
    if tag.table == "input_register":
        return f"%IW{n}"
    first, area, words = next(area for area in AREAS if n >= area[0])
    if (n - first) % words:
        why = f"holding register {n} lies amid the {words} registers of {area}{(n - first) // words}"
        raise RigError(why, mend="Write its variable into the column variable")
    return f"{area}{(n - first) // words}"


def variable_of(tag: IoTag, ours: Sequence[Located], others: Sequence[Located]) -> Located:
    """The located variable of a tag, by its column `variable` or its address.

    Args:
        tag: a row of the map.
        ours: those of the tag's direction.
        others: those of the other one.

    Raises:
        RigError: there is none, or only one of the other direction.
    """
    wanted = tag.variable or published_address(tag)
    found = named(wanted, ours)
    if found is not None:
        return found
    wrong = named(wanted, others)
    if wrong is not None:
        bench, plc = ("writes", "an output") if tag.direction == "write" else ("reads", "an input")
        mend = "Use another direction, or name the right variable in the column variable"
        raise RigError(f"the bench {bench} this tag, and {wrong} is {plc} of the program", mend=mend)
    if tag.variable:
        known = [located.name for located in (*ours, *others)]
        raise RigError(f"the program has no located variable {wanted}", mend=did_you_mean(wanted, known))
    mend = f"Declare one AT {wanted}, or name another in the column variable"
    raise RigError(f"no variable of the program lies at {wanted}, the address of {tag.place}", mend=mend)


def named(wanted: str, located: Sequence[Located]) -> Located | None:
    """By address or by name, in any case; the last part of a name does where it is the only one."""
    key = wanted.upper()
    if key.startswith("%"):
        return next((item for item in located if item.address.upper() == key), None)
    whole = [item for item in located if item.name.upper() == key]
    part = [item for item in located if item.name.upper().rpartition(".")[2] == key]
    return whole[0] if whole else part[0] if len(part) == 1 else None


def wire_of(located: Located, tag: IoTag | None) -> Wire:
    """The wire between a located variable and its tag; tag None: a role without a device.

    Raises:
        RigError: the register does not carry a variable of this type.
    """
    if tag is None:
        return _without_register(located)
    if tag.type == "bool":
        return _bool(located, tag)
    low, high = RAW_RANGE[tag.type]
    if tag.type in FLOATS and located.type == FLOATS[tag.type]:
        return _wire(located, REAL if located.type == "REAL" else PLAIN, tag.scale, tag.offset, low, high)
    register, variable = REGISTERS.get(tag.type), INTEGERS.get(located.type)
    if register is None or variable is None or register[0] != variable[0]:
        raise _mismatch(located, tag)
    mode = WHOLE if register[1] == variable[1] else SIGNED if variable[1] else UNSIGNED
    turn = 0.0 if mode == WHOLE else 2.0 ** register[0]
    return _wire(located, mode, tag.scale, tag.offset, low, high, turn)


def plain_wire(slot: int) -> Wire:
    """Of a watched variable: its value as it is."""
    return (float(slot), float(PLAIN), 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def range_of(kind: str) -> tuple[float, float]:
    """Smallest and largest number of a located variable of this type; integers of 64 bits are exact to 2^53."""
    if kind == "BOOL":
        return 0.0, 1.0
    if kind in INTEGERS:
        bits, signed = INTEGERS[kind]
        low, high = (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if signed else (0.0, 2.0**bits - 1)
        return max(low, -EXACT), min(high, EXACT)
    if kind == "REAL":
        return RAW_RANGE["float32"]
    return (-1e308, 1e308) if kind == "LREAL" else (-EXACT, EXACT)


def force_range(plc: PlcRef, name: str) -> tuple[float, float]:
    """Range of a parameter force.<variable> or force.<variable>.on."""
    kinds = {**plc.inputs, **plc.outputs}
    variable = name.removeprefix("force.")
    return range_of(kinds[variable]) if variable in kinds else (0.0, 1.0)


def image_names(plc: PlcRef) -> list[str]:
    """Names of the block's states behind its own: the images, then the program's words, numbered."""
    outputs = [*plc.outputs, *plc.memory, *plc.watch]
    images = (("input", plc.inputs), ("forced", plc.inputs), ("output", outputs))
    return [*(f"{image}.{name}" for image, names in images for name in names), "word"]


def _bool(located: Located, tag: IoTag) -> Wire:
    if located.type == "BOOL":
        return _wire(located, BOOL, 1.0, 0.0, 0.0, 1.0)
    bits, signed = INTEGERS.get(located.type, (0, True))
    if tag.bit is None or signed or not tag.bit < bits <= 32:
        raise _mismatch(located, tag)
    return _wire(located, A_BIT, 1.0, 0.0, 0.0, 1.0, bit=tag.bit)


def _without_register(located: Located) -> Wire:
    mode = {"BOOL": BOOL, "REAL": REAL, "LREAL": PLAIN}.get(located.type, WHOLE)
    return _wire(located, mode, 1.0, 0.0, *range_of(located.type))


def _wire(
    located: Located, mode: int, scale: float, offset: float, low: float, high: float, turn: float = 0.0, bit: int = 0
) -> Wire:
    if mode == PLAIN:
        low = high = 0.0  # not used; infinite numbers are no configuration
    return (float(located.slot), float(mode), scale, offset, low, high, turn, float(bit))


def _mismatch(located: Located, tag: IoTag) -> RigError:
    if tag.type == "bool":
        fits = "BOOL, or a WORD by its bit" if tag.bit is not None else "BOOL"
    elif tag.type in FLOATS:
        fits = FLOATS[tag.type]
    else:
        bits = REGISTERS[tag.type][0]
        fits = ", ".join(name for name, (n, _) in INTEGERS.items() if n == bits)
    what = tag.type if tag.bit is None else f"bit {tag.bit} of a register"
    return RigError(f"{located} does not fit {what}", mend=f"It takes {fits}; change the tag's type or the variable's")
