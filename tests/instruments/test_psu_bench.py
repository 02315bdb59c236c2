"""rigs/psu_bench with instruments: emulated ones in real time, pyvisa-sim, and what goes wrong with them."""

from __future__ import annotations

import contextlib
import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import RIG, Liar, Relay, changed, emulated, simulated, until

import hil
from hil.drivers.visa_dialect import SHIPPED
from hil.drivers.visa_instrument import LimitError
from hil.errors import BenchError, BusError

pytestmark = pytest.mark.realtime


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    """Emulated instruments in a process of their own."""
    with emulated() as addresses:
        yield addresses


def port_of(url: str) -> int:
    return int(url.split("::")[2])


def relay_url(relay: Relay) -> str:
    return f"visa://TCPIP::127.0.0.1::{relay.port}::SOCKET"


def asked(url: str, *questions: str) -> list[str]:
    """An own conversation with an emulated instrument, beside the bench's."""
    import pyvisa

    with contextlib.closing(
        pyvisa.ResourceManager("@py").open_resource(
            url.removeprefix("visa://"), read_termination="\n", write_termination="\n", timeout=2000
        )
    ) as one:
        return [one.query(question).strip() for question in questions]


def switch_off(urls: dict[str, str]) -> None:
    """A host that was killed may have left it on: what is on afterwards is somebody else's doing."""
    asked(urls["psu"], "OUTP OFF;*OPC?")
    assert until(lambda: float(asked(urls["meter"], "MEAS:VOLT:DC?")[0]) < 0.5)


def test_against_emulated_instruments_over_tcp(tmp_path: Path) -> None:
    with hil.open_bench(RIG, time="real", record=tmp_path / "r") as bench:
        bench.run(2.4)
        values = {name: bench[name] for name in ("psu.voltage", "psu.current", "meter.voltage", "load.current")}
        statuses = [bench.status(name) for name in values]
        ages = [bench.age_s(name) for name in values]
        idn = bench.instrument("meter").idn
        with pytest.raises(LimitError, match="protection = 70 V was not sent"):
            bench.instrument("psu").set("protection", 70.0)
        bench.instrument("psu").set("protection", 30.0)
        with pytest.raises(BenchError, match="commanded by the loop"):
            bench.instrument("psu").set("voltage", 3.0)
        bench.run(0.1)
    result = bench.finish()
    assert result.passed, result.reason
    assert idn.startswith("HIL,EMULATED METER")
    assert statuses == [0, 0, 0, 0]
    assert all(0.0 <= age < 0.5 for age in ages)
    assert values["psu.voltage"] == pytest.approx(8.0, abs=0.01)
    assert values["load.current"] == pytest.approx(0.5, abs=0.01)
    assert values["meter.voltage"] == pytest.approx(4.994, abs=0.001)
    assert values["psu.current"] == pytest.approx(0.3395, abs=0.002)
    counters = result.buses["desk"]
    assert counters["refused_commands"] == 1
    assert counters["instrument_errors"] == 0
    events = [json.loads(line) for line in (tmp_path / "r/events.jsonl").read_text().splitlines()]
    assert any(e["kind"] == "device" and "protection = 70 V was not sent" in e.get("text", "") for e in events)
    assert hil_replays(tmp_path / "r")


def hil_replays(recording: Path) -> bool:
    """What the instruments said is an input of its tick: the run repeats without them, bit for bit."""
    done = subprocess.run([sys.executable, "-m", "hil", "replay", str(recording)], capture_output=True, text=True)
    return done.returncode == 0


def test_on_instruments_simulated_by_others(tmp_path: Path) -> None:
    library = f"?library={simulated(tmp_path)}@sim"
    urls = {name: f"visa://ASRL{n}::INSTR{library}" for n, name in enumerate(("psu", "load", "meter"), 1)}
    with hil.open_bench(RIG, time="real", bind={"desk": "hil"}, urls=urls) as bench:
        bench.run(1.5)
        read = [bench[name] for name in ("psu.voltage", "psu.current", "load.voltage", "load.current", "meter.voltage")]
        efficiency = bench["converter.efficiency"]
        told = bench.instrument("psu").driver.ask if bench.instrument("psu").connected else None
    result = bench.finish()
    assert result.passed, result.reason
    assert read == [12.0, 0.5, 4.97, 1.0, 5.0]
    assert efficiency == pytest.approx(5.0 * 1.0 / (12.0 * 0.5), rel=0.01)
    assert told is None, "closed between runs"
    assert result.buses["desk"]["instrument_errors"] == 0
    assert result.buses["desk"]["commands"] >= 5


def test_the_gate_holds_the_rigs_limit_and_beyond_the_converters_nothing_is_sent(urls: dict[str, str]) -> None:
    with hil.open_bench(RIG, time="real", bind={"desk": "hil"}, urls=urls) as bench:
        bench.start()
        assert until(lambda: float(asked(urls["psu"], "VOLT?")[0]) == 8.0)
        # The gate lets 26 V pass, as the supply could; the converter stands 25 V.
        bench.force("psu.voltage_set", 25.5)
        assert until(lambda: bench.instrument("psu").counters()["refused_commands"] == 1)
        bench.stop()
        (setting,) = asked(urls["psu"], "VOLT?")
        assert bench.instrument("psu").counters()["refused_commands"] == 1
    assert float(setting) == 8.0


def test_unplugging_in_mid_run_marks_signals_bad_and_ends_safe(tmp_path: Path, urls: dict[str, str]) -> None:
    rig = quick_rig(tmp_path)
    cable = Relay(port_of(urls["meter"]))
    bench = hil.open_bench(
        rig, time="real", bind={"desk": "hil"}, urls={**urls, "meter": relay_url(cable)}, record=tmp_path / "r"
    )
    bench.start()
    assert until(lambda: bench["meter.voltage"] > 4.0)
    on = asked(urls["psu"], "OUTP?")
    cable.pull()
    assert until(lambda: math.isnan(bench["meter.voltage"]) or bench.status("meter.voltage") != 0)
    assert bench.status("psu.voltage") == 0, "the other instruments go on"
    assert until(lambda: bench["psu.on"] == 0.0), "without a known output voltage the gate switches off"
    with pytest.raises(BusError, match=r"meter at .* was lost .* has not come back"):
        bench.join(10.0)
    result = bench.finish()
    off = asked(urls["psu"], "OUTP?")
    cable.close()
    assert [float(on[0]), float(off[0])] == [1.0, 0.0]
    assert not result.passed
    assert "meter" in result.reason
    events = (tmp_path / "r/events.jsonl").read_text()
    assert "meter is lost" in events
    assert "all outputs verified safe" in events


def quick_rig(folder: Path) -> Path:
    """A copy whose run ends half a second after an instrument is lost."""
    return changed(folder, ('model = "scpi_meter"', 'model = "scpi_meter"\ngive_up_s = 0.5\ntimeout_s = 0.3'))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_output_goes_off_when_the_run_is_ended_by_a_signal(number: signal.Signals, urls: dict[str, str]) -> None:
    """After SIGKILL nothing does: the plain dialect has no watchdog, and the docs say so."""
    switch_off(urls)
    options = [part for name, url in urls.items() for part in ("--url", f"{name}={url}")]
    run = subprocess.Popen([sys.executable, "-m", "hil", "run", RIG, "--bind", "desk=hil", *options],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    assert until(lambda: asked(urls["psu"], "OUTP?")[0].startswith("+1"), 30.0)
    run.send_signal(number)
    run.communicate(timeout=20)
    time.sleep(0.1)
    assert float(asked(urls["psu"], "OUTP?")[0]) == (0.0 if number == signal.SIGTERM else 1.0)


def test_a_watchdog_switches_off_after_the_host_has_died(tmp_path: Path, urls: dict[str, str]) -> None:
    """With a dialect of the user's own beside the rig, for an instrument that has one."""
    rig = changed(tmp_path, ('model = "scpi_supply"', 'model = "mine.toml"\nwatchdog_s = 1.0'))
    plain = (SHIPPED / "scpi_supply.toml").read_text(encoding="utf-8")
    watchdog = (
        '[watchdog]\narm = ["OUTP:PROT:WDOG:DEL {seconds}", "OUTP:PROT:WDOG ON"]\ndisarm = ["OUTP:PROT:WDOG OFF"]\n'
    )
    (rig / "mine.toml").write_text(plain + watchdog, encoding="utf-8")
    switch_off(urls)
    options = [part for name, url in urls.items() for part in ("--url", f"{name}={url}")]
    run = subprocess.Popen([sys.executable, "-m", "hil", "run", str(rig), "--bind", "desk=hil", *options],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    meter = urls["meter"]
    assert until(lambda: run.poll() is not None or float(asked(meter, "MEAS:VOLT:DC?")[0]) > 4.0, 30.0)
    time.sleep(1.5)
    assert run.poll() is None, run.communicate()
    assert float(asked(meter, "MEAS:VOLT:DC?")[0]) > 4.0, "a run that goes on keeps it alive"
    run.kill()
    run.communicate(timeout=20)
    assert until(lambda: float(asked(meter, "MEAS:VOLT:DC?")[0]) < 0.5, 5.0)


def run_with(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hil", "run", RIG, "--bind", "desk=hil", "--duration", "1", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("answer", "says"),
    [(b"RIGOL TECHNOLOGIES,DP832,1,2\n", "another model"), (b"", "no answer to")],
)
def test_what_is_no_such_instrument_is_one_line_and_exit_code_2(tmp_path: Path, answer: bytes, says: str) -> None:
    liar = Liar(answer)
    folder = tmp_path / "r"
    done = run_with("--url", f"psu=visa://TCPIP::127.0.0.1::{liar.port}::SOCKET", "--record", str(folder))
    liar.close()
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("hil: ")]
    assert says in line
    assert "psu" in line
    assert not folder.exists(), "nothing half-written"
