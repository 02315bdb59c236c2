"""Every standard function against the standard's definition, over edges of each type and random values."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import st_oracle_convert
import st_oracle_text
import st_oracle_times
from st_harness import Case, Harness
from st_oracle import ORACLES

from hil.plc.functions import FUNCTIONS
from hil.plc.standard.types import REALS

Results = dict[str, list[tuple[Case, list[Any]]]]
REGISTERED = (st_oracle_convert, st_oracle_text, st_oracle_times)  # they fill ORACLES

EXACT = {
    "SQRT": mp.sqrt, "LN": mp.log, "LOG": mp.log10, "EXP": mp.exp, "SIN": mp.sin, "COS": mp.cos, "TAN": mp.tan,
    "ASIN": mp.asin, "ACOS": mp.acos, "ATAN": mp.atan, "ATAN2": mp.atan2, "EXPT": mp.power,
}  # fmt: skip


def subjects() -> list[str]:
    return sorted({f.group for f in FUNCTIONS.values()} - {"Conversion"}) + [f"to {t}" for t in targets()]


def targets() -> list[str]:
    return sorted({form.result for f in FUNCTIONS.values() if f.group == "Conversion" for form in f.forms})


def of_subject(subject: str) -> list[str]:
    if not subject.startswith("to "):
        return [name for name, f in FUNCTIONS.items() if f.group == subject]
    target = subject[3:]
    return [n for n, f in FUNCTIONS.items() if f.group == "Conversion" and f.forms[0].result == target]


def same(given: Any, expected: Any) -> bool:
    if isinstance(expected, tuple):
        return isinstance(given, tuple) and given[:2] == expected
    if isinstance(expected, float | np.floating):
        return (given != given and expected != expected) or (
            given == expected and math.copysign(1, given) == math.copysign(1, expected)
        )
    return bool(given == expected)


def test_every_function_has_a_definition_to_be_compared_with() -> None:
    assert set(FUNCTIONS) == set(ORACLES) | set(EXACT)


@pytest.mark.parametrize("subject", subjects())
def test_functions_are_what_the_standard_says(subject: str, results: Results) -> None:
    wrong, compared = [], 0
    for name in of_subject(subject):
        for case, values in results[name] if name in ORACLES else []:
            result = case.call.result
            for row, given in zip(case.rows, values, strict=True):
                with np.errstate(all="ignore"):
                    expected = ORACLES[name](case.types, list(row), result)
                if isinstance(expected, str):
                    expected = expected[: case.capacity]
                compared += 1
                if not same(given, expected):
                    wrong.append(f"{name}{row} of {case.types} is {given!r}, not {expected!r}")
    assert not wrong, f"{len(wrong)} of {compared}:\n" + "\n".join(wrong[:20])
    assert compared > 50


def spacing(kind: str, value: mp.mpf) -> float:
    """Distance of two neighbouring numbers of the type at the value."""
    precision, least = (24, -149) if kind == "REAL" else (53, -1074)
    return float(mp.mpf(2) ** max(mp.floor(mp.log(abs(value), 2)) - precision + 1, least)) if value else 2.0**least


@pytest.mark.parametrize("name", EXACT)
def test_mathematical_functions_are_within_one_unit_in_the_last_place(name: str, results: Results) -> None:
    compared = 0
    for case, values in results[name]:
        largest = mp.mpf(np.finfo(np.float32 if case.call.result == "REAL" else np.float64).max.item())
        for row, given in zip(case.rows, values, strict=True):
            if not all(map(math.isfinite, row)):
                continue
            exact = evaluate(name, row)
            if exact is None or abs(exact) > largest:
                assert not math.isfinite(given), (name, row, given)
                continue
            compared += 1
            assert abs(mp.mpf(given) - exact) <= spacing(case.call.result, exact), (name, row, given, exact)
    assert compared > 50


def evaluate(name: str, row: tuple[Any, ...]) -> mp.mpf | None:
    """The value to 100 digits and more; None where there is no real number."""
    if name == "ATAN2" and 0 in row:
        return mp.mpf(math.atan2(*row))  # mpmath has no -0
    if name == "EXPT" and row[0] < 0 and not float(row[1]).is_integer():
        return None
    if name == "EXPT" and abs(row[1]) * abs(math.log2(abs(row[0]) or 2)) > 2000 and abs(row[0]) not in (0, 1):
        return mp.mpf(0) if (abs(row[0]) > 1) == (row[1] < 0) else None
    with mp.workdps(400):
        try:
            value = EXACT[name](*(mp.mpf(v) for v in row)) if not (name == "EXP" and row[0] > 1e4) else None
            value = mp.mpf(0) if name == "EXP" and row[0] < -1e4 else value
        except (ValueError, ZeroDivisionError):
            return None
    return value if isinstance(value, mp.mpf) and mp.isfinite(value) else None


def test_numbers_are_written_so_that_they_read_as_the_same(results: Results, harness: Harness) -> None:
    for kind in REALS:
        ((case, texts),) = results[f"{kind}_TO_STRING"]
        back = Case(f"STRING_TO_{kind}", ("STRING",), [(text,) for text in texts])
        for (value,), text, again in zip(case.rows, texts, harness.run([back])[0], strict=True):
            assert again == value or text == "NAN", (value, text, again)
