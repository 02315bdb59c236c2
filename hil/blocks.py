"""Block types of the core as Python objects, and how units pass through them."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class UnitRule:
    """How units pass through a type.

    Attributes:
        alike: groups of ports, inputs and outputs, that share one unit.
        fixed: ports with a unit of their own; "1" also stands for logic values.
    """

    alike: tuple[tuple[str, ...], ...] = ()
    fixed: Mapping[str, str] = field(default_factory=dict)


SAME = UnitRule(alike=(("u", "y"),))
LOGIC = UnitRule(fixed={"u": "1", "y": "1", "q": "1", "set": "1", "reset": "1", "elapsed_s": "s"})
# Types without an entry (gains, products, dynamics with free coefficients) change units as only the rig's author knows.
UNIT_RULES: Mapping[str, UnitRule] = {
    **dict.fromkeys(("abs", "dead_band", "limit", "rate_limit", "quantise", "register"), SAME),
    **dict.fromkeys(("delay", "lag", "moving_average", "max", "min", "sum"), SAME),
    **dict.fromkeys(("logic", "on_delay", "off_delay", "latch", "edge"), LOGIC),
    "selector": UnitRule((("u", "y"),), {"index": "1"}),
    "comparator": UnitRule((("u", "reference"),), {"y": "1"}),
    "counter": UnitRule(fixed={"up": "1", "reset": "1", "count": "1", "done": "1"}),
    "integrator": UnitRule(fixed={"reset": "1"}),
    "pid": UnitRule((("setpoint", "measurement"), ("feed_forward", "manual_value", "u")), {"manual": "1"}),
    **dict.fromkeys(("kalman", "ekf"), UnitRule(fixed={"nis": "1", "log_likelihood": "1"})),
    "mpc": UnitRule(fixed={"status": "1", "iterations": "1"}),
    "cusum": UnitRule(fixed={"alarm": "1", "high": "1", "low": "1", "reset": "1"}),
    "page_hinkley": UnitRule((("u", "mean"),), {"alarm": "1", "high": "1", "low": "1", "reset": "1"}),
    "nis_test": UnitRule(fixed={"nis": "1", "alarm": "1", "mean": "1"}),
    "whiteness": UnitRule(fixed={"alarm": "1", "statistic": "1", "correlation": "1"}),
    "hypotheses": UnitRule(fixed={"log_likelihood": "1", "most_probable": "1", "decided": "1", "probability": "1"}),
    "data_quality": UnitRule((("u", "reference", "y"),), {"bad": "1", "reason": "1"}),
    "encoder": UnitRule(fixed={"angle": "rad", "count": "1", "edge": "1"}),
    "mt_speed": UnitRule(fixed={"count": "1", "edge": "1", "speed": "rad/s"}),
}
# Units of parameters, read from the last part of their names.
PARAM_SUFFIXES = {"_s": "s", "_hz": "Hz", "_rad": "rad"}


@dataclass(frozen=True)
class Port:
    """An input or output. `preset` is an unwired input's value; NaN: it has to be wired."""

    name: str
    doc: str = ""
    preset: float = math.nan
    unit: str | None = None

    @property
    def required(self) -> bool:
        """True for an input that has to be wired."""
        return math.isnan(self.preset)


@dataclass(frozen=True)
class Param:
    """A number in the state that events can change."""

    name: str
    doc: str
    preset: float
    min: float
    max: float
    unit: str | None = None


@dataclass(frozen=True)
class Config:
    """Immutable configuration: min_n to max_n numbers, or names out of `choices` that stand for 0, 1, 2 ..."""

    name: str
    doc: str
    choices: tuple[str, ...] | None
    min_n: int
    max_n: int
    preset: float

    @property
    def scalar(self) -> bool:
        """True for exactly one number."""
        return self.min_n == self.max_n == 1


@dataclass(frozen=True)
class BlockType:
    """What can be placed: a type of the core, or a model.

    Attributes:
        variadic: the last input takes a list of signals.
        variadic_out: the same for the last output.
        feedthrough: the outputs depend on this tick's inputs.
        states: names of the state fields; the last may stand for several.
        start: models: where each state starts.
        method: models: how it is integrated unless the rig says otherwise.
        state_units: models: unit of each state.
    """

    name: str
    doc: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    params: tuple[Param, ...]
    config: tuple[Config, ...]
    states: tuple[str, ...]
    variadic: bool
    variadic_out: bool
    feedthrough: bool
    start: tuple[float, ...] = ()
    method: str | None = None
    state_units: tuple[str, ...] = ()

    def input(self, name: str) -> Port | None:
        """The input of this name, or None."""
        return next((port for port in self.inputs if port.name == name), None)

    def param(self, name: str) -> Param | None:
        """The parameter of this name, or None."""
        return next((param for param in self.params if param.name == name), None)


def read_types(descriptions: Iterable[Mapping[str, Any]]) -> dict[str, BlockType]:
    """Block types by name, from the dictionaries that the core gives."""
    return {raw["name"]: _block_type(raw) for raw in descriptions}


@functools.cache
def block_types() -> Mapping[str, BlockType]:
    """All block types of the core by name."""
    from hil import _core

    return read_types(_core.block_types())


def param_unit(name: str) -> str | None:
    """Unit of a parameter by its suffix: time_constant_s has "s"; None where the name tells nothing."""
    if name.endswith("_per_s"):
        return None
    return next((unit for suffix, unit in PARAM_SUFFIXES.items() if name.endswith(suffix)), None)


def _block_type(raw: Mapping[str, Any]) -> BlockType:
    return BlockType(
        name=raw["name"],
        doc=raw["doc"],
        inputs=tuple(Port(**port) for port in raw["inputs"]),
        outputs=tuple(Port(port["name"], port["doc"], 0.0) for port in raw["outputs"]),
        params=tuple(Param(**param, unit=param_unit(param["name"])) for param in raw["params"]),
        config=tuple(
            Config(**{**config, "choices": tuple(config["choices"]) if config["choices"] else None})
            for config in raw["config"]
        ),
        states=tuple(raw["states"]),
        variadic=raw["variadic"],
        variadic_out=raw.get("variadic_out", False),
        feedthrough=raw["feedthrough"],
    )
