"""Units of measurement, on pint: are two signals wired in the same unit, and what is the factor between two units.

A unit is written as the field writes it: "m", "m/s", "m3/h", "cm**2", "1/s", "degC", "°C", "%", "Nm". "" and "1" are
plain numbers, "bool" is a logic value (a plain number that is 0 or 1). An angle is a dimension of its own here, other
than in pint: rpm wired to Hz is then an error instead of a silent factor of 0.105.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from hil.errors import RigError

if TYPE_CHECKING:
    from pint import Unit, UnitRegistry

__all__ = ["check_unit", "compatible", "conversion", "factor", "nearest_unit", "same_unit"]

MAX_LENGTH = 60
# Spellings that pint reads otherwise (its "Nm" is a number of metres, its "pH" a picohenry) or not at all.
ALIASES = {
    "Nm": "N*m",
    "°C": "degC",
    "°F": "degF",
    "°": "degree",
    "%": "percent",
    "bool": "",
    "1": "",
    "pH": "",
    "var": "VA",
}
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
# One factor: a name, perhaps with a small whole exponent ("m3", "m**3", "m^-1"); or the 1 of "1/s".
FACTOR = re.compile(
    r"(?P<name>[^\W\d_]*°?[^\W\d]+|[%°])(?:(?:\*\*|\^)?\(?(?P<power>[+-]?[1-9])\)?)?|(?P<one>1)(?![\d.])"
)
WATER = re.compile(r"(?:in|ft|cm|mm)_?H2O")  # the one family of names with a digit inside
# What a typing error is compared with first; pint's own thousand names come second.
COMMON = (  # noqa: SIM905, eighty quoted names are hard to read
    "m mm cm km um s ms us min hour day g kg mg t N kN N*m Pa kPa MPa bar mbar psi V mV kV A mA uA W kW MW J kJ kWh "
    "ohm kohm F uF nF H mH Hz kHz MHz rad mrad deg rad/s deg/s rpm m/s m/s**2 km/h K degC degF L l ml l/min l/s "
    "m**2 cm**2 m**3 m**3/s m**3/h kg/s kg/h kg/m**3 S mS T mol lux lm cd % 1 bool ppm bit count volt ampere metre"
).split()

# Products of these are units for certain: most rigs are read without pint, which takes 0.3 s to start.
PLAIN = "|".join(name for name in COMMON if name.isalpha() and name != "bool")
PRODUCT = re.compile(rf"(?:1/)?(?:{PLAIN})(?:\*\*[2-9])?(?:[*/](?:{PLAIN})(?:\*\*[2-9])?)*")


def check_unit(text: str, *, where: str | None = None) -> str:
    """Return `text` when it is a unit.

    Raises:
        RigError: it is not; the message names the nearest unit. `where` is the file and key that it came from.

    """
    if not _plain(text):
        _read(text, where)
    return text


def same_unit(a: str, b: str) -> bool:
    """True when a value needs no conversion between the two: "l/s" and "L/s", "V" and "volt", "bool" and "1".

    Raises:
        RigError: one of them is not a unit.

    """
    if a == b and _plain(a):
        return True
    return compatible(a, b) and conversion(a, b) == (1.0, 0.0)


def compatible(a: str, b: str) -> bool:
    """True when a conversion exists: the dimensions are the same.

    Raises:
        RigError: one of them is not a unit.

    """
    if a == b and _plain(a):
        return True
    unit_a, unit_b = _read(a), _read(b)
    if "bool" in (a.strip(), b.strip()):  # 0 or 1 is never a percentage
        return bool(unit_a == unit_b)
    return bool(unit_a.dimensionality == unit_b.dimensionality)


def factor(a: str, b: str) -> float:
    """The number that a value in `a` is multiplied with to be in `b`: `factor("cm", "m")` is 0.01.

    Raises:
        RigError: not a unit, another dimension, or a conversion that also shifts the zero (degC to K).

    """
    scale, offset = conversion(a, b)
    if offset:
        raise RigError(f"{a!r} to {b!r} also shifts the zero, by {offset:g}", mend="Declare a scale and an offset")
    return scale


@cache
def conversion(a: str, b: str) -> tuple[float, float]:
    """(scale, offset) with value_b = scale * value_a + offset: `conversion("degC", "K")` is (1.0, 273.15).

    Raises:
        RigError: not a unit, or another dimension.

    """
    if not compatible(a, b):
        raise RigError(f"unit {a!r} does not convert to {b!r}", mend="Give both the same kind of unit")
    unit_a, unit_b = _read(a), _read(b)
    if unit_a == unit_b:
        return 1.0, 0.0
    make = _registry().Quantity
    offset = float(make(0.0, unit_a).to(unit_b).magnitude)
    scale = float(make(1.0, unit_a).to(unit_b).magnitude) - offset
    # The difference costs digits where the offset is large (degC: 1.0000000000000002); 12 digits do there.
    return (float(f"{scale:.12g}"), offset) if offset else (scale, 0.0)


def _plain(text: str) -> bool:
    """A unit beyond doubt; False says nothing."""
    return text in COMMON or (isinstance(text, str) and len(text) <= MAX_LENGTH and bool(PRODUCT.fullmatch(text)))


def nearest_unit(text: str) -> str | None:
    """The unit that a mistyped one probably means, or None: "kpa" is near "kPa", "vlot" near "volt"."""
    for name in COMMON:
        if name.lower() == text.lower():
            return name
    near = get_close_matches(text, COMMON, n=1, cutoff=0.6)
    names = [] if near else [str(name) for name in dir(_registry()) if not name.startswith("_")]
    near = near or get_close_matches(text, names, n=1, cutoff=0.75)
    return near[0] if near else None


def _read(text: str, where: str | None = None) -> Unit:
    """The pint unit of a text, or a RigError that says where."""
    unit = _parse(text) if isinstance(text, str) else None
    if unit is not None:
        return unit
    near = nearest_unit(text[:MAX_LENGTH]) if isinstance(text, str) else None
    mend = f"Did you mean {near!r}?" if near else 'Write it like "m", "m**3/s", "degC", "%" or "1"'
    raise RigError(f"{str(text)[:MAX_LENGTH]!r} is not a unit", where=where, mend=mend.rstrip("?") + "?" * bool(near))


@cache
def _parse(text: str) -> Unit | None:
    """The pint unit of a text, None when it is none. Only names, small whole powers, * / and brackets reach pint."""
    pint_text = _to_pint(text)
    if pint_text is None:
        return None
    try:
        return _registry().parse_units(pint_text)
    except Exception:  # pint and its tokenizer raise a dozen kinds of errors, assertions among them
        return None


def _to_pint(text: str) -> str | None:
    """The field's spelling in pint's, None when a token is not allowed (`9**9**9` would keep pint busy for ever)."""
    text = text.strip().translate(SUPERSCRIPTS).replace("·", "*")
    if len(text) > MAX_LENGTH:
        return None
    if text in ALIASES:
        return ALIASES[text]
    out, at = "", 0
    while at < len(text):
        water, one = WATER.match(text, at), FACTOR.match(text, at)
        if water:
            out, at = out + water[0], water.end()
        elif one:
            name = ALIASES.get(one["name"], one["name"]) if one["name"] else "1"
            out, at = out + (f"({name})**({one['power']})" if one["power"] else f"({name})"), one.end()
        elif text[at] in "*/() " and text[at : at + 2] != "**":
            out, at = out + text[at], at + 1
        else:
            return None
    return out


@cache
def _registry() -> UnitRegistry[Any]:
    """The one registry of the process; making it takes 0.3 s, so it is made when a unit is first looked at."""
    import pint

    registry: UnitRegistry[Any] = pint.UnitRegistry(on_redefinition="ignore")
    registry.define("radian = [angle] = rad")
    registry._build_cache()  # dimensions of rpm and degree were worked out before; a test holds this
    return registry
