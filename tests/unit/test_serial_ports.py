"""Serial ports as the system tells of them, and what the doctor makes of it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.doctor import board_tools, serial
from hil.drivers.serial_ports import holders, latency_timers, list_ports

sys.path.insert(0, str(Path(__file__).parent))  # for `from serial_tree import ...`
from serial_tree import BOARD, FTDI, Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path.resolve())


def test_ports_are_listed_with_what_usb_tells_and_who_has_them_open(tree: Tree) -> None:
    tree.usb("ttyUSB0", FTDI, latency_ms=16)
    tree.usb("ttyACM0", BOARD)
    tree.built_in("ttyS0", 4)
    tree.built_in("ttyS1", 0)
    tree.console("tty1")
    tree.held("ttyUSB0", 4711, "minicom")
    ports = {Path(port.path).name: port for port in list_ports(tree.root)}
    assert list(ports) == ["ttyACM0", "ttyS0", "ttyUSB0"]
    adapter, board, built_in = ports["ttyUSB0"], ports["ttyACM0"], ports["ttyS0"]
    assert (adapter.usb, adapter.product, adapter.manufacturer, adapter.serial) == (
        "0403:6001", "FT232R USB UART", "FTDI", "A9XYZ",
    )  # fmt: skip
    assert (adapter.latency_ms, adapter.busy) == (16, ("minicom (4711)",))
    assert (board.usb, board.product, board.manufacturer) == ("2341:0043", "", "Arduino (www.arduino.cc)")
    assert (board.latency_ms, board.busy, board.permitted) == (None, (), True)
    assert (built_in.usb, built_in.serial) == ("", "")


def test_this_machines_own_ports_are_character_devices() -> None:
    for port in list_ports():
        assert Path(port.path).is_char_device(), port


def test_a_holder_of_a_real_port_is_seen() -> None:
    master, slave = pty.openpty()
    try:
        path = os.ttyname(slave)
        assert f"({os.getpid()})" in " ".join(holders(path))
    finally:
        os.close(slave)
    assert list(holders(path)) == []
    os.close(master)


def test_a_slow_latency_timer_is_set_where_that_is_allowed_and_the_line_says_so(tree: Tree) -> None:
    slow, quick = tree.usb("ttyUSB0", FTDI, latency_ms=16), tree.usb("ttyUSB1", FTDI, latency_ms=1)
    point = serial.latency(latency_timers(tree.root), fix=True)
    assert (slow.read_text(), quick.read_text()) == ("1\n", "1\n")
    assert point.level == "ok"
    assert "ttyUSB0 16 ms, set to 1 ms" in point.value
    assert point.value.endswith("ttyUSB1 1 ms")
    assert "udev" in (point.mend or "")
    again = serial.latency(latency_timers(tree.root), fix=True)
    assert (again.level, again.mend, "set" in again.value) == ("ok", None, False)


def test_a_slow_latency_timer_is_left_alone_where_that_is_wanted_and_warned_of(tree: Tree) -> None:
    timer = tree.usb("ttyUSB0", FTDI, latency_ms=16)
    point = serial.latency(latency_timers(tree.root), fix=False)
    assert timer.read_text() == "16\n"
    assert (point.level, point.value) == ("warn", f"{tree.root}/dev/ttyUSB0 16 ms")
    assert "sudo tee" in (point.mend or "")
    assert "latency_timer" in (point.mend or "")


@pytest.fixture
def open_tree() -> Iterator[Tree]:
    """One that another user may read."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Tree(Path(folder).resolve())


def test_another_user_is_told_what_it_may_not_do_and_how_it_may(open_tree: Tree) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    timer = open_tree.usb("ttyUSB0", FTDI, latency_ms=16)
    timer.chmod(0o644)
    port = open_tree.root / "dev/ttyUSB0"
    port.chmod(0o660)
    code = (
        "import os, sys; from pathlib import Path\n"
        "from hil.doctor import serial\n"
        "os.setgid(65534); os.setgroups([]); os.setuid(65534)\n"
        "for p in serial.points(Path(sys.argv[1]), fix=True): print(p.level, p.value, p.mend, sep=' | ')\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(open_tree.root)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith(f"warn | {port} 16 ms | echo 1 | sudo tee ")
    assert second == f"warn | {port}: not permitted | sudo usermod -aG dialout $USER, then log in again"
    assert timer.read_text() == "16\n"


def test_missing_board_tools_are_named_with_the_command_that_installs_them(tmp_path: Path) -> None:
    point = board_tools.point(str(tmp_path))
    assert point.level == "warn"
    assert point.value == "no arm-none-eabi-gcc and no qemu-system-arm"
    assert (point.mend or "").startswith("apt-get install")
    assert (point.mend or "").endswith("gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm")
    tool = tmp_path / "qemu-system-arm"
    tool.touch(mode=0o755)
    assert (board_tools.point(str(tmp_path)).mend or "").endswith("gcc-arm-none-eabi libnewlib-arm-none-eabi")
    (tmp_path / "arm-none-eabi-gcc").touch(mode=0o755)
    assert board_tools.point(str(tmp_path)).level == "ok"
