"""The emulated PLC runs the program behind its wire: the same bits as in the loop, and the same switch."""

from __future__ import annotations

import time

import pytest
from yardstick import free_port

from hil import open_bench
from hil.errors import BenchError
from hil.recording import Recording

WIRES = [(bus, side) for bus in ("tcp", "rtu") for side in ("client", "server")]


def url_of(bus: str) -> str:
    return f"modbus-tcp://127.0.0.1:{free_port()}" if bus == "tcp" else "modbus-rtu:///dev/ttyNONE?baud=115200"


def recorded(folder, level, out):
    """Two restarts, a force and a stop of its own."""
    with open_bench(
        folder, time={"mil": "virtual", "pil": "lockstep"}[level], bind={"plc": level}, record=out
    ) as bench:
        plc = bench.plc("plc")
        bench.run(1.5)
        plc.stop()
        bench.run(0.3)
        plc.run()
        plc.force("heat", -2.5)
        bench.run(1.5)
        bench.set("divisor.value", 0.0)
        bench.run(0.2)
        bench.set("divisor.value", 7.0)
        plc.cold_restart()
        plc.release("heat")
        bench.run(1.5)
        assert bench.finish().passed
        told = [event["text"] for event in bench.recorder.events if event["kind"] in ("plc_stop", "device")]
    return Recording(out), [text for text in told if "pseudo-terminal" not in text]


@pytest.mark.parametrize(("bus", "side"), WIRES)
def test_over_the_wire_in_lock_step_it_gives_the_bits_of_the_loop(on_wire, tmp_path, bus, side):
    folder = on_wire(url_of(bus), side)
    mil, stops = recorded(folder, "mil", tmp_path / "mil")
    pil, told = recorded(folder, "pil", tmp_path / "pil")
    assert mil.manifest["signals_hash"] == pil.manifest["signals_hash"]
    assert stops == told == ["plc/tank.st:23: division by zero"]
    assert mil["pump.speed"].max() == 0.8
    assert len(set(mil["plc.power"])) > 50


def device_events(bench):
    return [event["text"] for event in bench.recorder.events if event["kind"] == "device"]


@pytest.mark.realtime
def test_in_real_time_the_switch_reaches_the_device(on_wire):
    with open_bench(on_wire(url_of("tcp"), "client"), time="real", bind={"plc": "pil"}) as bench:
        plc = bench.plc("plc")
        bench.start()
        bench.wait_until("plc.quotient > 249", timeout_s=5)
        plc.stop()
        bench.wait_until("plc.quotient < 1", timeout_s=5)
        plc.run()
        bench.wait_until("plc.quotient > 249", timeout_s=5)
        bench.set("divisor.value", 0.0)
        bench.wait_until("plc.quotient < 1", timeout_s=5)
        end = time.monotonic() + 5.0
        while not (told := device_events(bench)) and time.monotonic() < end:
            time.sleep(0.05)  # the device is asked for its stops now and then
        bench.stop()
        assert told == device_events(bench) == ["plc/tank.st:23: division by zero"]
        with pytest.raises(BenchError, match="runs on its device"):
            plc.read("level")
