"""`hil emulate` without a bench: a program that stops by itself says where."""

from __future__ import annotations

import subprocess
import sys

from yardstick import free_port

STARTED = '"device"'


def test_an_emulated_plc_says_why_it_stopped(changed):
    folder = changed(
        ("rig.toml", "15502", str(free_port())),
        ("plc/tank.st", "UINT#1000 / divisor", "UINT#1000 / starts"),  # 0 at the start
    )
    command = [sys.executable, "-m", "hil", "emulate", str(folder), "plc", "--controller", "plc=program", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        assert process.stderr
        assert STARTED in process.stdout.readline()
        told = process.stderr.readline()
    finally:
        process.terminate()
        rest = process.communicate(timeout=10)[1]
    assert told.endswith("plc/tank.st:23: division by zero\n")
    assert "division" not in rest
