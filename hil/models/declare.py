"""How a model is written: a class with declared states, inputs, outputs and parameters, and its equations.

    from hil.models import Input, Model, Output, Param, State
    from hil.models.math import sqrt

    class Tank(Model):
        '''A tank with a hole.'''

        level = State(0.1, unit="m", min=0.0, max=0.5, clamp=True, output=True)
        inflow = Input(unit="m**3/s")
        spill = Output(unit="m**3/s")
        area = Param(0.03, unit="m**2", min=1e-3, max=1.0)
        hole = Param(1e-4, unit="m**2", min=0.0, max=1e-2)

        def equations(self):                          # dx/dt by state name (method "discrete": the next x)
            return {"level": (self.inflow - self.hole * sqrt(2 * 9.81 * self.level)) / self.area}

        def outputs(self):                            # y by declared Output name
            return {"spill": self.hole * sqrt(2 * 9.81 * self.level)}

States marked `output=True` are outputs too; a class without any output has all its states as outputs. Nothing here
needs casadi: names, units and ranges are known without it, the equations are asked for only when the class is compiled.
"""

# ruff: noqa: A002, a range has a min and a max

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, overload

from hil.errors import RigError
from hil.nearest import did_you_mean
from hil.units import check_unit

METHODS = ("rk4", "euler", "semi_implicit", "exact", "discrete")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Variable:
    """One declared name as the rig and the compiled table see it. Values are in `unit`."""

    name: str
    unit: str
    doc: str
    value: float
    min: float
    max: float
    clamp: bool = False
    output: bool = False


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a model without its equations: names, units, values, ranges, the method of integration."""

    name: str
    doc: str
    method: str
    place: str
    x: tuple[Variable, ...]
    u: tuple[Variable, ...]
    y: tuple[Variable, ...]
    p: tuple[Variable, ...]


class Declared:
    """A declared name of a model. In `equations` and `outputs`, `self.<name>` is its CasADi SX symbol."""

    def __init__(
        self, value: float, *, unit: str, min: float, max: float, doc: str, clamp: bool = False, output: bool = False
    ) -> None:
        self.value, self.unit, self.min, self.max, self.doc = value, unit, min, max, doc
        self.clamp, self.output = clamp, output
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Any: ...
    def __get__(self, instance: object | None, owner: type) -> Any:
        if instance is None:
            return self
        raise AttributeError(f"self.{self.name} has a symbol only in equations() and outputs()")


class State(Declared):
    """A state. `value` is where it starts. With `clamp` it is held within min..max after every step, as a tank that is
    empty or spills or a cylinder at its end stop. `output=True` makes it an output of the same name.
    """

    def __init__(
        self,
        value: float = 0.0,
        *,
        unit: str = "1",
        min: float = -math.inf,
        max: float = math.inf,
        doc: str = "",
        clamp: bool = False,
        output: bool = False,
    ) -> None:
        super().__init__(value, unit=unit, min=min, max=max, doc=doc, clamp=clamp, output=output)


class Input(Declared):
    """An input, held constant over a step. `value` is a usual value, used to try the equations."""

    def __init__(
        self, value: float = 0.0, *, unit: str = "1", min: float = -math.inf, max: float = math.inf, doc: str = ""
    ) -> None:
        super().__init__(value, unit=unit, min=min, max=max, doc=doc)


class Output(Declared):
    """An output; `outputs()` gives its expression. `min`, `max` are what a sensor of it would span."""

    def __init__(self, *, unit: str = "1", min: float = -math.inf, max: float = math.inf, doc: str = "") -> None:
        super().__init__(0.0, unit=unit, min=min, max=max, doc=doc)


class Param(Declared):
    """A parameter: one number in the bench's state that an event can change within min..max while it runs."""

    def __init__(
        self, value: float, *, unit: str = "1", min: float = -math.inf, max: float = math.inf, doc: str = ""
    ) -> None:
        super().__init__(value, unit=unit, min=min, max=max, doc=doc)


class Model:
    """Base class of every model; see this module's text for an example."""

    method: ClassVar[str] = "rk4"
    """How it is advanced: rk4, euler (explicit), semi_implicit (stiff), exact (linear in x), discrete (x+ = f)."""

    source_text: ClassVar[str | None] = None

    def equations(self) -> Mapping[str, Any]:
        """dx/dt by state name, as SX expressions of `self.<name>` (method "discrete": the state of the next sample)."""
        raise NotImplementedError

    def outputs(self) -> Mapping[str, Any]:
        """Y by name, for every declared Output."""
        return {}

    def __init_subclass__(cls, **options: Any) -> None:
        """Keep the text that the class was made from: by the time it is compiled the file may have been edited."""
        super().__init_subclass__(**options)
        cls.source_text = _source_text(cls)

    @classmethod
    def info(cls) -> ModelInfo:
        """Everything but the equations, checked.

        Raises:
            RigError: a name, value, range, unit or method that cannot be.
        """
        return describe(cls)


def _source_text(cls: type) -> str | None:
    """The text of the file that defines a class, None when there is none (an interactive session)."""
    module = sys.modules.get(cls.__module__)
    text = getattr(module, "source_text", None)
    file = getattr(module, "__file__", None)
    if isinstance(text, str) or not file or not str(file).endswith(".py"):
        return text if isinstance(text, str) else None
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def place_of(cls: type) -> str:
    """`file:Class`, the file relative to the working directory when it lies below."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if not file:
        return cls.__qualname__
    path = Path(file)
    return f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}:{cls.__qualname__}"


def describe(cls: type[Model]) -> ModelInfo:
    """See `Model.info`."""
    place = place_of(cls)
    declared = _declared(cls, place)
    for item in declared.values():
        _check(item, f"{place}.{item.name}")
    groups = {kind: tuple(_variable(i) for i in declared.values() if type(i) is kind) for kind in (State, Input, Param)}
    if not groups[State]:
        raise RigError("the model declares no State", where=place, mend='Add one, like level = State(0.1, unit="m")')
    if cls.method not in METHODS:
        raise RigError(f"method {cls.method!r} is not known", where=place, mend=did_you_mean(cls.method, METHODS))
    return ModelInfo(
        name=cls.__name__,
        doc=(cls.__doc__ or "").strip().split("\n")[0],
        method=cls.method,
        place=place,
        x=groups[State],
        u=groups[Input],
        y=_outputs(declared),
        p=groups[Param],
    )


def _declared(cls: type[Model], place: str) -> dict[str, Declared]:
    """All declarations in order of writing, bases first; a subclass can replace or remove (None) one."""
    found: dict[str, Declared] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, Declared):
                found[name] = value
            elif isinstance(value, type) and issubclass(value, Declared):
                raise RigError(
                    f"{name} = {value.__name__} lacks its brackets", where=place, mend=f"Write {value.__name__}(...)"
                )
            else:
                found.pop(name, None)
    return found


def _outputs(declared: Mapping[str, Declared]) -> tuple[Variable, ...]:
    """Declared outputs and states marked as output, in order of writing; all states when there is none."""
    chosen = [i for i in declared.values() if type(i) is Output or (type(i) is State and i.output)]
    return tuple(_variable(i) for i in chosen or [i for i in declared.values() if type(i) is State])


def _variable(item: Declared) -> Variable:
    doc = " ".join(item.doc.split())
    return Variable(
        item.name, item.unit, doc, float(item.value), float(item.min), float(item.max), item.clamp, item.output
    )


def _check(item: Declared, where: str) -> None:
    """One declaration: its name, numbers, range and unit."""
    if not NAME.fullmatch(item.name):
        raise RigError("a name begins with a letter and has letters, digits and _ only", where=where)
    for what, value in (("value", item.value), ("min", item.min), ("max", item.max)):
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            raise RigError(f"{what} {value!r} is not a number", where=where, mend=f"Give {what} a number")
    if not math.isfinite(item.value):
        raise RigError(f"value {item.value!r} is not finite", where=where, mend="Give it a finite number")
    if item.min > item.max:
        raise RigError(f"min {item.min:g} is above max {item.max:g}", where=where, mend="Swap them")
    if type(item) is not Output and not item.min <= item.value <= item.max:
        raise RigError(f"value {item.value:g} lies outside {item.min:g} .. {item.max:g}", where=where)
    check_unit(item.unit, where=f"{where}: unit")
