"""`python -m hil.counts [RIG ...] [--write-table]`: counted figures of rigs; keeps the table of instructions."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from hil.counts import figures, instructions, outside
from hil.counts.run import SECONDS
from hil.errors import HilError
from hil.rig import load_rig


def main() -> int:
    """Print; 1 when a figure is beyond its limit, 2 for an error in one line."""
    parser = argparse.ArgumentParser(prog="python -m hil.counts", description=__doc__)
    parser.add_argument("rigs", metavar="RIG", nargs="*", default=list(instructions.RIGS))
    parser.add_argument("--write-table", action="store_true", help="keep instructions in hil/counts/instructions.toml")
    args = parser.parse_args()
    try:
        if args.write_table:
            instructions.write_table()
        return max([_show(rig) for rig in args.rigs], default=0)
    except HilError as error:
        print(f"hil: {error}", file=sys.stderr)
        return 2


WIRED = ("quad_tank", "dc_motor")  # Modbus TCP and the microcontroller link
FEW_TICKS = 100  # a first tick and a last one would be too large a part of fewer


def _show(rig: str) -> int:
    table = instructions.read_table()
    found: dict[str, Any] = {"tick": None, "bus": None, "link": None, "skipped": {}}
    if load_rig(rig).period_s * FEW_TICKS > SECONDS:
        found["skipped"]["tick"] = f"calls are not counted: fewer than {FEW_TICKS} ticks in {SECONDS:g} s"
    else:
        found = figures(rig, bus=rig in WIRED)
    for group in ("tick", "bus", "link"):
        for name, value in (found[group] or {}).items():
            print(f"{rig} {group}.{name} = {'not counted' if value is None else f'{value:g}'}")
    told = outside(found)
    n = instructions.a_tick(rig)
    print(f"{rig} instructions a tick = {n:.1f}")
    if rig in table.rigs and not (refused := instructions.refusal(table)):
        told += [text for text in [instructions.judged(n, table.rigs[rig])] if text]
    elif rig in table.rigs:
        print(refused)
    for text in [*told, *found["skipped"].values()]:
        print(f"{rig} {text}")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
