"""An emulated device: `hil emulate` in a process of its own, which ends with the bench, however that happens."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hil.errors import BusError
from hil.rig import Device

ANSWER_S = 2.0
START_S = 20.0  # an emulated device may have to import and compile
PARENT = "HIL_EMULATE_UNTIL_STDIN_ENDS"  # an emulated device ends when the bench's process ends, however that happens


@dataclass
class Emulated:
    """An emulated device in its own process: what it `told` when it served, `token` the side socket in lock-step."""

    process: subprocess.Popen[bytes]
    told: dict[str, Any]
    folder: tempfile.TemporaryDirectory[str] | None = None
    token: socket.socket | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def port(self) -> int:
        """The TCP port that it serves at."""
        return int(self.told["port"])

    def set(self, name: str, value: float, tick: int | None) -> None:
        """Sets a parameter at the device's own tick (None: its next one) and waits until it knows.

        Raises:
            BusError: the process has ended or does not answer.
        """
        if not self._ask({"set": name, "value": value, "tick": tick}):
            raise BusError(f"'{name}' was not set: the emulated device does not answer", mend="Start the bench again")

    def stops(self) -> list[str]:
        """Why and where the device's PLC program has stopped by itself since the last call."""
        answer = self._ask({"ask": "stops"})
        return list(json.loads(answer)["stops"]) if answer else []

    def _ask(self, what: dict[str, Any]) -> bytes:
        """The answer's line; empty when there is none."""
        assert self.process.stdin
        assert self.process.stdout
        with self._lock, contextlib.suppress(OSError):
            self.process.stdin.write(json.dumps(what).encode() + b"\n")
            self.process.stdin.flush()
            if select.select([self.process.stdout], [], [], ANSWER_S)[0]:
                return self.process.stdout.readline()
        return b""

    def end(self) -> None:
        """Ends the process: asked first, killed after two seconds."""
        if self.token:
            self.token.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(2.0)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                with contextlib.suppress(BrokenPipeError):  # the rest of a line that nobody reads
                    pipe.close()
        if self.folder:
            self.folder.cleanup()


def start_emulated(
    rig_path: Path, device: Device, *, lockstep: bool, port: int | None = None, controller: str = "blocks"
) -> Emulated:
    """Starts `hil emulate` for a device and waits until it serves.

    Args:
        rig_path: folder of the rig.
        device: its description.
        lockstep: takes tick tokens over a Unix socket instead of running by the clock.
        port: where it serves instead of at the rig's (0: any free one); for a device that polls us, the port of ours.
        controller: what the device runs, "blocks" or "program".

    Raises:
        BusError: it does not come up; with its own words.
    """
    folder = tempfile.TemporaryDirectory(prefix="hil-") if lockstep else None
    command = [sys.executable, "-m", "hil", "emulate", str(rig_path), device.name, "--json"]
    command += ["--controller", f"{device.role}={controller}"]
    listener = None
    if folder:
        path = str(Path(folder.name) / "token")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(path)
        listener.listen(1)
        listener.settimeout(START_S)
        command += ["--lockstep", path]
    if port is not None:
        command += ["--port", str(port)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, PARENT: "1"},
        start_new_session=True,  # a Ctrl-C in the terminal is for the bench, which ends the device last
    )
    emulated = Emulated(process, {}, folder)
    try:
        emulated.told = _ready(process, device)
        if listener:
            emulated.token, _ = listener.accept()
    except BaseException:
        emulated.end()
        raise
    finally:
        if listener:
            listener.close()
    return emulated


def _ready(process: subprocess.Popen[bytes], device: Device) -> dict[str, Any]:
    """The one line of JSON that an emulated device prints when it serves."""
    assert process.stdout
    assert process.stderr
    ready, _, _ = select.select([process.stdout], [], [], START_S)
    if not ready:
        raise BusError(f"the emulated device did not serve within {START_S:g} s", where=device.url)
    with contextlib.suppress(ValueError):  # no line, or the first one of an error's object
        told: dict[str, Any] = json.loads(process.stdout.readline())
        return told
    _, errors = process.communicate(timeout=5.0)
    words = errors.decode(errors="replace").strip().splitlines() or ["no message"]
    raise BusError(
        f"the emulated device ended at once: {words[-1].removeprefix('hil: ').rstrip('.')}",
        where=device.url,
        mend=f"Run `hil emulate RIG {device.name}` to see why",
    )
