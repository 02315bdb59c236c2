"""Detectors in a rig: `mean_time_between_false_alarms_s` instead of thresholds, resolved when the rig is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

from hil.blocks import BlockType
from hil.rig.reading import Reading

MEAN_TIME = "mean_time_between_false_alarms_s"
DESIGNED = ("cusum", "page_hinkley", "whiteness", "nis_test", "data_quality")
# What a block of the type cannot do without.
DECIDED: Mapping[str, str] = {
    "cusum": "threshold",
    "page_hinkley": "threshold",
    "whiteness": "threshold",
    "nis_test": "high",
}
NOISE_KEYS = ("noise", "resolution", "slope_per_s", "reference_noise")


def design_keys(kind: BlockType) -> list[str]:
    """Keys that a block of this type takes beside its parameters and configuration."""
    return [MEAN_TIME, *_design_keys(kind.name)] if kind.name in DESIGNED else []


def resolve_detector(
    reading: Reading,
    name: str,
    kind: BlockType,
    extra: dict[str, Any],
    wired: Collection[str],
    period_s: float,
) -> None:
    """Replaces the keys of a detector's design in `extra` by the parameters that follow from them.

    Args:
        reading: the rig that is read; mistakes are noted there.
        name: the block's.
        kind: its type; types that are no detectors pass.
        extra: its own keys as written; changed.
        wired: ports of the block that are wired.
        period_s: time between two of its samples.
    """
    if kind.name not in DESIGNED:
        return
    path = ("blocks", name)
    mean_time = extra.pop(MEAN_TIME, None)
    design = {key: extra.pop(key) for key in _design_keys(kind.name) if key in extra}
    if mean_time is None:
        for key in design:
            reading.mistakes.add((*path, key), f"is used with {MEAN_TIME} only")
    elif DECIDED.get(kind.name) in extra:
        why = f"stands beside {DECIDED[kind.name]}, which it decides"
        reading.mistakes.add((*path, MEAN_TIME), why, mend="Remove one of them")
    else:
        _design(reading, name, kind, extra, design, mean_time, period_s)
    _check_wires(reading, name, kind, extra, wired)


def _design(
    reading: Reading,
    name: str,
    kind: BlockType,
    extra: dict[str, Any],
    design: Mapping[str, Any],
    mean_time: object,
    period_s: float,
) -> None:
    try:
        samples = _number(mean_time) / period_s
        extra.update(_DESIGNERS[kind.name]({**extra, **design}, samples, period_s))
    except ValueError as error:
        reading.mistakes.add(("blocks", name, MEAN_TIME), f"cannot be kept: {error}", value=mean_time)
        extra.update({DECIDED[kind.name]: 0.0} if kind.name in DECIDED else {})  # one mistake is enough


def _check_wires(reading: Reading, name: str, kind: BlockType, extra: dict[str, Any], wired: Collection[str]) -> None:
    """What would never raise an alarm, or always one."""
    decided = DECIDED.get(kind.name)
    if decided and decided not in extra:
        mend = f"Give {decided}, or {MEAN_TIME} = 3600 to have it designed"
        reading.mistakes.add(("blocks", name), f"{kind.name} has no {decided}", mend=mend)
        extra[decided] = 0.0
    if kind.name == "nis_test" and not {"nis", "innovation"} & set(wired):
        reading.mistakes.add(
            ("blocks", name, "in"), "nis_test watches nothing", mend="Wire nis, or innovation and variance"
        )
    if kind.name == "data_quality" and "cross_check" in extra and "reference" not in wired:
        reading.mistakes.add(("blocks", name, "cross_check"), "has no reference", mend="Wire the input reference")


def _design_keys(kind: str) -> tuple[str, ...]:
    return {"nis_test": ("degrees_of_freedom",), "data_quality": (*NOISE_KEYS, "checks")}.get(kind, ())


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 < value < math.inf:
        raise ValueError(f"{value!r} is no number above 0")
    return float(value)


def _whole(value: object) -> int:
    number = _number(value)
    if number != int(number):
        raise ValueError(f"{value!r} is no whole number")
    return int(number)


def _cusum(given: Mapping[str, Any], samples: float, _: float) -> dict[str, float]:
    from hil.design.detectors import cusum_threshold

    return {"threshold": cusum_threshold(samples, _number(given.get("slack", 0.5)), given.get("sides", "both"))}


def _page_hinkley(given: Mapping[str, Any], samples: float, _: float) -> dict[str, float]:
    from hil.design.detectors import page_hinkley_threshold

    slack, n = _number(given.get("slack", 0.5)), _whole(given.get("mean_samples", 1000))
    return {"threshold": page_hinkley_threshold(samples, slack, n, given.get("sides", "both"))}


def _nis_test(given: Mapping[str, Any], samples: float, _: float) -> dict[str, float]:
    from hil.design.detectors import nis_bounds

    freedom = _whole(given.get("degrees_of_freedom", 1))
    low, high = nis_bounds(samples, _whole(given.get("window")), freedom, low="low" not in given)
    return {"low": given.get("low", low), "high": high}


def _whiteness(given: Mapping[str, Any], samples: float, _: float) -> dict[str, float]:
    from hil.design.detectors import whiteness_threshold

    return {"threshold": whiteness_threshold(samples, _whole(given.get("window")), _whole(given.get("lags", 5)))}


def _data_quality(given: Mapping[str, Any], samples: float, period_s: float) -> dict[str, float]:
    """The checks named by `checks` share the false alarms."""
    from hil.design import quality

    noise = {key: _number(given[key]) for key in NOISE_KEYS if key in given}
    if "noise" not in noise:
        raise ValueError("noise, the measurement's standard deviation, is not given")
    known: Mapping[str, tuple[str, Callable[[quality.Measurement, float], float]]] = {
        "rate": ("rate_per_s", quality.rate_per_s),
        "spike": ("spike", quality.spike),
        "stuck": ("stuck_s", quality.stuck_s),
        "cross_check": ("cross_check", quality.cross_check),
    }
    checks = given.get("checks", [])
    if not isinstance(checks, list) or not checks or any(check not in known for check in checks):
        raise ValueError(f"checks must list some of {', '.join(known)}")
    both = [known[check][0] for check in checks if known[check][0] in given]
    if both:
        raise ValueError(f"{both[0]} is given as well")
    measurement = quality.Measurement(period_s=period_s, **noise)
    return {known[check][0]: known[check][1](measurement, samples * len(checks)) for check in checks}


_DESIGNERS: Mapping[str, Callable[[Mapping[str, Any], float, float], dict[str, float]]] = {
    "cusum": _cusum,
    "page_hinkley": _page_hinkley,
    "nis_test": _nis_test,
    "whiteness": _whiteness,
    "data_quality": _data_quality,
}
