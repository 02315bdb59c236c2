"""Instruments as a bus of the loop: what is told when, a pulled cable, a loop that falls silent."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import pytest
from desk import TERMINAL, Relay, address, serving, until

from hil.drivers.scpi_server import ScpiServers
from hil.drivers.visa_bus import InstrumentBus, Member
from hil.drivers.visa_dialect import shipped_dialect
from hil.drivers.visa_instrument import Instrument


class Sent:
    """What an emulated instrument was sent, without questions."""

    def __init__(self, servers: ScpiServers, name: str) -> None:
        self.lines: list[str] = []
        instrument = servers.instruments[name]
        inner = instrument.line

        def line(text: str) -> bytes:
            if "?" not in text:
                self.lines.append(text)
            return inner(text)

        instrument.line = line  # type: ignore[method-assign]


@pytest.fixture
def servers() -> Iterator[ScpiServers]:
    with serving("supply") as one:
        one.instruments["supply"].read = lambda key: {"voltage": 5.0, "current": 0.5}[key]
        yield one


def make_bus(port: int, writes: dict[str, int], **options: Any) -> InstrumentBus:
    give_up_s = options.pop("give_up_s", 0.4)
    supply = Instrument("supply", address(port), shipped_dialect("scpi_supply"), timeout_s=0.3)
    return InstrumentBus([Member(supply, TERMINAL, writes, 0.02, give_up_s)], 2, len(writes), **options)


def _give(bus: InstrumentBus, values: tuple[float, ...]) -> None:
    """As the loop does: an image into the box of outputs."""
    with bus._shared.lock:
        bus._shared.wanted, bus._shared.wanted_s = list(values), time.monotonic()


def _gives(bus: InstrumentBus, values: tuple[float, ...]) -> bool:
    _give(bus, values)
    return True


def test_the_switch_is_told_last_on_the_way_up_and_first_on_the_way_down(servers: ScpiServers) -> None:
    sent = Sent(servers, "supply")
    bus = make_bus(servers.port, {"enable": 0, "voltage": 1, "current": 2})
    bus.connect()
    bus.start(time.monotonic_ns())
    _give(bus, (1.0, 5.0, 1.0))
    assert until(lambda: len(sent.lines) == 3)
    assert sent.lines == ["VOLT 5", "CURR 1", "OUTP ON"]
    sent.lines.clear()
    _give(bus, (0.0, 3.0, 1.0))
    assert until(lambda: len(sent.lines) == 2)
    bus.stop()
    assert sent.lines == ["OUTP OFF", "VOLT 3", "OUTP OFF"], "and off once more at the end"


def test_an_unmapped_switch_goes_on_once_everything_else_is_told(servers: ScpiServers) -> None:
    sent = Sent(servers, "supply")
    bus = make_bus(servers.port, {"voltage": 0, "current": 1})
    bus.connect()
    bus.start(time.monotonic_ns())
    _give(bus, (5.0, 99.0))
    assert until(lambda: bus.counters()["refused_commands"] == 1)
    time.sleep(0.1)
    assert sent.lines == ["VOLT 5"], "its current was refused, so it stays off"
    assert bus.counters()["refused_commands"] == 1, "said once, not in every cycle"
    assert any("current = 99 A was not sent" in text for text in bus.take_events())
    _give(bus, (5.0, 1.0))
    assert until(lambda: servers.instruments["supply"].applied["voltage"] == 5.0)
    bus.stop()
    assert servers.instruments["supply"].values["enable"] == 0.0


def test_a_silent_loop_makes_the_instrument_safe_once(servers: ScpiServers) -> None:
    bus = make_bus(servers.port, {"voltage": 0, "current": 1, "enable": 2}, hold_s=0.2)
    bus.connect()
    bus.start(time.monotonic_ns())
    assert until(lambda: _gives(bus, (5.0, 1.0, 1.0)) and servers.instruments["supply"].applied["voltage"] == 5.0)
    assert until(lambda: servers.instruments["supply"].values["enable"] == 0.0), "nobody told it to"
    time.sleep(0.1)
    assert sum("made safe" in text for text in bus.take_events()) == 1
    back = until(lambda: _gives(bus, (5.0, 1.0, 1.0)) and servers.instruments["supply"].applied["voltage"] == 5.0)
    assert back, "the loop is back"
    bus.stop()


def test_a_pulled_cable_makes_readings_bad_and_a_plugged_one_good_again(servers: ScpiServers) -> None:
    cable = Relay(servers.port)
    bus = make_bus(cable.port, {"voltage": 0, "current": 1, "enable": 2}, give_up_s=30.0)
    bus.connect()
    bus.start(time.monotonic_ns())
    _give(bus, (5.0, 1.0, 1.0))
    assert until(lambda: bus._shared.values == [5.0, 0.5])
    assert bus.age_s("supply") < 0.5
    cable.pull()
    assert until(lambda: all(map(math.isnan, bus._shared.values)))
    assert math.isinf(bus.age_s("supply"))
    assert bus.gone is None
    servers.instruments["supply"].line("*RST")
    cable.plug()
    _give(bus, (5.0, 1.0, 1.0))
    assert until(lambda: bus._shared.values == [5.0, 0.5])
    assert until(lambda: servers.instruments["supply"].applied["voltage"] == 5.0), "told anew"
    counters = bus.counters()
    assert counters["disconnects"] == 1
    assert counters["reconnects"] == 1
    bus.stop()
    cable.close()


def test_an_instrument_that_does_not_come_back_is_gone(servers: ScpiServers) -> None:
    cable = Relay(servers.port)
    bus = make_bus(cable.port, {"voltage": 0}, give_up_s=0.3)
    bus.connect()
    bus.start(time.monotonic_ns())
    assert until(lambda: bus.counters()["images"] > 2)
    cable.close()
    assert until(lambda: bus.gone is not None)
    assert "has not come back" in str(bus.gone)
    begun = time.monotonic()
    bus.stop()
    assert time.monotonic() - begun < 3.0


def test_a_reading_that_is_no_number_is_bad_and_the_others_go_on(servers: ScpiServers) -> None:
    inner = servers.instruments["supply"].line
    servers.instruments["supply"].line = lambda text: b"OVLD" if text == "MEAS:CURR?" else inner(text)  # type: ignore[method-assign]
    bus = make_bus(servers.port, {"voltage": 0})
    bus.connect()
    bus.start(time.monotonic_ns())
    assert until(lambda: bus.counters()["bad_readings"] >= 3)
    voltage, current = bus._shared.values
    counters, events = bus.counters(), bus.take_events()
    bus.stop()
    assert voltage == 5.0
    assert math.isnan(current)
    assert counters["disconnects"] == 0
    assert "supply: answers 'OVLD' to MEAS:CURR?, which is no number" in events


def test_what_an_instrument_itself_refuses_is_told_once_and_the_rest_goes_on(servers: ScpiServers) -> None:
    servers.instruments["supply"].line("VOLT:PROT 4")
    bus = make_bus(servers.port, {"voltage": 0, "current": 1})
    bus.connect()
    bus.start(time.monotonic_ns())
    _give(bus, (5.0, 1.0))
    assert until(lambda: bus.counters()["instrument_errors"] == 1)
    time.sleep(0.1)
    counters, events = bus.counters(), bus.take_events()
    bus.stop()
    assert counters["instrument_errors"] == 1
    assert events == ['supply: answers -222,"Data out of range" to VOLT 5']
    assert servers.instruments["supply"].values["current"] == 1.0
