"""The proxy on serial lines: libmodbus over RTU, and our own link, on pseudo-terminals."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from link_rig import board_with, bus_on, opened
from modbus_peers import LibmodbusClient, until
from serial_peers import pseudo_terminal

from hil.errors import BusError
from hil.proxy import Proxy, open_proxy

GOOD = [22, 29]


@contextlib.contextmanager
def rtu_proxy(program: Path, plan: Path | None = None, **options: Any) -> Iterator[Proxy]:
    """A proxy between two pseudo-terminals of its own, with libmodbus's slave at the far one."""
    with open_proxy("modbus-rtu://pty", "modbus-rtu://pty", plan=plan, **options) as proxy:
        path = proxy.to.removeprefix("modbus-rtu://")
        slave = subprocess.Popen([program, path], stdout=subprocess.PIPE, text=True)
        try:
            assert slave.stdout
            assert slave.stdout.readline() == "ready\n"
            yield proxy
        finally:
            slave.kill()
            slave.wait()
            slave.stdout.close()


FAULTS = [
    ('kind = "crc"', "error Invalid CRC"),
    ('kind = "bit_flip"\nat = 30', "error Invalid CRC"),
    ('kind = "bit_flip"\nat = 24\nrepair = true', [22 + 256, 29]),
    ('kind = "swapped"', [29, 22]),
    ('kind = "wrong_function"\nvalue = 3', "error Invalid data"),
    ('kind = "busy"', "error Slave device or server is busy"),
    ('kind = "masquerade"\naddress = 5', [36, 43]),
    ('kind = "loss"', "error Connection timed out"),
    ('kind = "crc"\non = "request"', "error Connection timed out"),
    ('kind = "delay"\ntime = "30ms"', GOOD),
]


@pytest.mark.parametrize(("fault", "answer"), FAULTS, ids=lambda x: x.replace("\n", ", ") if isinstance(x, str) else "")
def test_libmodbus_master_sees_the_fault(
    peer: Callable[[str], Path], tmp_path: Path, fault: str, answer: list[int] | str
) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(f"[[fault]]\n{fault}\nnth = 2\n")
    with rtu_proxy(peer("libmodbus_rtu_server"), plan) as proxy:
        client = LibmodbusClient(peer("libmodbus_client"), proxy.path)
        try:
            assert client(4, 3, 2) == GOOD
            assert client(4, 3, 2) == answer
            until(lambda: proxy.events, what="an activation")
            assert proxy.summary()["faults"][0]["acted"] == 1
        finally:
            client.close()


def test_an_idle_proxy_costs_a_master_no_silence(peer: Callable[[str], Path]) -> None:
    with rtu_proxy(peer("libmodbus_rtu_server")) as proxy:
        client = LibmodbusClient(peer("libmodbus_client"), proxy.path)
        try:
            for _ in range(50):
                assert client(4, 3, 2) == GOOD
            # Each frame's length is known from its first bytes.
            assert proxy.summary()["by_silence"] == 0
            assert proxy.summary()["no_frame"] == 0
        finally:
            client.close()


def test_a_line_that_goes_is_told() -> None:
    with pseudo_terminal() as (_, path):
        proxy = open_proxy(f"serial://{path}", "serial://pty")
    try:  # its other end is closed now
        assert proxy.failed.wait(5)
        assert "the line has gone" in str(proxy.error)
    finally:
        proxy.close()


def test_faults_that_a_protocol_cannot_carry_are_refused(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    for kind, protocol in (("reset", "modbus-rtu"), ("wrong_transaction", "modbus-rtu"), ("swapped", "serial")):
        plan.write_text(f'[[fault]]\nkind = "{kind}"\n')
        with pytest.raises(Exception, match="has no such fault"):
            open_proxy(f"{protocol}://pty", f"{protocol}://pty", plan=plan)
    with pytest.raises(BusError, match="does not translate"):
        open_proxy("modbus-tcp://127.0.0.1:0", "modbus-rtu://pty")


# ---- the MCU link, with the firmware's posix board at the far end ----

LINK_FAULTS = [
    ('kind = "crc"', ["bad_crc"]),
    ('kind = "bit_flip"\nat = 60', ["bad_crc", "bad_cobs"]),
    ('kind = "loss"', []),
    ('kind = "duplicate"', []),
]


@pytest.mark.parametrize(
    ("fault", "counters"), LINK_FAULTS, ids=lambda x: x.replace("\n", ", ") if isinstance(x, str) else ""
)
def test_lock_step_over_the_link_survives_the_fault_and_counts_it(
    tmp_path: Path, fault: str, counters: list[str]
) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(f'[[fault]]\n{fault}\nevery = 9\non = "response"\n')
    with (
        board_with(5.0, tmp_path, 0.01) as path,
        open_proxy("serial://pty", f"serial://{path}", plan=plan) as proxy,
        opened(proxy.path) as fd,
        bus_on(fd) as bus,
    ):
        bus.connect()
        bus.begin(True, True)
        for k in range(60):
            bus.set_out([float(k)])
            bus.exchange(1000 * k)
            assert bus.take_in()[2][0] == 2.0 * k
        acted = proxy.summary()["faults"][0]["acted"]
        assert acted >= 6
        if counters:
            assert sum(bus.counters()[name] for name in counters) >= acted
