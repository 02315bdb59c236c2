"""The capture, as tshark decodes it, and the command line around it."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from modbus_peers import LibmodbusClient, adu, libmodbus_server, read_frame
from test_proxy_serial import rtu_proxy
from yardstick import free_port

from hil.proxy import open_proxy
from hil.proxy.pcapng import INBOUND, PcapngWriter

needs_tshark = pytest.mark.skipif(not shutil.which("tshark"), reason="needs tshark: apt-get install tshark")


@pytest.fixture(scope="module")
def device(peer: Callable[[str], Path]) -> Iterator[int]:
    port = free_port()
    with libmodbus_server(peer("libmodbus_server"), port):
        yield port


def decoded(capture: Path, *options: str, fields: str, where: str) -> list[list[str]]:
    """Fields of the packets that a display filter takes, as tshark reads them."""
    columns = [option for name in fields.split() for option in ("-e", name)]
    command = ["tshark", "-n", "-r", str(capture), *options, "-Y", where, "-T", "fields", *columns]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return [line.split("\t") for line in result.stdout.splitlines()]


@needs_tshark
def test_tshark_decodes_a_capture_of_modbus_tcp(device: int, tmp_path: Path) -> None:
    plan, capture = tmp_path / "plan.toml", tmp_path / "wire.pcapng"
    plan.write_text('[[fault]]\nkind = "exception"\ncode = 4\nnth = 2\n[[fault]]\nkind = "swapped"\nnth = 2\n')
    before = time.time()
    with (
        open_proxy("modbus-tcp://127.0.0.1:0", f"modbus-tcp://127.0.0.1:{device}", plan=plan, capture=capture) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), timeout=2) as sock,
    ):
        for number in (1, 2, 3):
            sock.sendall(adu(number, bytes([4, 0, 3, 0, 2])))
            read_frame(sock)
    fields = "frame.time_epoch frame.interface_id mbtcp.trans_id mbtcp.unit_id modbus.func_code modbus.exception_code"
    packets = decoded(capture, fields=fields, where="mbtcp")
    assert [packet[1:] for packet in packets] == [
        *([side, "1", "1", "4", ""] for side in ("0", "1", "1", "0")),
        *(["0", "2", "1", "4", code] for code in ("", "4")),  # answered by the proxy: the device has not seen it
        *([side, "3", "1", "4", ""] for side in ("0", "1", "1", "0")),
    ]
    assert before <= float(packets[0][0]) <= float(packets[-1][0]) <= time.time()
    registers = decoded(capture, fields="frame.interface_id modbus.regval_uint16", where="modbus.regval_uint16")
    assert registers == [["1", "22,29"], ["0", "22,29"], ["1", "22,29"], ["0", "29,22"]]
    assert [c[0] for c in decoded(capture, fields="frame.comment", where="frame.comment")] == [
        "fault[1] exception",
        "fault[2] swapped",
    ]
    assert decoded(capture, fields="frame.number", where="tcp.analysis.flags || _ws.malformed") == []
    checks = ("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE")
    wrong = 'tcp.checksum.status == "Bad" || ip.checksum.status == "Bad"'
    assert decoded(capture, *checks, fields="frame.number", where=wrong) == []


@needs_tshark
def test_tshark_decodes_a_capture_of_modbus_rtu(peer: Callable[[str], Path], tmp_path: Path) -> None:
    plan, capture = tmp_path / "plan.toml", tmp_path / "wire.pcapng"
    plan.write_text('[[fault]]\nkind = "crc"\nnth = 2\n')
    with rtu_proxy(peer("libmodbus_rtu_server"), plan, capture=capture) as proxy:
        client = LibmodbusClient(peer("libmodbus_client"), proxy.path)
        answers = [client(4, 3, 2) for _ in range(3)]
        client.close()
    assert answers == [[22, 29], "error Invalid CRC", [22, 29]]
    rtu = ("-d", "tcp.port==502,mbrtu", "-o", "mbrtu.crc_verification:TRUE")
    status = decoded(capture, *rtu, fields="frame.interface_id mbrtu.unit_id mbrtu.crc16.status", where="mbrtu")
    good = [[side, "1", "1"] for side in ("0", "1", "1", "0")]
    assert status == [*good, *good[:3], ["0", "1", "0"], *good]


def test_a_capture_that_cannot_be_written_is_told_and_frames_go_on(device: int) -> None:
    url = f"modbus-tcp://127.0.0.1:{device}"
    with (
        open_proxy("modbus-tcp://127.0.0.1:0", url, capture="/dev/full") as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), timeout=2) as sock,
    ):
        for number in (1, 2):
            sock.sendall(adu(number, bytes([4, 0, 3, 0, 2])))
            assert len(read_frame(sock)) == 13
            assert proxy.failed.wait(5)
    assert "cannot be written: No space left on device" in str(proxy.error)


def test_blocks_of_the_file_are_those_of_the_draft(tmp_path: Path) -> None:
    with PcapngWriter(tmp_path / "x.pcapng", ["a"]) as writer:
        writer.packet(0, 1_700_000_000_123_456_789, b"12345", INBOUND, "why")
    data, at, kinds = (tmp_path / "x.pcapng").read_bytes(), 0, []
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        assert size % 4 == 0
        assert struct.unpack_from("<I", data, at + size - 4)[0] == size
        kinds.append(kind)
        at += size
    assert kinds == [0x0A0D0D0A, 1, 6]


def test_the_command_tells_that_it_is_ready_what_acted_and_what_it_came_to(device: int, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('[[fault]]\nkind = "wrong_unit"\nvalue = 9\n')
    command = [sys.executable, "-m", "hil", "proxy", "--listen", "modbus-tcp://127.0.0.1:0", "--json"]
    command += ["--to", f"modbus-tcp://127.0.0.1:{device}", "--plan", str(plan)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        ready = json.loads(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", int(ready["listen"].rpartition(":")[2])), timeout=5) as sock:
            sock.sendall(adu(1, bytes([4, 0, 3, 0, 1])))
            assert read_frame(sock)[6] == 9
        event = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        summary = json.loads(process.stdout.readline())
        assert process.wait(10) == 0
    assert (ready["event"], ready["faults"], event["event"], summary["event"]) == ("ready", 1, "fault", "summary")
    assert (event["fault"], event["classes"], event["on"]) == ("fault[1] wrong_unit", ["addressing"], "response")
    assert (event["before"], event["after"]) == ("0001000000050104020016", "0001000000050904020016")
    assert summary["faults"] == [
        {"fault": "fault[1] wrong_unit", "classes": ["addressing"], "matched": 1, "acted": 1},
    ]
