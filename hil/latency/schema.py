"""The JSON of `hil bench`, as a baseline is read: what is missing or of another kind is named with its key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hil.errors import RecordingError

SCHEMA = 1


class _Part(BaseModel):
    """Further keys are kept: a later version may say more."""

    model_config = ConfigDict(extra="allow")


class CpuClass(_Part):
    """Machines of one class are compared."""

    cpu: str
    cores: int = Field(ge=1)
    preemption: str
    compiler: str


class Machine(_Part):
    """As `hil.realtime.machine_facts`, with the class, the smallest ratio known of a core, and by which program."""

    kernel: str
    cpus: int = Field(ge=1)
    virtual_machine: bool
    class_: CpuClass = Field(alias="class")
    core_ratio: float = 0.0
    core_probe: str = ""


class Verdict(_Part):
    """The real-time verdict, and whether the machine can be judged on."""

    level: str
    sentence: str
    steal_percent: float | None
    fit: bool
    unfit_because: list[str]


class RatioEntry(_Part):
    """Ours / yardstick, of two p50 measured in turn; smaller is better. `low`, `high`: interval of `median`.

    `shared`: another machine computed on the measured core nearly all the time; such a figure is not judged.
    """

    median: float = Field(gt=0)
    low: float = Field(gt=0)
    high: float = Field(gt=0)
    pairs: int = Field(ge=1)
    disturbed: int = Field(ge=0)
    shared: bool = False
    yardstick: str
    ours: float
    theirs: float
    unit: str
    gated: bool
    why_not: str


class Options(_Part):
    """How it was measured; `time` is seconds since 1970."""

    only: list[str]
    seconds: float = Field(gt=0)
    rate_hz: float = Field(gt=0)
    time: float
    took_s: float


class BenchResult(_Part):
    """The whole file."""

    schema_: Literal[1] = Field(alias="schema")
    hil: str
    rig: str
    machine: Machine
    verdict: Verdict
    figures: dict[str, Any]
    ratios: dict[str, RatioEntry]
    skipped: dict[str, str]
    options: Options


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the file."""
    return BenchResult.model_json_schema(by_alias=True)


def read(path: Path) -> dict[str, Any]:
    """A result of `hil bench --json`.

    Raises:
        RecordingError: the file cannot be read or is no such result.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        BenchResult.model_validate(data)
    except OSError as error:
        raise RecordingError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = f"{path}:{'.'.join(map(str, first['loc']))}"
        mend = "Write the file with this version: hil bench RIG --json FILE"
        raise RecordingError(f"is no result of hil bench: {first['msg']}", where=where, mend=mend) from None
    except ValueError as error:
        raise RecordingError(f"is no JSON: {error}", where=str(path)) from None
    return dict(data)
