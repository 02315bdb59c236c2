"""Units: what converts, what is refused, and what the message proposes."""

from __future__ import annotations

import pytest

from hil import units
from hil.errors import RigError
from hil.units import check_unit, compatible, conversion, factor, same_unit


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("cm", "m", 0.01),
        ("cm2", "m2", 1e-4),
        ("m3/h", "m**3/s", 1 / 3600),
        ("bar", "Pa", 1e5),
        ("%", "1", 0.01),
        ("rpm", "rad/s", 2 * 3.141592653589793 / 60),
        ("Nm", "N*m", 1.0),
        ("m³", "l", 1000.0),
        ("V", "V", 1.0),
        ("", "1", 1.0),
    ],
)
def test_factor_between_spellings_of_the_field(a: str, b: str, expected: float) -> None:
    assert factor(a, b) == pytest.approx(expected, rel=1e-14)


def test_temperature_shifts_the_zero() -> None:
    assert conversion("degC", "K") == (1.0, 273.15)
    assert conversion("°C/s", "K/s") == (1.0, 0.0)
    with pytest.raises(RigError, match="shifts the zero"):
        factor("degC", "K")


@pytest.mark.parametrize(
    ("a", "b"), [("V", "m"), ("rpm", "Hz"), ("rad", "1"), ("bool", "%"), ("m", "m/s"), ("degC", "V")]
)
def test_different_quantities_do_not_convert(a: str, b: str) -> None:
    assert not compatible(a, b)
    assert not same_unit(a, b)
    with pytest.raises(RigError, match="does not convert"):
        conversion(a, b)


def test_same_unit_needs_no_conversion() -> None:
    assert same_unit("l/s", "L/s")
    assert same_unit("bool", "1")
    assert same_unit("volt", "V")
    assert not same_unit("mV", "V")
    assert compatible("mV", "V")


@pytest.mark.parametrize(
    ("text", "near"), [("kpa", "kPa"), ("vlot", "volt"), ("metr", "metre"), ("secnod", "second"), ("v", "V")]
)
def test_a_mistyped_unit_names_the_nearest(text: str, near: str) -> None:
    with pytest.raises(RigError, match=rf"rig\.toml:signal\.x: '{text}' is not a unit\. Did you mean '{near}'\?"):
        check_unit(text, where="rig.toml:signal.x")


@pytest.mark.parametrize(
    "text", ["9**9**9**9", "m**1e9", "m+s", "3 m", "__class__", "m if s", "*", "m/", "a" * 500, "m**99", "(m", "a.b"]
)
@pytest.mark.timeout(20)
def test_text_that_is_no_unit_is_refused_at_once(text: str) -> None:
    with pytest.raises(RigError, match="is not a unit"):
        check_unit(text)


def test_what_is_taken_without_pint_is_a_unit_to_pint() -> None:
    names = units.PLAIN.split("|")
    assert len(names) > 60
    texts = [f"{a}{sign}{b}**2/{c}" for a, b, c in zip(names, names[1:], names[2:], strict=False) for sign in "*/"]
    for text in [*names, *texts, *(f"1/{name}" for name in names), "m**3/s/V", "J/kg/K"]:
        assert units.PRODUCT.fullmatch(text), text
        assert units._parse(text) is not None, text


@pytest.mark.parametrize("text", ["m**23", "m**1", "bool/s", "m//s", "m*", "/s", "m s", "mq/s", "2/s"])
def test_anything_else_is_left_to_pint(text: str) -> None:
    assert not units.PRODUCT.fullmatch(text)
