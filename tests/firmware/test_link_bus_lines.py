"""The bus of the link on lines that end, and on those with something else than a device at the other end."""

from __future__ import annotations

import binascii
import os
import pty
import random
import socket
import struct
import threading
import time

import pytest
from link_rig import Bench, bus_on, relay_to, start, until

from hil.errors import BusError
from hil.mcu.reports import Op

# ---- a line that ends ----


def pulled(kind):
    """A line without a device, and how to pull its cable."""
    if kind == "socket":
        ours, theirs = socket.socketpair()
        return ours.detach(), theirs.close
    master, slave = pty.openpty()
    if kind == "master":
        return master, lambda: os.close(slave)
    return slave, lambda: os.close(master)


@pytest.mark.parametrize("kind", ["socket", "slave", "master"])
def test_a_pulled_cable_is_told_at_once(kind):
    fd, pull = pulled(kind)
    os.set_blocking(fd, False)
    try:
        with bus_on(fd) as bus:
            threading.Timer(0.2, pull).start()
            begun = time.monotonic()
            with pytest.raises(BusError, match=r"cannot connect: (Connection reset|Input/output error)") as told:
                bus.connect(30)
            assert time.monotonic() - begun < 10
            assert told.value.mend
            assert not bus.connected
            assert bus.counters()["errors_os"] == 1
            with pytest.raises(BusError, match="asked the board"):
                bus.ask(Op.STATE)
    finally:
        os.close(fd)


@pytest.mark.parametrize("what", ["exchange", "ask"])
def test_a_device_that_has_fallen_silent_is_waited_for_once(patient_board, what):
    def told_after_s(work):
        begun = time.monotonic()
        with pytest.raises(BusError):
            work()
        return time.monotonic() - begun

    with relay_to(patient_board) as relay, bus_on(relay.fd, timeout_s=0.4) as bus:
        bus.connect()
        bus.begin(True, True)
        bus.set_out([1.0])
        bus.exchange(0)
        relay.cut = True
        first = told_after_s((lambda: bus.exchange(1)) if what == "exchange" else lambda: bus.ask(Op.STATE, b"", 0.5))
        again = told_after_s(lambda: bus.ask(Op.STATE, b"", 20)) + told_after_s(lambda: bus.exchange(1))
        assert not bus.connected
        assert again < first
        relay.cut = False
        bus.connect(20)
        assert bus.ask(99)[0]


@pytest.mark.parametrize("lockstep", [True, False])
def test_a_cable_pulled_mid_run_lets_the_data_age(patient_board, lockstep):
    with relay_to(patient_board) as relay, bus_on(relay.fd) as bus:
        bus.connect()
        if lockstep:
            bus.begin(True, True)
            bus.set_out([1.0])
            bus.exchange(0)
            relay.close()
            with pytest.raises(BusError, match="exchange failed"):
                bus.exchange(1)
        else:
            start(bus)
            with Bench(bus) as bench:
                assert until(lambda: len(bench.images) > 20)
                relay.close()
                assert until(lambda: not bus.connected)
                failed = bus.counters()["failed_cycles"]
                assert until(lambda: bus.counters()["failed_cycles"] > failed + 20), "the thread goes on, in phase"
            bus.stop()
        assert bus.counters()["errors_os"] == 1


# ---- other sides that are no device ----


def frame(kind: int, payload: bytes) -> bytes:
    """A greeting by the header's words, not by our code."""
    raw = struct.pack("<BBH", kind, 0, 0) + payload
    check = 0xFFFF
    for byte in raw:
        check ^= byte
        for _ in range(8):
            check = check >> 1 ^ (0xA001 if check & 1 else 0)
    raw += struct.pack("<HH", binascii.crc_hqx(raw, 0xFFFF), check)
    return b"".join(bytes([len(part) + 1]) + part for part in raw.split(b"\0")) + b"\0"


def unframed(data: bytes) -> bytes:
    out = b""
    while data:
        out += data[1 : data[0]] + (b"\0" if data[0] < 255 and len(data) > data[0] else b"")
        data = data[data[0] :]
    return out


def answering(theirs, version):
    while data := theirs.recv(4096):
        for piece in filter(None, data.split(b"\0")):
            raw = unframed(piece)
            if raw[0] != 1:  # BYE, of a session
                continue
            assert frame(raw[0], raw[4:-4]) == piece + b"\0"
            theirs.sendall(frame(2, struct.pack("<H", version) + raw[6:10]))


@pytest.mark.parametrize(("version", "words"), [(1, None), (2, "another version of the link")])
def test_a_device_of_another_version_is_refused(version, words):
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    thread = threading.Thread(target=answering, args=(theirs, version))
    thread.start()
    with ours, theirs, bus_on(ours.fileno()) as bus:
        if words:
            with pytest.raises(BusError, match=words):
                bus.connect()
        else:
            bus.connect()
        bus.close()
        theirs.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("what", ["silence", "noise", "welcomes"])
def test_a_line_without_a_device_ends_the_wait(what):
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    end = threading.Event()

    def babble():
        noise = random.Random(1)
        while not end.is_set():
            data = noise.randbytes(4096) if what == "noise" else 200 * frame(2, noise.randbytes(6))
            try:
                theirs.send(data)
            except BlockingIOError:
                time.sleep(0.001)

    thread = threading.Thread(target=babble if what != "silence" else end.wait)
    thread.start()
    try:
        with bus_on(ours.fileno()) as bus:
            begun = time.monotonic()
            with pytest.raises(BusError, match="cannot connect: no answer in time"):
                bus.connect(0.5)
            assert time.monotonic() - begun < 10
    finally:
        end.set()
        thread.join()
        ours.close()
        theirs.close()
