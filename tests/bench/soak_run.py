"""A bench of two devices in real time for the soak: an emulated PLC behind Modbus TCP and the posix board on a link.

python soak_run.py FOLDER SECONDS     prints JSON: ticks, counters, memory of all processes over the run
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from hil.bench import Bench, open_bench
from hil.rig import load_rig

SAMPLES_PER_RUN = 200
RIG = """
[rig]
name = "soak"
period_s = 0.001
[loop]
overrun = "count"
[signals]
"tank.level" = { unit = "1", start = 0.0 }
"pump.flow" = { unit = "1", limits = [-100, 100], safe = 0.0, max_age_s = 5.0 }
"motor.speed" = { unit = "1", start = 0.0 }
"motor.drive" = { unit = "1", limits = [-100, 100], safe = 0.0, max_age_s = 5.0 }
[blocks.tank]
type = "lag"
in = { u = "pump.flow" }
out = { y = "tank.level" }
time_constant_s = 0.5
[blocks.motor]
type = "lag"
in = { u = "motor.drive" }
out = { y = "motor.speed" }
time_constant_s = 0.5
[roles.plc]
[roles.controller]
every = 10
[blocks.fill]
role = "plc"
type = "gain"
in = { u = "tank.level" }
out = { y = "pump.flow" }
gain = -0.5
offset = 1.0
[blocks.law]
role = "controller"
type = "gain"
in = { u = "motor.speed" }
out = { y = "motor.drive" }
gain = -0.5
offset = 1.0
[devices.plc]
role = "plc"
url = "modbus-tcp://127.0.0.1:5020"
map = "plc.csv"
period_s = 0.01
[devices.board]
role = "controller"
url = "serial:///dev/ttyACM0?baud=921600"
firmware = "soak"
board = "posix"
map = "board.csv"
timeout_s = 0.05
"""
PLC = (
    "tag,direction,table,address,type\n"
    "tank.level,write,holding_register,0,float64\n"
    "pump.flow,read,input_register,0,float64\n"
)
BOARD = "tag,direction,type\nmotor.speed,write,float64\nmotor.drive,read,float64\n"


def write_rig(folder: Path) -> Path:
    """The rig in a folder."""
    folder.mkdir()
    for name, text in (("rig.toml", RIG), ("plc.csv", PLC), ("board.csv", BOARD)):
        (folder / name).write_text(text)
    return folder


def processes() -> list[int]:
    """This process and its children: the emulated devices."""
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return [os.getpid(), *sorted({int(pid) for task in tasks for pid in task.read_text().split()})]


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in RAM, as the kernel counts it now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def watch(bench: Bench, seconds: float) -> list[tuple[int, dict[str, int]]]:
    """(tick, memory by process) at even times while the bench runs."""
    found = []
    pids = processes()
    while bench.running:
        found.append((bench.tick, {str(pid): resident_bytes(pid) for pid in pids}))
        time.sleep(seconds / SAMPLES_PER_RUN)
    return found


def main(folder: Path, seconds: float) -> dict[str, Any]:
    """Runs and records."""
    rig = write_rig(folder / "rig")
    bind = {"plc": "pil", "controller": "pil"}
    loaded = load_rig(rig)
    plc = replace(loaded.devices["plc"], port=0)  # any free one
    loaded = replace(loaded, devices={**loaded.devices, "plc": plc})
    with open_bench(loaded, time="real", bind=bind, record=folder / "recording", history=False) as bench:
        bench.start(seconds)
        memory = watch(bench, seconds)
        bench.join()
        health = bench.health()
    return {"health": health, "memory": memory}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), float(sys.argv[2]))))
