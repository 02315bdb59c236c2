"""One controller at two levels: as blocks in the loop (MIL), and as the emulated PLC in another process, in lock-step
over Modbus TCP or a serial line, polled by us or polling us. The bench sees the same bits, for a minute, with faults,
forces, alarms."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest

from hil import open_bench
from hil.replay import replay

FAULTS = [
    "sensor.h1=stuck@8s..14s",
    "sensor.h2=noise(1mm)@3s..20s",
    "sensor.h3=dropout(30%)@10s..30s",
    "sensor.h4=delay(0.25s)@12s..40s",
    "sensor.h1=bias(0.07)@42s..43s",  # high-level trip
    "sensor.h2=stuck(-0.02)@45s..46s",  # low-level interlock
    "plc.error_h1=drift(1mm/s)@5s..6s",
]
DEVICE = 'side = "client"              # the bench polls the PLC'
ROLE = "every = 10\ndelay_ticks = 1"


def the_plc_polls_us(folder):
    """Its map: a PLC that is the client writes holding registers."""
    path = folder / "plc.csv"
    rows = list(csv.reader(path.read_text().splitlines()))
    for row in rows:
        if row[1:3] == ["read", "input_register"]:
            row[2:4] = ["holding_register", str(int(row[3]) + 10)]
    path.write_text("\n".join(",".join(row) for row in rows) + "\n")


def over_a_serial_line(folder):
    path = folder / "rig.toml"
    text, found = re.subn(r"modbus-tcp://127\.0\.0\.1:\d+", "modbus-rtu:///dev/ttyUSB0", path.read_text())
    assert found == 1
    path.write_text(text)


VARIANTS = {
    "polled": [],
    "polled, many requests at once": [(DEVICE, 'side = "client"\npipeline = 4\nmax_gap = 3\nsingle_writes = true')],
    "polling us": [(DEVICE, 'side = "server"')],
    "late and out of phase": [(ROLE, "every = 7\nphase = 3\ndelay_ticks = 5")],
    "polling us, late and out of phase": [
        (DEVICE, 'side = "server"'),
        (ROLE, "every = 20\nphase = 11\ndelay_ticks = 3"),
    ],
    "polled over a serial line": [],
    "polling us over a serial line": [(DEVICE, 'side = "server"')],
}


def intervene(bench):
    bench.set("plant.leak1", 1e-6, at=15.0)
    bench.force("pump.v2", 4.0, at=25.0)
    bench.release("pump.v2", at=26.0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_mil_and_the_emulated_plc_give_the_same_bits(rig_copy, full, tmp_path, variant):
    rig = rig_copy("quad_tank", *VARIANTS[variant])
    if "polling us" in variant:
        the_plc_polls_us(rig)
    if "serial" in variant:
        over_a_serial_line(rig)
    seconds = 60.0 if variant == "polled" else full(8, 60)
    faults = [f for f in FAULTS if float(f.partition("@")[2].partition("s")[0]) < seconds]
    with (
        open_bench(rig, time="lockstep", bind={"plc": "pil"}, faults=faults, record=tmp_path / "r") as wire,
        open_bench(rig, faults=faults) as blocks,
    ):
        for bench in (wire, blocks):
            intervene(bench)
            bench.run(seconds)
        assert (wire.bindings, blocks.bindings) == ({"plc": "pil"}, {"plc": "mil"})
        assert wire.engine.wires.counters()["plc"]["images"] > 0
        for name in blocks.recorder.columns[0].names:
            assert np.array_equal(wire.history(name), blocks.history(name), equal_nan=True), name
            assert len(wire.history(name)) == round(seconds * 1000)
        for name in blocks.names:
            assert wire.status(name) == blocks.status(name), name
        if seconds == 60.0:
            assert blocks["plc.alarm_h1"] == 1.0, "the faults reached the PLC"
        result = wire.finish()
    found = replay(tmp_path / "r")
    assert (found["identical"], found["state_hash"]) == (True, result.state_hash), found["reason"]


def test_a_fork_of_a_bench_on_a_wire_goes_on_with_the_simulated_plc(rig_copy):
    with open_bench(rig_copy("quad_tank"), time="lockstep", bind={"plc": "pil"}) as bench:
        bench.run(2)
        fork = bench.fork()
        fork.run(60)
        before = bench.state_hash
        assert bench.tick == 2000
        bench.run(0.1)
        assert bench.state_hash != before
    assert fork["plant.h1"] == pytest.approx(0.124, abs=5e-4)
    assert fork["plc.running"] == 1.0
