"""What a model of instrument understands: a small TOML file for each, in drivers/dialects or beside a rig.

docs/instruments.md explains the keys. Nothing here talks to an instrument, and nothing needs pyvisa.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from hil.errors import BusError

SHIPPED = Path(__file__).parent / "dialects"
PLACES = ("value", "channel", "seconds")
Pair = Annotated[list[float], Field(min_length=2, max_length=2)]
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)

    @field_validator("*")
    @classmethod
    def _known_places(cls, value: object) -> object:
        for text in value if isinstance(value, list) else [value]:
            for place in re.findall(r"\{(\w*)\}", text) if isinstance(text, str) else ():
                if place not in PLACES:
                    raise ValueError(f"{{{place}}} is not known; there are {', '.join(f'{{{p}}}' for p in PLACES)}")
        return value


class Model(_Table):
    """[model]: which instruments this is for."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    """Name that a rig uses; the file is called like it."""
    kind: Literal["supply", "meter", "load", "generator", "scope"]
    """What it is."""
    idn: Annotated[list[str], Field(min_length=1)]
    """Regular expressions; *IDN? must match one of them (upper and lower case are the same)."""
    title: str = ""
    """For people."""
    source: str = ""
    """The manual that the commands are from."""


class Line(_Table):
    """[line]: how messages end; for serial lines the speed."""

    write_end: str = "\n"
    """Behind every command."""
    read_end: str = "\n"
    """Behind every answer."""
    baud_rate: Annotated[int, Field(ge=50)] | None = None
    """Of a serial line (ASRL)."""


class Errors(_Table):
    """[errors]: the queue of errors."""

    query: str = "SYST:ERR?"
    """Takes the oldest error out of the queue; "" for an instrument that has none."""
    most: Annotated[int, Field(ge=1, le=100)] = 20
    """Most errors that are read at once."""


class Watchdog(_Table):
    """[watchdog]: what makes the instrument switch off by itself when nobody talks to it any more."""

    arm: Annotated[list[str], Field(min_length=1)]
    """Commands with {seconds}."""
    disarm: list[str] = []
    """Commands at the end of a run."""
    seconds: Pair = [1.0, 3600.0]
    """Shortest and longest time."""


class Output(_Table):
    """[outputs.key]: a value that the instrument is told."""

    unit: str = "1"
    """Unit of {value}."""
    command: str
    """With {value}, and {channel} if there are several."""
    format: Annotated[str, Field(pattern=r"^\.\d+[efg]$")] = ".6g"
    """How {value} is written, as in Python."""
    words: Annotated[list[str], Field(min_length=2, max_length=2)] | None = None
    """[off, on]: written instead of numbers below and from 0.5 on."""
    limits: Pair | None = None
    """[low, high] of what the instrument can do; a value outside is refused before it is sent."""


class Read(_Table):
    """[readings.key]: a value that the instrument is asked for."""

    unit: str = "1"
    """Unit of the answer."""
    query: str
    """With {channel} if there are several."""


class Waveform(_Table):
    """[waveform]: how a record is taken out of an oscilloscope (ten-field preamble and IEEE 488.2 block)."""

    trigger: list[str]
    """Triggers now."""
    arm: list[str] = []
    """Waits for a single trigger."""
    status: str = ""
    """Asks how far a single trigger is."""
    done: list[str] = []
    """Answers of `status` that mean: triggered, and the record is complete."""
    select: list[str]
    """Before a record is read, with {channel}; the format must be one byte a sample."""
    preamble: str
    """Ten fields: format, type, points, count, and increment, origin and reference of x, then of y."""
    data: str
    """Asks for the block."""


class Dialect(_Table):
    """A whole file."""

    model: Model
    line: Line = Line()
    errors: Errors = Errors()
    start: list[str] = []
    """Commands behind every connect."""
    safe: list[str] = []
    """Commands that make it safe: at the end of a run, and when the loop has fallen silent."""
    watchdog: Watchdog | None = None
    outputs: dict[Key, Output] = {}
    readings: dict[Key, Read] = {}
    channels: dict[Annotated[str, Field(pattern=r"^\d+$")], dict[Key, Pair]] = {}
    """[channels.N]: limits of outputs where channels differ, by key of the output."""
    waveform: Waveform | None = None

    def limits(self, key: str, channel: int) -> tuple[float, float] | None:
        """What a channel can do; None: not known."""
        found = self.channels.get(str(channel), {}).get(key) or self.outputs[key].limits
        return (found[0], found[1]) if found else None

    def matches(self, idn: str) -> bool:
        """An answer to *IDN? is of this model."""
        return any(re.search(pattern, idn, re.IGNORECASE) for pattern in self.model.idn)


def shipped_models() -> list[str]:
    """Names of the models that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def read_dialect(text: str, where: str) -> Dialect:
    """The dialect of a file's text.

    Raises:
        BusError: the first mistake, with the file and the key.
    """
    try:
        dialect = Dialect.model_validate(tomllib.loads(text))
        for pattern in dialect.model.idn:
            re.compile(pattern)
    except tomllib.TOMLDecodeError as error:
        raise BusError(f"broken TOML: {error}", where=where) from None
    except re.error as error:
        raise BusError(f"is no regular expression: {error}", where=f"{where}:model.idn") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        why = first["msg"].removeprefix("Value error, ")
        raise BusError(why[:1].lower() + why[1:], where=f"{where}:{key}", mend="See docs/instruments.md") from None
    return _sound(dialect, where)


def _sound(dialect: Dialect, where: str) -> Dialect:
    for channel, limits in dialect.channels.items():
        for key in limits:
            if key not in dialect.outputs:
                raise BusError(f"there is no output {key}", where=f"{where}:channels.{channel}.{key}")
    if dialect.model.kind in ("supply", "load", "generator") and not dialect.safe:
        why = f"a {dialect.model.kind} needs commands that make it safe"
        raise BusError(why, where=f"{where}:safe", mend='Write safe = ["OUTP OFF"]')
    return dialect


def shipped_dialect(name: str) -> Dialect:
    """A dialect that comes with the package; raises BusError for an unknown one."""
    path = SHIPPED / f"{name}.toml"
    if not path.is_file():
        mend = f"There are {', '.join(shipped_models())}; or write a TOML file beside the rig (docs/instruments.md)"
        raise BusError(f"no model {name} comes with HIL", where=name, mend=mend)
    return read_dialect(path.read_text(encoding="utf-8"), path.name)


def model_of(idn: str) -> str | None:
    """The shipped model that an answer to *IDN? belongs to; None: none of them. A maker's own goes first."""
    found = [name for name in shipped_models() if shipped_dialect(name).matches(idn)]
    return min(found, key=lambda name: (name.startswith("scpi_"), name), default=None)
