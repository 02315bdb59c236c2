"""What an FMU says of itself, out of its modelDescription.xml, read and validated by FMPy."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from hil.errors import RigError
from hil.fmi.opening import COPIES, SAVES, TYPES, bounds
from hil.fmi.unpack import first_line, fmpy, unpacked
from hil.units import check_unit

MACHINES = {"x86_64": ("linux64", "x86_64-linux"), "aarch64": ("aarch64-linux", "aarch64-linux")}  # FMI 2, FMI 3


@dataclass(frozen=True)
class Variable:
    """A scalar variable of an FMU.

    Attributes:
        type: number of its type (enum hil_fmu_type); None: one that cannot be wired (array, binary, clock).
        unit: as HIL writes units; None: the FMU names none that is known.
        start: as the file has it, None when it has none.
        settable: can be given a value before the FMU is initialised.
        tunable: a parameter that can change while it runs.
    """

    name: str
    reference: int
    type: int | None
    causality: str
    doc: str
    unit: str | None
    start: str | None
    range: tuple[float, float]
    settable: bool
    tunable: bool

    @property
    def number(self) -> bool:
        """Can be wired: a scalar that is a number or true or false."""
        return self.type is not None and self.type != TYPES["String"]

    @property
    def value(self) -> float:
        """Its start as a number, 0 when there is none."""
        if self.start in ("true", "false"):
            return float(self.start == "true")
        return float(self.start or 0.0)


@dataclass(frozen=True)
class FmuInfo:
    """An FMU without a running instance.

    Attributes:
        folder: where it is unpacked.
        library: the shared object for this machine.
        tolerance: relative tolerance of its default experiment, 0 for none.
        abilities: what it says of its state: SAVES, COPIES.
        tool: what made it.
    """

    name: str
    doc: str
    version: int
    token: str
    folder: Path
    library: Path
    tolerance: float
    abilities: int
    tool: str
    variables: Mapping[str, Variable]

    @property
    def resources(self) -> str:
        """The argument of its instantiation."""
        path = (self.folder / "resources").resolve()
        return path.as_uri() if self.version == 2 else f"{path}/"


@lru_cache(maxsize=32)
def describe(file: Path, sha256: str) -> FmuInfo:
    """Read, unpack and validate an FMU.

    Raises:
        RigError: it is broken, not valid, of another kind, or has no binary for this machine.
    """
    package, folder = fmpy(), unpacked(file, sha256)
    try:
        found = package.read_model_description(folder, validate=True)
    except Exception as error:  # lxml's, FMPy's own and plain Exceptions: all mean that the file is not valid
        raise RigError(f"the FMU's modelDescription.xml is not valid: {_problem(error)}", where=str(file)) from error
    version = int(found.fmiVersion.partition(".")[0])
    if version not in (2, 3):
        raise RigError(f"FMI {found.fmiVersion} is not supported", where=str(file), mend="Export it as FMI 2.0 or 3.0")
    if found.coSimulation is None:
        mend = "Export it for co-simulation"
        raise RigError("the FMU is not made for co-simulation", where=str(file), mend=mend)
    return FmuInfo(
        name=found.modelName,
        doc=(found.description or "").strip(),
        version=version,
        token=found.guid,
        folder=folder,
        library=_library(file, folder, version, found.coSimulation.modelIdentifier),
        tolerance=float((found.defaultExperiment and found.defaultExperiment.tolerance) or 0.0),
        abilities=_abilities(found.coSimulation),
        tool=found.generationTool or "",
        variables={v.name: _variable(v, version) for v in found.modelVariables},
    )


def _problem(error: Exception) -> str:
    problems = getattr(error, "problems", None)
    return str(problems[0])[:200].rstrip(". ") if problems else first_line(error)


def _abilities(cs: Any) -> int:
    if not (cs.canGetAndSetFMUstate and cs.canSerializeFMUstate):
        return 0
    return SAVES if cs.canBeInstantiatedOnlyOncePerProcess else SAVES | COPIES


def _library(file: Path, folder: Path, version: int, identifier: str) -> Path:
    """The shared object for this machine."""
    names = MACHINES.get(platform.machine())
    wanted = names[version - 2] if names else f"{platform.machine()}-linux"
    library = folder / "binaries" / wanted / f"{identifier}.so"
    if library.is_file():
        return library
    there = sorted(p.name for p in (folder / "binaries").glob("*") if p.is_dir())
    mend = f"Export it for {wanted}"
    if (folder / "sources").is_dir():
        mend += f", or compile its sources with: fmpy compile {file.name}"
    has = f"binaries for {', '.join(there)}" if there else "no binaries"
    raise RigError(f"the FMU has {has}, and none for this machine ({wanted})", where=str(file), mend=mend)


def _variable(v: Any, version: int) -> Variable:
    scalar = not v.dimensions and not v.shape
    kind = TYPES["Int64" if version == 3 else "Integer"] if v.type == "Enumeration" else TYPES.get(v.type)
    settable = v.causality == "input" or (v.variability != "constant" and v.initial in ("approx", "exact"))
    return Variable(
        name=v.name,
        reference=v.valueReference,
        type=kind if scalar else None,
        causality=v.causality or "local",
        doc=(v.description or "").strip(),
        unit=_unit(v.unit or (v.declaredType.unit if v.declaredType is not None else None)),
        start=v.start if isinstance(v.start, str) else None,
        range=bounds(v.min, v.max),
        settable=settable and scalar and kind is not None,
        tunable=v.causality == "parameter" and v.variability == "tunable" and isinstance(v.start, str),
    )


def _unit(text: str | None) -> str | None:
    """An FMU's unit as HIL writes it: Modelica has "N.m" where HIL has "N*m"."""
    for candidate in (text, text.replace(".", "*")) if text else ():
        try:
            return check_unit(candidate)
        except RigError:
            continue
    return None
