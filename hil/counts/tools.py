"""The small C programs that count, compiled when they are needed and kept in the cache of compiled models."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from functools import cache
from pathlib import Path

from hil.errors import BenchError
from hil.models.cache import cache_folder
from hil.whole_file import written_whole

HERE = Path(__file__).resolve().parent
SHARED = ("-shared", "-fPIC")


@cache
def built(name: str, *flags: str) -> Path:
    """The program or library of `name` (a C file of this folder).

    Raises:
        BenchError: no gcc, or it fails.
    """
    source = HERE / name
    command = ["gcc", "-std=gnu11", "-O2", *flags, str(source)]
    key = hashlib.sha256("\0".join(command).encode() + source.read_bytes()).hexdigest()[:20]
    place = cache_folder() / f"{source.stem}-counts-{key}"
    if place.exists():
        return place
    if shutil.which("gcc") is None:
        raise BenchError("counting needs a C compiler", mend="apt-get install gcc libc6-dev")
    place.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(place) as part:
        done = subprocess.run([*command, "-o", str(part), "-ldl"], check=False, capture_output=True, text=True)
        if done.returncode:
            raise BenchError(f"does not compile: {done.stderr.strip().splitlines()[0]}", where=name)
    return place
