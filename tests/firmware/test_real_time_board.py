"""A board in real time: the firmware as a process on a pseudo-terminal, the bench's clock beside the board's."""

from __future__ import annotations

import re

import numpy as np
import pytest
from rig_on_a_line import emulate, finish, hil, wait_for, write_rig

from hil import open_bench
from hil.errors import BenchError, BusError
from hil.recording import Recording

pytestmark = pytest.mark.realtime
MAP = """tag,direction,table,type
x.in,write,image,float64
x.out,read,image,float64
x.slow,read,image,float64
b.offset,read,clock_offset,float64
b.drift,read,clock_drift,float64
b.bound,read,clock_bound,float64
"""
LATE_TICKS = 5  # of 4 ms: a busy machine, and the board's own phase


@pytest.fixture
def bench(tmp_path):
    posix = ('firmware = "one"', 'firmware = "one"\nboard = "posix"')
    patient = [
        (f"max_age_s = {age}", f"max_age_s = {10 * age:g}.0") for age in (0.1, 0.2)
    ]  # a busy machine is no dead host
    rig = write_rig(tmp_path / "rig", "serial:///dev/ttyACM0", posix, ("period_s = 0.01", "period_s = 0.004"), *patient)
    (rig / "board.csv").write_text(MAP)
    with open_bench(rig, time="real", bind={"controller": "pil"}) as opened:
        yield opened


def wire(bench):
    return bench.device("controller")


def start(bench, seconds):
    """Runs in the background; returns when the board's clock is known to half a tick."""
    bench.start(seconds)
    assert bench.wait_until("b.bound > 0 and b.bound < 2e-3", timeout_s=5)


def test_a_command_is_carried_out_at_its_time_by_the_boards_clock(bench):
    start(bench, 3.5)
    due = bench.tick + 250
    bench.set("law.gain", 0.5, at=due * bench.period_s)
    bench.join()
    held = bench.history("x.out")
    assert held[due - 10] == 100.0, "at its limit"
    changed = int(np.flatnonzero(held[due - 10 :] < 100.0)[0]) + due - 10
    assert due <= changed <= due + LATE_TICKS
    assert bench.finish().passed


def test_a_late_command_is_refused_and_fails_the_run(bench):
    start(bench, 30.0)
    wait_for(lambda: wire(bench).keeps_time and bench.tick > 50)  # tick 1 is long past
    with pytest.raises(BenchError, match="too late, it was not executed"):
        wire(bench).set("law.gain", 3.0, 1)
    bench.stop()
    result = bench.finish()
    assert not result.passed
    assert "too late" in result.reason


def test_the_boards_clock_is_known_within_the_bound_that_is_recorded(bench, full):
    start(bench, full(6, 60))
    bench.fault("controller=clock_drift(50)")
    bench.join()
    drift, bound = bench.history("b.drift"), bench.history("b.bound")
    known = np.flatnonzero(np.isfinite(bound) & (bound > 0))
    assert len(known) > 100
    assert bound[known[-1]] < 5e-4
    assert drift[known[-1]] == pytest.approx(50.0, abs=20.0)
    assert bench.finish().passed


def test_steps_of_the_clock_are_noticed_and_data_keep_coming(bench):
    start(bench, 30.0)
    bench.fault("controller=clock_step(5ms)")
    wait_for(lambda: bench.engine.wires.counters()["board"]["clock_restarts"] >= 1)
    after = bench.tick + 100
    wait_for(lambda: bench.tick > after)
    bench.stop()
    assert bench.history("x.out")[-1] != -7.0


def test_a_parameter_of_a_real_board_is_set_over_its_link(tmp_path):
    process, told = emulate(write_rig(tmp_path / "device", "serial:///dev/ttyACM0"))
    rig = write_rig(tmp_path / "rig", f"serial://{told['link']}")
    with (rig / "rig.toml").open("a") as file:
        file.write('\n[[events]]\nat_s = 0.1\nset = "law.gain"\nvalue = 0.0\n')
    try:
        with open_bench(rig, time="lockstep", bind={"controller": "hil"}) as bench:
            bench.run(0.3)
            out = bench.history("x.out")
    finally:
        process.terminate()
        finish(process)
    assert out[5] != 0
    assert (out[12:] == 0).all()


def test_a_rig_reaches_an_emulated_board_at_the_address_that_it_tells(tmp_path):
    rig = write_rig(tmp_path / "rig", "serial:///dev/ttyACM0")
    process, told = emulate(rig)
    try:
        assert told["url"] == f"serial://{told['path']}" == f"serial://{told['link']}"
        with open_bench(
            rig, time="lockstep", bind={"controller": "hil"}, urls={"board": told["url"]}, record=tmp_path / "r"
        ) as bench:
            bench.run(0.1)
            assert bench.engine.wires.counters()["board"]["images"] == 10
    finally:
        process.terminate()
        finish(process)
    assert Recording(tmp_path / "r").manifest["urls"] == {"board": told["url"]}


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("bord=serial:///dev/ttyX", "there is no device 'bord'. Did you mean board?"),
        ("board=/dev/ttyX", "is not a device's address"),
        ("board=modbus-rtu:///dev/ttyX", "board speaks link, and this address does not"),
    ],
)
def test_an_address_that_cannot_be_is_refused(tmp_path, option, line):
    name, _, url = option.partition("=")
    with pytest.raises(BusError, match=re.escape(line)):
        open_bench(write_rig(tmp_path / "rig", "serial:///dev/ttyACM0"), urls={name: url})


def test_an_address_or_port_without_effect_is_refused_in_one_line(tmp_path):
    rig = write_rig(tmp_path / "rig", "serial:///dev/ttyACM0")
    for process, line in (
        (hil("run", rig, "--virtual", "--url", "board=serial:///dev/ttyX"), "would not be used. Add --bind controller"),
        (hil("run", rig, "--url", "board"), "--url: 'board' is none. Write DEVICE=URL"),
        (hil("emulate", rig, "board", "--port", 0), "a device on a serial line has no port"),
    ):
        code, errors = finish(process)
        assert (code, len(errors)) == (2, 1)
        assert line in errors[0]
