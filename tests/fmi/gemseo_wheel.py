"""FMUs by other tools out of the wheel gemseo-fmu (LGPL-3.0): downloaded for tests, never installed or shipped."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

WHEEL = "gemseo-fmu==3.1.1"
BUILD = Path(__file__).resolve().parents[2] / "build" / "gemseo-fmu"
INSIDE = "gemseo_fmu/problems/fmu_files/"


@cache
def fmus() -> Path:
    """The folder with `linux` and `win32`.

    Raises:
        OSError: it is not here and cannot be downloaded.
    """
    place = BUILD / INSIDE
    if not (place / "win32").is_dir():
        BUILD.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(BUILD), WHEEL]
        try:
            got = subprocess.run(command, capture_output=True, text=True, timeout=120)
        except subprocess.TimeoutExpired as error:
            raise OSError("pip download took longer than 120 s") from error
        wheel = next(BUILD.glob("*.whl"), None)
        if wheel is None:
            raise OSError((got.stderr.strip().splitlines() or ["pip download failed"])[-1])
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(BUILD, [name for name in archive.namelist() if name.startswith(INSIDE)])
    return place


def linux_fmus() -> dict[str, Path]:
    """Path by name."""
    return {path.stem: path for path in sorted((fmus() / "linux").glob("*.fmu"))}
