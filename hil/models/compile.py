"""From a model class to a loaded model: looked up in the cache, else generated (casadi) and compiled (gcc)."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from hil.errors import RigError
from hil.models.cache import cache_folder, is_sound, publish, workplace
from hil.models.compiled import CompiledModel
from hil.models.declare import METHODS, Model, ModelInfo
from hil.models.fingerprint import fingerprint
from hil.nearest import did_you_mean

PACKAGE = Path(__file__).resolve().parent
CORE = PACKAGE.parent / "core"
# No contraction and no vectoriser: the same bits everywhere, and faster for small models. Hidden symbols are inlined.
FLAGS = (
    "-std=c11",
    "-O3",
    "-fno-tree-vectorize",
    "-ffp-contract=off",
    "-fvisibility=hidden",
    "-fno-strict-aliasing",
    "-fno-math-errno",
    "-ffunction-sections",
    "-fPIC",
    "-shared",
)
# Loads early enough: a tenth of an extended Kalman filter's step. clang does so by itself and does not know the names.
GCC_FLAGS = ("-fschedule-insns", "-fsched-pressure")
# Only the mathematics that the model calls stays; addresses are bound when it is loaded, not in a tick.
LINK = ("-Wl,--gc-sections", "-Wl,-z,now", "-Wl,-s")
COMPILE_TIMEOUT_S = 900
MEND_COMPILER = "Install one with: apt-get install gcc libc6-dev (or set CC)"

Progress = Callable[[str], None]


def compile_model(
    cls: type[Model], method: str | None = None, *, ekf: bool = False, progress: Progress | None = None
) -> CompiledModel:
    """The compiled model, from the cache when its sources have not changed; then neither casadi nor gcc is needed.

    Args:
        cls: a class with declarations and equations.
        method: how it is advanced; the class's own when None.
        ekf: with the step of an extended Kalman filter, for the core's block type "ekf".
        progress: told in a few words what is being done, before each of the slow parts.

    Raises:
        RigError: the class is wrong, casadi or the compiler is missing, or the compiler fails (its log is named).
    """
    info = cls.info()
    method = method or info.method
    if method not in METHODS:
        raise RigError(f"method {method!r} is not known", where=info.place, mend=did_you_mean(method, METHODS))
    tell = progress or (lambda _: None)
    print_ = fingerprint(cls)
    source = None if print_ else _generate(cls, info, method, tell, ekf)
    stem = f"{info.name}-{method}{'-ekf' * ekf}-{_key(print_ or source or '', info, method)}"
    entry = find_entry(stem)
    if entry is None:
        source = source or _generate(cls, info, method, tell, ekf)
        tell(f"Compiling {info.name} ({method})")
        entry = build_entry(source, stem, info.place)
    return CompiledModel(entry, info)


def _generate(cls: type[Model], info: ModelInfo, method: str, tell: Progress, ekf: bool) -> str:
    from hil.models.codegen import generate

    tell(f"Deriving the equations of {info.name}")
    return generate(cls, method, FLAGS, ekf)


def _key(content: str, info: ModelInfo, method: str) -> str:
    """20 hex digits over everything that the shared object is made from."""
    declared = repr((info.name, info.x, info.u, info.y, info.p))
    parts = [content, declared, method, *FLAGS, *GCC_FLAGS, *LINK, platform.machine(), generator_digest()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


@cache
def generator_digest() -> str:
    """Digest of what turns a class into C: this package, the core's mathematics, the table's header."""
    files = [*PACKAGE.glob("*.py"), *PACKAGE.glob("step/*.h"), *(CORE / "src").glob("math_*")]
    files += [CORE / "include/hil" / name for name in ("model.h", "types.h", "math.h")]
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def find_entry(stem: str) -> Path | None:
    """A sound entry by this compiler; by any compiler when there is none here, as all give the same bits."""
    compiler = _compiler()
    if compiler:
        entry = cache_folder() / f"{stem}-{_version(tuple(compiler))}.so"
        return entry if is_sound(entry) else None
    entries = sorted(cache_folder().glob(f"{stem}-*.so"))
    return next((e for e in entries if is_sound(e)), None)


def _compiler() -> list[str] | None:
    """The command of a C compiler: $CC, gcc, cc or clang."""
    asked = shlex.split(os.environ.get("CC", ""))
    for command in (asked, ["gcc"], ["cc"], ["clang"]):
        if command and shutil.which(command[0]):
            return command
    return None


@cache
def _version(command: tuple[str, ...]) -> str:
    """`gcc-12.2.0`, for the name of an entry."""
    answer = subprocess.run([*command, "-dumpfullversion", "-dumpversion"], capture_output=True, text=True, check=False)
    return re.sub(r"[^A-Za-z0-9.]+", "-", f"{Path(command[0]).name}-{answer.stdout.strip()}").strip("-")


@cache
def flags_of(command: tuple[str, ...]) -> tuple[str, ...]:
    """All flags that a compiler is called with."""
    answer = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    return (*FLAGS, *GCC_FLAGS) if "Free Software Foundation" in answer.stdout else FLAGS


def build_entry(source: str, stem: str, where: str, include: Sequence[Path] = ()) -> Path:
    """Compile a source, publish it in the cache, return the entry. `where` is what an error is about, `include` are
    folders of headers besides the core's and the models'.
    """
    compiler = _compiler()
    if compiler is None:
        raise RigError("compiling a model needs a C compiler, none is installed", where=where, mend=MEND_COMPILER)
    entry = cache_folder() / f"{stem}-{_version(tuple(compiler))}.so"
    headers = [word for place in include for word in ("-I", str(place))]
    with workplace() as folder:
        text, built, log = folder / "model.c", folder / "model.so", folder / "model.log"
        try:
            text.write_text(source, encoding="utf-8")
            command = [*compiler, *flags_of(tuple(compiler)), *headers]
            if run_compiler(command, text, built, log) != 0 or not built.exists():
                kept = log.replace(entry.with_suffix(".log"))
                text.replace(entry.with_suffix(".c"))
                raise RigError(failure(kept), where=where, mend=f"The compiler's log: {kept}")
            text.replace(entry.with_suffix(".c"))  # to be read by people; what is loaded is the shared object
            publish(built, entry)
        except OSError as error:
            raise RigError(
                f"the cache of compiled models cannot be written: {error.strerror}",
                where=str(cache_folder()),
                mend="Set HIL_CACHE_DIR to a folder that can",
            ) from error
    return entry


def run_compiler(command: list[str], text: Path, built: Path, log: Path) -> int:
    """Run a compiler on one generated source; all it says goes to `log`. The exit code, 124 after the timeout."""
    include = ["-I", str(CORE / "include"), "-I", str(CORE / "src"), "-I", str(PACKAGE)]
    with log.open("wb") as output:
        try:
            return subprocess.run(
                [*command, *include, "-o", str(built), str(text), *LINK],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=COMPILE_TIMEOUT_S,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            output.write(f"\nerror: gave up after {COMPILE_TIMEOUT_S} s\n".encode())
            return 124


def failure(log: Path) -> str:
    """The compiler's first error in one line."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line for line in lines if "error" in line.lower()] or lines or ["it said nothing"]
    return f"the compiler failed: {re.sub(r'^.*?error: ', '', errors[0].strip())[:200]}"
