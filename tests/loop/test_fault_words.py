"""Faults in words on a rig: what derived kinds become, activation by text and keyword, the life cycle in the events."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hil import open_bench
from hil.cli import main
from hil.control.requests import answer
from hil.errors import HilError
from hil.fault_core import core_fault
from hil.faults import parse_fault
from hil.recording import Recording
from hil.rig import load_rig
from hil.rig.description import Signal

LINES = {
    "h": Signal("h", "m", range=(-0.1, 0.3), path=True),
    "h2": Signal("h2", "m", path=True),
    "t": Signal("t", "K", path=True),
    "v": Signal("v", "V", range=(0.0, 10.0), path=True),
    "w": Signal("w", "V", path=True),
    "bare": Signal("bare", path=True),
}
PATHS = {name: n for n, name in enumerate(LINES)}
UNITS = {name: line.unit for name, line in LINES.items()}


def in_core(text):
    return core_fault(parse_fault(text, UNITS), 1_000_000, LINES, PATHS)


@pytest.mark.parametrize(
    ("text", "number", "values"),
    [
        ("h=nan", 6, [1.0]),
        ("h=sign_flip", 13, [-1.0, 0.0]),
        ("h=wrong_unit(cm)", 13, [100.0, 0.0]),
        ("t=wrong_unit(degC)", 13, [1.0, -273.15]),
        ("t=wrong_unit(degF)", 13, [1.8, -459.67]),
        ("h=wire_break(low)", 3, [-0.11]),  # 3.6 mA: 0.4 mA of 16 mA below the range of 0.4 m
        ("h=wire_break(high)", 3, [0.325]),
        ("h=crosstalk(h2, 5%)", 14, [1.0, 0.05, 1.0]),
        ("h=swap(h2)", 14, [0.0, 1.0, 1.0]),
        ("v=loss(30%)", 2, [0.7]),
        ("v=reversed", 13, [-1.0, 10.0]),
        ("v=frozen", 3, [math.nan]),
        ("v=short_ground(1 kohm, 3 kohm)", 13, [0.25, 0.0]),
        ("v=short_supply(1 kohm, 3 kohm, 12 V)", 13, [0.25, 9.0]),
        ("v=short_pin(w, 1 kohm, 3 kohm)", 14, [0.25, 0.75, 4.0]),
        ("v=open(200 mV)", 3, [0.2]),
        ("v=ground_shift(-0.1 V)", 1, [-0.1]),
        ("v=brown_out(6 V)", 10, [0.0, 6.0]),
        ("h=spike(1cm, 20ms)", 8, [0.01, 20.0]),
        ("h=jitter(7t)", 12, [7.0]),
        ("v=runaway(2 V/s, 8 V)", 15, [2.0, 8.0]),
        ("t=saturate(0 degC, 100 degC)", 10, [273.15, 373.15]),
        ("t=dead_zone(2 delta_degC, 20 degC)", 11, [2.0, 293.15]),
        ("h=bit_flip(51)", 19, [51.0]),
    ],
)
def test_a_kind_becomes_one_of_the_cores(text, number, values):
    kind, found = in_core(text)
    assert kind == number
    assert found[: len(values)] == pytest.approx(values, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("h2=wire_break(low)", "the signal declares no range. Give it range = [low, high]"),
        ("h=wire_break(up)", "a wire breaks to low or high, not to 'up'"),
        ("h=wire_break", "wire_break takes (low|high), not 0 values"),
        ("h=swap(h)", "needs another signal"),
        ("h=swap(h3)", "'h3' is not a signal with a path. Valid: h2"),
        ("h=crosstalk(t, 0.1)", "t is in K, not in m"),
        ("h=wrong_unit(V)", "m cannot become V"),
        ("bare=wrong_unit(V)", "the signal has no unit"),
        ("h=open(0)", "an electrical fault needs a signal in volts"),
        ("v=short_ground(0 ohm, 0 ohm)", "one of the resistances must be above 0"),
        ("h=bit_flip(1.5)", "must be a whole number"),
        ("h=bias(1) ramp", "says nothing about when a fault acts"),
        ("h=bias(1) ramp 1s ramp 2s", "ramp twice"),
        ("h=bias(1) ramp 0s", "is no length of time"),
        ("h=bias(1) duty 1s", "has no period"),
        ("h=bias(1) p 2", "is not a probability"),
        ("h=bias(1) when h2", "is not a condition"),
        ("h=bias(1) when h2>x", "is not a number"),
    ],
)
def test_what_cannot_be_is_told(text, message):
    with pytest.raises(HilError) as caught:
        in_core(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "sensor.h1=bias(1)@5s.. ramp 2s",
        "sensor.h1=bias(1) duty 0.1s/1s p 0.01 when sensor.h2>0.1 cm",
        "sensor.h1=swap(sensor.h2)@5s+3s after sensor.h2!=0.25",
        "sensor.h1=crosstalk(sensor.h2, 0.1)@..90t ramp 20t",
    ],
)
def test_a_fault_with_its_activation_as_text_is_the_same_fault(text):
    spec = parse_fault(text)
    assert str(parse_fault(str(spec))) == str(spec)
    assert parse_fault(str(spec)) == spec


# ---- on a rig ----


def difference(*faults, seconds=1.0, **keywords):
    """What the transmitter's path adds in each tick of 10 ms."""
    with open_bench("tank_level", use_rig_faults=False) as bench:
        for fault in faults:
            bench.fault(fault, **keywords)
        bench.run(seconds)
        return bench.history("sensor.h") - bench.history("sensor.h.raw")


@pytest.mark.parametrize(
    ("clause", "keywords", "share"),
    [
        ("ramp 200ms", {"ramp": "200ms"}, lambda k: np.minimum((k + 1) / 20, 1)),
        ("duty 3t/100ms", {"duty": "3t/100ms"}, lambda k: k % 10 < 3),
        ("when sensor.h>1 mm", {"when": "sensor.h>1 mm"}, lambda k: k >= 0),
        ("when plant.h<0", {"when": "plant.h<0"}, lambda k: k < -999),
        ("after plant.h>0", {"after": "plant.h>0"}, lambda k: k >= 0),
    ],
)
def test_activation_by_text_and_by_keyword_is_the_same(clause, keywords, share):
    by_text = difference(f"sensor.h=bias(1cm)@20t..80t {clause}")
    k = np.arange(len(by_text)) - 20
    assert by_text == pytest.approx(np.where((k >= 0) & (k < 60), share(k), 0) * 0.01, abs=1e-15)
    assert np.array_equal(by_text, difference("sensor.h=bias(1cm)@20t..80t", **keywords))


def test_the_life_cycle_is_in_the_record(tmp_path):
    with open_bench("tank_level", use_rig_faults=False, record=tmp_path / "r") as bench:
        number = bench.fault("sensor.h=bias(1cm)@+200ms after sensor.h>0.05 ramp 50ms")
        never = bench.fault("sensor.h=bias(1cm)@0.1s..0.2s when sensor.h>5 m")
        bench.run(0.5)
    events = [e for e in Recording(tmp_path / "r").events if e["id"] in (number, never)]
    first = [e for e in events if e["id"] == number]
    assert [(e["kind"], e["tick"]) for e in first] == [("accepted", 0), ("fault_on", 0), ("fault_off", 20)]
    assert first[1]["b"] - first[1]["a"] == pytest.approx(0.01 / 5), "the first of five steps"
    assert first[2]["a"] == pytest.approx(first[1]["a"] + 0.01, abs=2e-3), "the value that it gave last"
    assert [e["kind"] for e in events if e["id"] == never] == ["accepted"], "it never acted"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("pump.v=bias(1 V)", "the safety gate would clip"),
        ("pump.v=short_supply(1 ohm, 1 ohm, 24 V)", "the safety gate would clip"),
        ("sensor.h=open(1)", "an electrical fault needs a signal in volts"),
        ("plant.h=swap(sensor.hh)", "is not a signal with a path. Did you mean sensor.h?"),
        ("sensor.h=bias(1cm) when sensor.hh>1", "no signal 'sensor.hh' for a condition"),
        ("sensor.h=bias(1cm) when sensor.h>1 V", "V cannot become m"),
        ("sensor.h=bias(1cm) duty 2s/1s", "longer than the period"),
        ("sensor.h=jitter(1h)", "too long"),
    ],
)
def test_a_fault_that_a_path_cannot_carry_ends_in_one_line_before_the_run(fault, words, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "tank_level", "--time", "virtual", "--duration", "0.1", "--fault", fault]) == 2
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert words in lines[0]
    assert not list(tmp_path.iterdir())


def test_a_rig_file_takes_words_and_activation(tmp_path):
    rig = load_rig("tank_level")
    folder = rig.write_files(tmp_path / "rig").folder
    text = (folder / "rig.toml").read_text()
    more = '[[faults]]\nsignal = "sensor.h"\nfault = "wire_break"\nvalue = "low"\nactivation = "duty 1s/2s ramp 50ms"\n'
    (folder / "rig.toml").write_text(f"{text}\n{more}at_s = 1.0\n")
    fault = load_rig(folder).faults[-1]
    assert str(fault) == "sensor.h=wire_break(low)@1s.. ramp 0.05s duty 1s/2s"


def test_a_fault_that_acts_at_the_end_is_released_in_the_record(tmp_path):
    with open_bench("tank_level", use_rig_faults=False, record=tmp_path / "r") as bench:
        number = bench.fault("sensor.h=stuck(0.2)@0.1s..")
        bench.run(0.3)
    last = [e for e in Recording(tmp_path / "r").events if e["id"] == number][-1]
    assert (last["kind"], last["tick"], last["a"]) == ("fault_off", 30, 0.2)
    assert "the run ended" in last["text"]


def test_the_master_enable_by_the_control_socket():
    with open_bench("tank_level", use_rig_faults=False) as bench:
        bench.fault("sensor.h=stuck(0.2)")
        for on, seen in ((True, 0.2), (False, None), (True, 0.2)):
            assert answer(bench, {"do": "enable", "on": on})["ok"]
            bench.run(0.1)
            assert bench["sensor.h"] == (bench["sensor.h.raw"] if seen is None else seen)
        assert "true or false" in answer(bench, {"do": "enable", "on": "no"})["error"]["message"]
