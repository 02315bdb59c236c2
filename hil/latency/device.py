"""An emulated device of a rig that is no file: `python -m hil.latency.device RIG_JSON DEVICE`, a process of its own.

It serves where the system has room, prints one line of JSON with its address, and ends when its standard input does.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hil.emulate import emulate
from hil.errors import BusError
from hil.rig import Rig
from hil.wires.emulated import PARENT

START_S = 20.0


@contextmanager
def emulated(rig: Rig, device: str) -> Iterator[str]:
    """Address of an emulated device of `rig` for the length of a `with` block.

    Raises:
        BusError: it does not come up.
    """
    with tempfile.TemporaryDirectory(prefix="hil-bench-") as folder:
        described = Path(folder) / "rig.json"
        described.write_text(json.dumps({"rig": rig.to_dict(), "files": rig.files}), encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-m", "hil.latency.device", str(described), device],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, PARENT: "1"},
        )
        try:
            yield _address(process, device)
        finally:
            _end(process)


def _address(process: subprocess.Popen[bytes], device: str) -> str:
    assert process.stdout
    ready, _, _ = select.select([process.stdout], [], [], START_S)
    line = process.stdout.readline() if ready else b""
    if not line.strip():
        raise BusError(f"the emulated device did not serve within {START_S:g} s", where=f"devices.{device}")
    return str(json.loads(line)["url"])


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin
    assert process.stdout
    process.stdin.close()
    try:
        process.wait(5.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def main(described: str, device: str) -> None:
    """Serves until the end of standard input."""
    data = json.loads(Path(described).read_text(encoding="utf-8"))
    rig = Rig.from_dict(data["rig"], data["files"])
    place = Path(described).parent / "files"
    place.mkdir()
    port = None if rig.devices[device].line else 0
    emulate(rig.write_files(place), device, port=port, ready=lambda told: print(json.dumps(told), flush=True))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
