"""Instructions of a tick, counted by callgrind on a fixed run of a rig in virtual time.

The same program on the same compiler takes the same number, on any machine and under any load. Another compiler gives
another number: the table names the one that it holds for, and judges no other.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hil.counts.tools import HERE, SHARED, built
from hil.errors import BenchError
from hil.models import CompiledModel
from hil.program import build_bench
from hil.rig import Rig, load_rig

TICKS = 1000
TABLE = HERE / "instructions.toml"
RIGS = ("quad_tank", "dc_motor", "tank_level", "incubator")
# The core's memcpy is the system's, and that one is chosen by the processor.
TOLERANCE = 0.01
TIMEOUT_S = 600.0
HEAD = """# Instructions of a tick of the shipped rigs in virtual time, written by `make instructions-table`.
# A test compares, within 1 % both ways. They hold for this compiler; another one is not judged.

"""


@dataclass(frozen=True)
class Table:
    """What is kept: the compiler and instructions a tick by rig."""

    compiler: str
    rigs: dict[str, float]


def compiler() -> str:
    """What compiles core and models, with its version."""
    done = subprocess.run(["gcc", "--version"], capture_output=True, text=True, check=True)
    return f"{done.stdout.splitlines()[0]}, valgrind {_valgrind_version()}"


def _valgrind_version() -> str:
    if shutil.which("valgrind") is None:
        raise BenchError("counting instructions needs valgrind", mend="apt-get install valgrind")
    done = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip().removeprefix("valgrind-")


def a_tick(rig: str | Path | Rig, ticks: int = TICKS) -> float:
    """Instructions a tick of hil_tick and all that it calls, roles as blocks.

    Args:
        rig: folder, file, name of a shipped rig, or a loaded one.
        ticks: of the run, after 100 that are not counted.

    Raises:
        BenchError: no valgrind, an FMU or firmware library in the rig, or the run fails.
    """
    _valgrind_version()
    with tempfile.TemporaryDirectory(prefix="hil-counts-") as folder:
        stored = Path(folder) / "program"
        stored.write_text(json.dumps(_portable(rig if isinstance(rig, Rig) else load_rig(rig))))
        return _collected(stored, ticks) / ticks


def _portable(rig: Rig) -> dict[str, Any]:
    """The program's description and its models' files by address."""
    built_bench = build_bench(rig, dict.fromkeys(rig.roles, "mil"))
    spec = built_bench.spec
    if spec is None or built_bench.fmus:
        raise BenchError("instructions of an FMU are not counted", where=rig.name)
    models = {m.address: str(m.path) for m in built_bench.models if isinstance(m, CompiledModel)}
    spec.blocks = [replace(block, owner=None) for block in spec.blocks]
    for role in spec.roles:
        role.library_address = 0  # bound to its blocks: the firmware's library does not run
    return {"spec": asdict(spec), "models": models}


def _collected(stored: Path, ticks: int) -> int:
    switch = built("callgrind_switch.c", *SHARED)
    command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--toggle-collect=hil_tick"]
    command += [f"--callgrind-out-file={stored}.out", sys.executable, "-m", "hil.counts.ticks"]
    done = subprocess.run(
        [*command, str(stored), str(switch), str(ticks)],
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found or not int(found[1]):
        lines = done.stderr.strip().splitlines()
        raise BenchError(f"callgrind counted nothing: {lines[-1] if lines else done.returncode}")
    return int(found[1])


def read_table(path: Path = TABLE) -> Table:
    """The kept figures; empty when there are none."""
    if not path.exists():
        return Table("", {})
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return Table(data.get("compiler", ""), {name: float(n) for name, n in data.get("instructions", {}).items()})


def write_table(rigs: Iterable[str] = RIGS, path: Path = TABLE) -> Table:
    """Counts and keeps."""
    table = Table(compiler(), {rig: a_tick(rig) for rig in rigs})
    rows = "".join(f"{name} = {n:.1f}\n" for name, n in table.rigs.items())
    path.write_text(f'{HEAD}compiler = "{table.compiler}"\n\n[instructions]\n{rows}', encoding="utf-8")
    return table


def judged(found: float, kept: float) -> str:
    """What is beyond the limits, in words; "" when nothing is."""
    change = found / kept - 1.0
    if abs(change) <= TOLERANCE:
        return ""
    mend = "make instructions-table, if that is meant"
    return f"{found:.1f} instructions a tick, {100 * change:+.1f} % against {kept:.1f} ({mend})"


def refusal(table: Table) -> str:
    """Why nothing is judged here, "" when it is."""
    here = compiler()
    if table.compiler == here:
        return ""
    return f"the table holds for {table.compiler or 'no compiler'}, here is {here}: instructions are not judged"
