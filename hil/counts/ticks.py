"""Runs a program a fixed number of ticks under callgrind: `python -m hil.counts.ticks JSON SWITCH TICKS`.

Imports the core alone: what is imported runs some fifty times slower there.
"""

from __future__ import annotations

import ctypes
import json
import sys
from pathlib import Path
from typing import Any

from hil import _core
from hil.spec import BlockSpec, PathSpec, RoleSpec, Spec, TagSpec

WARM_TICKS = 100


def read_spec(found: dict[str, Any]) -> Spec:
    """A description as `dataclasses.asdict` gives it."""
    blocks = [BlockSpec(**block) for block in found.pop("blocks")]
    paths = [PathSpec(**path) for path in found.pop("paths")]
    roles = [_role(role) for role in found.pop("roles")]
    return Spec(**found, blocks=blocks, paths=paths, roles=roles)


def _role(found: dict[str, Any]) -> RoleSpec:
    inputs, outputs = ([TagSpec(**tag) for tag in found.pop(side)] for side in ("inputs", "outputs"))
    return RoleSpec(**found, inputs=inputs, outputs=outputs)


def main(stored: str, switch: str, ticks: int) -> None:
    """Only the ticks themselves are counted, from the first after the warm-up."""
    found = json.loads(Path(stored).read_text(encoding="utf-8"))
    spec = read_spec(found["spec"])
    libraries = {address: ctypes.CDLL(path) for address, path in found["models"].items()}
    for block in spec.blocks:
        if block.model_address:
            table = ctypes.c_char.in_dll(libraries[str(block.model_address)], "hil_model_v1")
            block.model_address = ctypes.addressof(table)
    state, callgrind = _core.State(_core.Program(spec)), ctypes.CDLL(switch)
    state.run(WARM_TICKS)
    callgrind.start_counting()
    state.run(ticks)
    callgrind.stop_counting()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
