"""`python -m hil.mcu [RIG ...]` (`make firmware`): builds applications for all boards and tells what they cost."""

from __future__ import annotations

import argparse
import sys

from hil.errors import HilError
from hil.mcu.applications import build_all, measure_all, outside, read_table, write_table


def main() -> int:
    """Build, measure, print; 2 for an error in one line."""
    parser = argparse.ArgumentParser(prog="python -m hil.mcu", description=__doc__)
    parser.add_argument("rigs", metavar="RIG", nargs="*", help="folder or name of a shipped rig; all shipped ones")
    parser.add_argument("--write-table", action="store_true", help="keep the figures in firmware/sizes.toml")
    args = parser.parse_args()
    try:
        _run(args.rigs, keep=args.write_table)
    except HilError as error:
        print(f"hil: {error}", file=sys.stderr)
        return 2
    return 0


def _run(rigs: list[str], *, keep: bool) -> None:
    shipped = build_all(rigs, progress=lambda text: print(text, file=sys.stderr))
    costs, table = measure_all(shipped), read_table()
    print(f"{'application':<16}{'flash':>10}{'RAM':>10}{'stack':>10}{'instructions/step':>20}")
    for name, c in costs.items():
        print(f"{name:<16}{c.flash:>10,}{c.ram:>10,}{c.stack:>10,}{c.instructions:>20,}")
        for words in outside(c, table[name]) if name in table and not keep else ():
            print(f"  {words}")
    for name, application in shipped.items():
        for board, path in application.programs.items():
            print(f"{name} for {board}: {path}")
    if keep:
        write_table({**table, **costs})


if __name__ == "__main__":
    sys.exit(main())
