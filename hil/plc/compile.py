"""From source files to a loaded program: read, checked, translated, compiled once, kept in the cache."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from hil.errors import PlcError
from hil.models.compile import CORE, FLAGS, GCC_FLAGS, LINK, build_entry, find_entry
from hil.nearest import did_you_mean
from hil.plc import syntax as s
from hil.plc.checked import Checked, Leaf, check, leaves
from hil.plc.emit_program import Generated, generate
from hil.plc.functions import LIBRARY, RUNTIME
from hil.plc.parse import parse
from hil.plc.program import CompiledProgram
from hil.plc.source import Diagnostics, Source, read_source
from hil.plc.types import scalar

HEADERS = Path(__file__).resolve().parent / "c"
SYMBOL = "hil_plc_v1"
MAX_ROUNDS = 1_000_000  # loop rounds in one scan: some milliseconds
LIBRARY_NUMBER = 1000  # files of the library are numbered from here on
MAX_FILES = 500


def compile_program(
    files: Sequence[Path], *, coverage: bool = False, watch: Sequence[str] = (), max_rounds: int = MAX_ROUNDS
) -> CompiledProgram:
    """The compiled program, from the cache when it was compiled before.

    Args:
        files: Structured Text (.st) or PLCopen XML (.xml), read as one program.
        coverage: count which statements and branches have been reached, in words of state.
        watch: paths of further scalars that the block gives out, as "main.level1.integral".
        max_rounds: loop rounds in one scan, 1 to 2^31, after which the program stops itself.

    Raises:
        PlcError: a mistake in the program, with file:line:column; `others` holds further ones.
        RigError: there is no C compiler, or the cache cannot be written.
    """
    if not 1 <= max_rounds <= 1 << 31:
        raise ValueError(f"max_rounds is 1 to 2^31, not {max_rounds}")
    checked = check_files([Path(f) for f in files])
    watched = [_watched(checked, path) for path in watch]
    generated = generate(checked, coverage=coverage, watch=watched, max_rounds=max_rounds, symbol=SYMBOL)
    return CompiledProgram(build(generated, checked), SYMBOL, generated, checked)


def check_files(files: Sequence[Path]) -> Checked:
    """Read and check, without compiling.

    Raises:
        PlcError: a mistake in the program.
    """
    if not files:
        raise PlcError("there is no file to compile")
    if len(files) > MAX_FILES:
        raise PlcError(f"a program has at most {MAX_FILES} files, not {len(files)}")
    return check_sources([read_source(path, number) for number, path in enumerate(files)])


def check_sources(sources: Sequence[Source]) -> Checked:
    """The same for texts that are read already.

    Raises:
        PlcError: a mistake in the program.
    """
    diagnostics = Diagnostics()
    parsed = [_parse(source, diagnostics) for source in sources]
    diagnostics.raise_if_any()
    return check(sources, parsed, library(), diagnostics)


def _parse(source: Source, diagnostics: Diagnostics) -> s.File:
    return parse(source, diagnostics)


@cache
def library() -> dict[str, s.Pou]:
    """The standard function blocks by lower-case name."""
    found: dict[str, s.Pou] = {}
    for number, path in enumerate(sorted(LIBRARY.glob("*.st"))):
        diagnostics = Diagnostics()
        source = read_source(path, LIBRARY_NUMBER + number, path.name)
        file = parse(Source(source.name, source.text, source.number, library=True), diagnostics)
        diagnostics.raise_if_any()
        found |= {pou.name.text.lower(): pou for pou in file.pous}
    return found


def _watched(checked: Checked, path: str) -> Leaf:
    """The scalar of that path; the name of the program may be left out where there is one only."""
    by_path = {leaf.path.lower(): leaf for leaf in leaves(checked) if scalar(leaf.type)}
    instances = [i.name for task in checked.tasks for i in task.instances]
    tried = [path.lower(), *(f"{name.lower()}.{path.lower()}" for name in instances if len(instances) == 1)]
    found = next((by_path[name] for name in tried if name in by_path), None)
    if found is None:
        mend = did_you_mean(path, [leaf.path for leaf in by_path.values()])
        raise PlcError(f"there is no variable {path} to watch", where=checked.sources[0].name, mend=mend)
    return found


def build(generated: Generated, checked: Checked) -> Path:
    """The shared object, compiled unless it is in the cache."""
    parts = [generated.digest, generated.source, *FLAGS, *GCC_FLAGS, *LINK, platform.machine(), runtime_digest()]
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]
    stem = f"plc-{key}"
    return find_entry(stem) or build_entry(generated.source, stem, checked.sources[0].name, (HEADERS, RUNTIME))


@cache
def runtime_digest() -> str:
    """Digest of the headers that generated C includes."""
    files = [*HEADERS.glob("*.h"), *RUNTIME.glob("*.h"), *(CORE / "src").glob("math_*")]
    files += [CORE / "include/hil" / name for name in ("plc.h", "model.h", "types.h", "math.h")]
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
