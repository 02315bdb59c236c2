"""`python -m hil.counts [RIG ...] [--write-table]`: counted figures of rigs; keeps the table of instructions."""

from __future__ import annotations

import argparse
import sys

from hil.counts import figures, instructions, outside
from hil.errors import HilError


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


def _show(rig: str) -> int:
    found, table = figures(rig, bus=rig == "quad_tank"), instructions.read_table()
    for group in ("tick", "bus"):
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
