"""From an application's tables to a program for a board, cached by content.

What all applications share is compiled once into an archive; a second application costs its tables and the linker.
What a compiler says, warnings too, is kept in a log beside what it made.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from hil.errors import RigError
from hil.mcu.tables import BUILD, Application
from hil.mcu.targets import FLAGS, PACKAGE, Target, find_target
from hil.models.cache import cache_folder, contents, is_sound, publish, workplace
from hil.models.compile import failure

KIND = "firmware"  # of what lies in the cache
TIMEOUT_S = 300
Progress = Callable[[str], None]


def build_firmware(application: Application, board: str, *, progress: Progress | None = None) -> Path:
    """The program of an application: from the cache, else compiled.

    Args:
        application: its tables and models (hil/mcu/tables.py).
        board: `stm32f405` (ELF, also for QEMU's netduinoplus2) or `posix` (a program of this machine).
        progress: told in a few words what is being done.

    Returns:
        The program. Its map lies beside it.

    Raises:
        RigError: no such board, no compiler (says how to install one), or it fails (says why, and where its log lies).
    """
    target, tell = find_target(board), progress or (lambda _: None)
    compiler = _compiler(target)
    key = _key([_common_key(target, compiler), *target.link, application.source, *application.models], ())
    entry = cache_folder(KIND) / f"{application.name}-{board}-{key}.elf"
    if not is_sound(entry):
        archive = common_parts(board, progress=tell)
        tell(f"Compiling {application.name} for {board}")
        _build(target, compiler, application, archive, entry)
    return entry


def common_parts(board: str, *, progress: Progress | None = None) -> Path:
    """The archive of everything that all applications share, an object for each of `Target.sources`; as above."""
    target, tell = find_target(board), progress or (lambda _: None)
    compiler = _compiler(target)
    entry = cache_folder(KIND) / f"common-{board}-{_common_key(target, compiler)}.a"
    if is_sound(entry):
        return entry
    tell(f"Compiling the firmware's common parts for {board}")
    with workplace(KIND) as folder:
        objects = _compile(target, compiler, target.sources, folder, entry.with_suffix(".log"))
        archive = folder / "common.a"
        _run([f"{target.prefix}ar", "rcs", str(archive), *map(str, objects)], folder, entry.with_suffix(".log"))
        publish(archive, entry)
    return entry


def _common_key(target: Target, compiler: str) -> str:
    return _key([_version(compiler), *FLAGS, *target.flags], (*target.headers(), *target.sources))


def _key(texts: Iterable[str], files: Iterable[Path]) -> str:
    """20 hex digits over all that something is made from; of files without their place."""
    digest = hashlib.sha256("\0".join(texts).encode())
    for path in files:
        digest.update(f"\0{path.relative_to(PACKAGE)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:20]


def _compiler(target: Target) -> str:
    command = f"{target.prefix}gcc"
    if not shutil.which(command):
        raise RigError(
            f"compiling firmware for {target.board} needs {command}, which is not installed",
            mend=f"Install it with: {target.mend}",
        )
    return command


@cache
def _version(compiler: str) -> str:
    return subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout


def _build(target: Target, compiler: str, application: Application, archive: Path, entry: Path) -> None:
    log = entry.with_suffix(".log")
    with workplace(KIND) as folder:
        texts = {"tables.c": application.source.replace(BUILD, entry.stem.rpartition("-")[2])}
        texts |= {f"model{i}.c": text for i, text in enumerate(application.models)}
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        objects = _compile(target, compiler, [folder / name for name in texts], folder, log)
        (folder / "common.a").write_bytes(contents(archive))
        built, script = folder / "program.elf", target.script
        command = [compiler, *target.flags, *target.link, *(["-T", str(target.folder / script)] if script else [])]
        _run([*command, f"-Wl,-Map={folder / 'map'}", "-o", str(built), *map(str, objects), *_whole(folder), "-lm"],
             folder, log)  # fmt: skip
        (folder / "map").replace(entry.with_suffix(".map"))
        publish(built, entry)


def _whole(folder: Path) -> list[str]:
    """The archive in full, vector table and main included; what is not used is left out afterwards."""
    return ["-Wl,--whole-archive", str(folder / "common.a"), "-Wl,--no-whole-archive"]


def _compile(target: Target, compiler: str, sources: Iterable[Path], folder: Path, log: Path) -> list[Path]:
    """One object each, on all processors."""
    log.unlink(missing_ok=True)
    sources = list(sources)
    objects = [folder / f"{i}-{path.stem}.o" for i, path in enumerate(sources)]
    # Debug information tells no paths of this machine, so that equal sources give equal programs.
    places = (f"-ffile-prefix-map={PACKAGE}=hil", f"-ffile-prefix-map={folder}=build")
    command = [compiler, *FLAGS, *places, *target.flags, *target.include, "-c"]

    def one(pair: tuple[Path, Path]) -> None:
        _run([*command, str(pair[0]), "-o", str(pair[1])], folder, log)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, zip(sources, objects, strict=True)))
    return objects


def _run(command: list[str], folder: Path, log: Path) -> None:
    """Run a tool; what it says is kept in `log`."""
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, check=False
        )
        failed, words = done.returncode != 0, done.stderr + done.stdout
    except subprocess.TimeoutExpired:
        failed, words = True, f"error: gave up after {TIMEOUT_S} s\n".encode()
    if words or failed:
        with log.open("wb" if failed else "ab") as file:
            file.write(words)
    if failed:
        raise RigError(failure(log), mend=f"The compiler's log: {log}")
