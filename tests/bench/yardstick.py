"""What the speed tests share with `hil bench`: the yardsticks and paired runs of two things.

Absolute times on a shared machine mean little; a ratio of two runs that alternate holds within some percent. So a
performance test measures both in one go and asserts `paired_until(ours, theirs, at_most=GATE).median <= GATE`, never a
time. Pairs are added while it is not plain that the gate holds; all undisturbed ones are judged together.

    python tests/bench/yardstick.py              builds every program
    python tests/bench/yardstick.py est          builds and runs one, with its arguments behind
"""

from __future__ import annotations

import subprocess
import sys

from hil.latency.paired import Ratio, paired, paired_until
from hil.latency.programs import AS_THE_CORE, CORE, CORE_HEADERS, PROGRAMS, SHARED, build
from hil.latency.yardstick import command, free_port, may_use_fifo, parse, run, serve

__all__ = [
    "AS_THE_CORE",
    "CORE",
    "CORE_HEADERS",
    "PROGRAMS",
    "SHARED",
    "Ratio",
    "build",
    "command",
    "free_port",
    "may_use_fifo",
    "paired",
    "paired_until",
    "parse",
    "run",
    "serve",
]


def main(arguments: list[str]) -> int:
    """Build all programs, or build one and run it."""
    if arguments:
        return subprocess.run(command(arguments[0], *arguments[1:])).returncode
    for name in PROGRAMS:
        print(build(name))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
