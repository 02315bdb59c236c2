"""hil scan visa: what is there, in bounded time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from desk import Liar, emulated, simulated


def scan(*options: str) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "hil", "scan", "visa", "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, json.loads(done.stdout)


def test_scan_tells_what_is_there_and_which_model_it_is(tmp_path: Path) -> None:
    silent = Liar(b"")
    begun = time.monotonic()
    with emulated() as urls:
        code, found = scan(*urls.values(), f"TCPIP::127.0.0.1::{silent.port}::SOCKET", "--timeout", "0.3")
    silent.close()
    assert time.monotonic() - begun < 20.0
    assert code == 0
    models = [each["model"] for each in found["resources"]]
    assert models == ["scpi_supply", "scpi_load", "scpi_meter", None]
    assert found["resources"][3]["error"] == "no answer to *IDN? in 0.3 s"
    code, found = scan("--library", f"{simulated(tmp_path)}@sim")
    assert code == 0
    assert {each["resource"] for each in found["resources"]} == {f"ASRL{n}::INSTR" for n in (1, 2, 3)}
