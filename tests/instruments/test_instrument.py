"""One instrument: pyvisa-py over TCP against the project's emulated ones, pyvisa-sim, and peers that are none."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from desk import Liar, address, connected, serving

from hil.drivers.scpi_server import ScpiServers
from hil.drivers.visa_dialect import model_of, read_dialect, shipped_dialect, shipped_models
from hil.drivers.visa_instrument import Instrument, LimitError
from hil.errors import BusError

SUPPLY = 'safe = ["OUTP OFF"]\n[model]\nname = "x"\nkind = "supply"\nidn = ["^X"]\n'


@pytest.fixture
def servers() -> Iterator[ScpiServers]:
    with serving("supply", "load", "meter", "generator", "scope") as all_of_them:
        yield all_of_them


def test_over_voltage_is_refused_before_it_is_sent(servers: ScpiServers) -> None:
    supply = connected(servers, "supply", limits={"voltage": (0.0, 25.0)})
    supply.set("voltage", 25.0)
    with pytest.raises(LimitError, match=r"voltage = 25.1 V was not sent: it is beyond the rig's limits, 0 to 25"):
        supply.set("voltage", 25.1)
    with pytest.raises(LimitError, match="beyond the limits of scpi_supply, 0 to 10"):
        supply.set("current", 10.1)
    with pytest.raises(LimitError):
        supply.set("voltage", float("nan"))
    assert servers.instruments["supply"].values["voltage"] == 25.0
    assert servers.instruments["supply"].errors.take() == '0,"No error"', "nothing reached the instrument"
    assert supply.refused == 3


def test_an_instruments_own_error_comes_with_the_command_that_caused_it(servers: ScpiServers) -> None:
    supply = connected(servers, "supply")
    with pytest.raises(BusError, match='answers -222,"Data out of range" to VOLT 61'):
        supply.tell("VOLT 61")
    with pytest.raises(BusError, match='-113,"Undefined header"; -104,"Data type error" to FOO 1;VOLT abc'):
        supply.tell("FOO 1;VOLT abc")
    supply.set("voltage", 3.0)
    assert supply.errors == 3


def test_a_question_after_a_command_waits_for_no_acknowledgement(servers: ScpiServers) -> None:
    """With Nagle's algorithm it would, 40 ms each time: 200 times a question's round trip."""
    supply = connected(servers, "supply")
    asked = median_s(lambda: supply.ask("VOLT?"))
    assert median_s(lambda: supply.tell("VOLT 3")) < 20 * asked


def median_s(call: Callable[[], object]) -> float:
    """Of 21 calls."""
    spent = []
    for _ in range(21):
        begun = time.perf_counter()
        call()
        spent.append(time.perf_counter() - begun)
    return statistics.median(spent)


def test_old_errors_do_not_count_against_the_first_command(servers: ScpiServers) -> None:
    for number in range(30):
        servers.instruments["supply"].errors.add(-100, f"old {number}")
    supply = connected(servers, "supply")
    assert supply.errors == 20, "a full queue of 20, whose last one says that it ran over"
    supply.set("voltage", 3.0)


@pytest.mark.parametrize("kind", ["supply", "load", "meter", "generator", "scope"])
def test_every_kind_answers_its_plain_dialect(servers: ScpiServers, kind: str) -> None:
    instrument = connected(servers, kind)
    for key, output in instrument.dialect.outputs.items():
        limits = output.limits
        assert limits
        instrument.set(key, limits[1])
    for key in instrument.dialect.readings:
        instrument.read(key)
    instrument.close()
    assert servers.instruments[kind].values.get("enable", 0.0) == 0.0, "off at the end"


def test_another_model_is_refused(servers: ScpiServers) -> None:
    load = Instrument("psu", address(servers.ports["load"]), shipped_dialect("scpi_supply"))
    with pytest.raises(BusError, match=r"another model than scpi_supply: \*IDN\? says 'HIL,EMULATED LOAD") as told:
        load.connect()
    assert "hil scan visa" in str(told.value)
    assert not load.connected


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"", r"no answer to \*IDN\? in 0.3 s"),
        (b"\xff\xfe\x00\n", "which is no text"),
        (b"garbage\n", "another model"),
        (b"x" * 70000, "without an end|no answer"),
    ],
)
def test_what_is_no_instrument_is_one_line_in_bounded_time(answer: bytes, says: str) -> None:
    liar = Liar(answer)
    begun = time.monotonic()
    with pytest.raises(BusError, match=says) as told:
        Instrument("psu", address(liar.port), shipped_dialect("scpi_supply"), timeout_s=0.3).connect()
    liar.close()
    assert "\n" not in str(told.value)
    assert time.monotonic() - begun < 5.0


def test_a_reading_that_is_no_number_is_refused(servers: ScpiServers) -> None:
    meter = connected(servers, "meter")
    assert str(meter.read("voltage")) == "nan", "9.91E37: SCPI's word for no number"
    servers.instruments["meter"].read = lambda key: 1.25
    assert meter.read("voltage") == 1.25
    servers.instruments["meter"].line = lambda text: b"OVERLOAD"  # type: ignore[method-assign]
    with pytest.raises(BusError, match="answers 'OVERLOAD' to MEAS:VOLT:DC\\?, which is no number"):
        meter.read("voltage")


def test_an_instrument_that_has_gone_is_told_in_bounded_time() -> None:
    with serving("meter") as servers:
        meter = connected(servers, "meter")
    begun = time.monotonic()
    with pytest.raises(BusError):
        meter.read("voltage")
    assert time.monotonic() - begun < 3.0


def test_protection_trips_and_stays() -> None:
    with serving("supply") as servers:
        supply = servers.instruments["supply"]
        supply.line("VOLT 20;CURR 1;:VOLT:PROT 24;:OUTP ON")
        supply.read = lambda key: 20.0
        supply.watch()
        assert supply.applied["voltage"] == 20.0
        supply.read = lambda key: 24.5
        supply.watch()
        supply.read = lambda key: 0.0
        supply.watch()
        assert supply.applied["voltage"] == 0.0
        supply.line("VOLT 25")
        assert supply.errors.take() == '-222,"Data out of range"', "a level below the setting is not taken"
        supply.line("OUTP:PROT:CLE")
        assert supply.applied["voltage"] == 20.0


@pytest.mark.parametrize("text", ["VOLT 3", "voltage 3", ":SOUR:VOLT 3", "SOURce:VOLTage:LEVel:IMMediate:AMPLitude 3"])
def test_long_and_short_headers_are_the_same(servers: ScpiServers, text: str) -> None:
    servers.instruments["supply"].line(text)
    assert servers.instruments["supply"].values["voltage"] == 3.0
    servers.instruments["supply"].line("VOLTA 4")
    assert servers.instruments["supply"].errors.take().startswith("-113")


def test_shipped_dialects_are_sound_and_know_their_instruments() -> None:
    assert {shipped_dialect(name).model.name for name in shipped_models()} == set(shipped_models())
    for idn, name in {
        "Keysight Technologies,E36312A,MY61001234,2.1.0-1.0.4-1.12": "keysight_e36312a",
        "RIGOL TECHNOLOGIES,DP832,DP8C204404556,00.01.16": "rigol_dp832",
        "RIGOL TECHNOLOGIES,DS1054Z,DS1ZA118171631,00.04.03.SP1": "rigol_ds1000z",
        "Keysight Technologies,34461A,MY53220594,A.03.00-02.40-03.00-00.52-03-02": "keysight_34461a",
        "Keysight Technologies,N7951A,MY54000100,A.01.01": "keysight_n7900",
        "Stanford_Research_Systems,DS345": None,
    }.items():
        assert model_of(idn) == name
    e36312a = shipped_dialect("keysight_e36312a")
    assert e36312a.limits("voltage", 1) == (0.0, 6.18)
    assert e36312a.limits("voltage", 2) == (0.0, 25.75)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[model", "broken TOML"),
        (SUPPLY.replace("safe", "safee"), "safee"),
        (SUPPLY.replace('safe = ["OUTP OFF"]\n', ""), "makes? it safe|make it safe"),
        (SUPPLY + '[outputs.voltage]\ncommand = "VOLT {volts}"\n', r"\{volts\} is not known"),
        (SUPPLY.replace("^X", "("), "no regular expression"),
        (SUPPLY + "[channels.1]\nvoltage = [0.0, 1.0]\n", "no output voltage"),
    ],
)
def test_a_broken_dialect_is_one_line_with_file_and_key(text: str, says: str) -> None:
    with pytest.raises(BusError, match=says) as told:
        read_dialect(text, "mine.toml")
    assert str(told.value).startswith("mine.toml")
    assert "\n" not in str(told.value)


def test_without_pyvisa_there_is_one_line_with_the_mend() -> None:
    code = (
        "import sys; sys.modules['pyvisa'] = None\n"
        "from hil.cli import main\n"
        "sys.argv = ['hil', 'run', 'rigs/psu_bench', '--duration', '1']\nsys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith("hil: instruments need pyvisa, which is not installed")
    assert "pip install 'hil[visa]'" in done.stderr
