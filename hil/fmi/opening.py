"""All that the adapter needs to open an FMU, as plain data: it travels to the process of an isolated FMU as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from math import inf

Chosen = tuple[int, int]  # value reference, number of the type

# enum hil_fmu_type, by the names of FMI 3 and of FMI 2.
TYPES = {
    **{
        name: number
        for number, name in enumerate(
            ("Float64", "Float32", "Int8", "UInt8", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Boolean",
             "String")
        )
    },
    "Real": 0,
    "Integer": 6,
}  # fmt: skip
SAVES, COPIES = 1, 2  # enum hil_fmu_ability
TIMEOUT_S = 1.0


@dataclass(frozen=True)
class Opening:
    """Mirrors `struct hil_fmu_description` of core/include/hil/fmu_host.h.

    Attributes:
        library: path of the shared object.
        name: the block's.
        token: GUID (FMI 2) or instantiation token.
        resources: URI (FMI 2), or path with a slash at its end.
        version: 2 or 3.
        inputs, outputs: the chosen variables.
        params: the tunable ones with smallest and largest value.
        starts: variables that get another value than the FMU's own before it is initialised.
        abilities: SAVES, COPIES: what the FMU says and a trial has shown.
        hash: of the FMU's file and all of the above.
        tolerance: relative; 0: the FMU's own.
        host: program and arguments of the process that an instance lives in; empty: this one.
        timeout_ms: longest wait for that process.
    """

    library: str
    name: str
    token: str
    resources: str
    version: int
    inputs: tuple[Chosen, ...]
    outputs: tuple[Chosen, ...]
    params: tuple[tuple[Chosen, float, float], ...]
    starts: tuple[tuple[Chosen, float | str], ...]
    abilities: int = 0
    hash: int = 0
    tolerance: float = 0.0
    host: tuple[str, ...] = ()
    timeout_ms: int = round(TIMEOUT_S * 1e3)

    def to_json(self) -> str:
        """As text for another process, which runs the FMU itself."""
        return json.dumps(asdict(replace(self, host=())), allow_nan=True)

    @staticmethod
    def from_json(text: str) -> Opening:
        """What `to_json` wrote."""
        data = json.loads(text)
        data["inputs"], data["outputs"] = (tuple(map(_chosen, data[key])) for key in ("inputs", "outputs"))
        data["params"] = tuple((_chosen(c), low, high) for c, low, high in data["params"])
        data["starts"] = tuple((_chosen(c), value) for c, value in data["starts"])
        data["host"] = ()
        return Opening(**data)


def _chosen(pair: list[int]) -> Chosen:
    return pair[0], pair[1]


def bounds(low: str | None, high: str | None) -> tuple[float, float]:
    """A variable's range as numbers, infinite where it has none."""
    return (-inf if low is None else float(low)), (inf if high is None else float(high))
