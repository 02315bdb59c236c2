"""The base of a change, built and measured here: for a machine of another class than the baseline's."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hil.errors import BenchError
from hil.latency.schema import read

BUILD_S, MEASURE_S = 900, 600


def measure_base(rev: str, rig: str, options: Sequence[str], repository: Path = Path()) -> dict[str, Any]:
    """What `hil bench RIG` finds at a commit of the repository around the current folder.

    A commit of HIL itself is built and measures itself; of a user's repository the rig is taken, and this HIL measures.

    Args:
        rev: any name of a commit.
        rig: as given to `hil bench`: a path within the repository, or a shipped rig's name.
        options: of `hil bench`, such as ["--seconds", "3"].
        repository: a folder in it.

    Raises:
        BenchError: no repository, no such commit, or it cannot be built or measured.
    """
    top = Path(_git(repository, "rev-parse", "--show-toplevel"))
    commit = _git(top, "rev-parse", "--verify", "--end-of-options", f"{rev}^{{commit}}")
    with _worktree(top, commit) as tree:
        environment = dict(os.environ)
        if (tree / "hil" / "__init__.py").is_file():
            _need_bench(tree, rev)
            _run([sys.executable, "setup.py", "--quiet", "build_clib", "build_ext", "--inplace"], tree, BUILD_S, rev)
            environment["PYTHONPATH"] = str(tree)
        out = tree / "hil-bench-base.json"
        command = [sys.executable, "-m", "hil", "bench", _rig_there(rig, top, tree), *options, "--json", str(out)]
        _run(command, tree, MEASURE_S, rev, environment)
        return read(out)


@contextmanager
def _worktree(top: Path, commit: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hil-base-") as folder:
        tree = Path(folder) / "tree"
        _git(top, "worktree", "add", "--detach", "--quiet", str(tree), commit)
        try:
            yield tree
        finally:
            _git(top, "worktree", "remove", "--force", str(tree))


def _rig_there(rig: str, top: Path, tree: Path) -> str:
    """The rig's path in the other tree; a shipped rig keeps its name."""
    path = Path(rig).resolve()
    return str(tree / path.relative_to(top.resolve())) if path.exists() and path.is_relative_to(top.resolve()) else rig


def _need_bench(tree: Path, rev: str) -> None:
    if not (tree / "hil" / "latency").is_dir():
        mend = "Name a later commit"
        raise BenchError("this commit has no hil bench, so it cannot measure itself", where=rev, mend=mend)


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], check=False, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        why = done.stderr.strip().split("\n")[-1] or "git failed"
        raise BenchError(why, where=f"git {arguments[0]}", mend="Give --base-commit a commit of this repository")
    return done.stdout.strip()


def _run(command: list[str], folder: Path, seconds: float, rev: str, environment: dict[str, str] | None = None) -> None:
    try:
        done = subprocess.run(
            command, check=False, cwd=folder, capture_output=True, text=True, timeout=seconds, env=environment
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"'{' '.join(command[1:4])}' took longer than {seconds:g} s", where=rev) from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().split("\n")[-1]
        raise BenchError(f"'{' '.join(command[1:4])}' ended with {done.returncode}: {said}", where=rev)
