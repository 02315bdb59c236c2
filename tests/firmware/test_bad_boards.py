"""What can be wrong with a board, its line or its tools: one line with the mend, exit code 2, outputs safe."""

from __future__ import annotations

import fcntl
import os
import pty
import pwd
import shutil
import subprocess
import sys
import termios
import tty
from pathlib import Path

import psutil
import pytest
import rig_on_a_line as line


@pytest.fixture
def board(tmp_path):
    rig = line.write_rig(tmp_path / "device", "serial:///dev/ttyACM0")
    process, told = line.emulate(rig, "--outputs", tmp_path / "pins")
    yield process, told["link"]
    process.terminate()
    line.finish(process)


def refused(process, *words: str) -> str:
    code, lines = line.finish(process)
    assert (code, len(lines)) == (2, 1), lines
    assert lines[0].startswith("hil: ")
    for word in words:
        assert word in lines[0], lines[0]
    assert not psutil.Process().children(recursive=True) or all(
        child.name() != "qemu-system-arm" for child in psutil.Process().children(recursive=True)
    )
    return lines[0]


def pil(rig: Path, **env: str):
    return line.hil("run", rig, "--virtual", "--bind", "controller=pil", "--duration", 1, "--no-record", **env)


def only(tmp_path: Path, *commands: str) -> str:
    """A PATH with these commands alone."""
    place = tmp_path / "bin"
    place.mkdir()
    for command in commands:
        found = shutil.which(command)
        if found is None:
            pytest.skip(f"{command} is not installed")
        (place / command).symlink_to(found)
    return str(place)


def test_no_compiler_for_the_board(tmp_path):
    rig = line.write_rig(tmp_path / "rig", "serial:///dev/ttyACM0")
    path = only(tmp_path, "gcc", "sh", "cat")
    refused(
        pil(rig, PATH=path, HIL_CACHE_DIR=str(tmp_path / "cache")),
        "arm-none-eabi-gcc",
        "apt-get install gcc-arm-none-eabi",
    )


def test_no_emulator(tmp_path, arm_tools):
    rig = line.write_rig(tmp_path / "rig", "serial:///dev/ttyACM0")
    assert line.finish(pil(rig), 120)[0] == 0  # compiled, so that only the emulator is missing
    path = only(tmp_path, "gcc", "arm-none-eabi-gcc", "sh", "cat")
    refused(pil(rig, PATH=path), "qemu-system-arm", "apt-get install qemu-system-arm")


def test_a_port_that_is_not_there(tmp_path):
    rig = line.write_rig(tmp_path / "rig", "serial:///dev/ttyNOSUCH0")
    refused(line.run(rig, seconds=1), "/dev/ttyNOSUCH0", "hil scan serial")


def test_a_port_that_another_program_holds(tmp_path, board):
    _, path = board
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    fcntl.ioctl(fd, termios.TIOCEXCL)
    try:
        if os.geteuid() == 0:
            pytest.skip("root may open a port that is held alone (CAP_SYS_ADMIN)")
        refused(line.run(line.write_rig(tmp_path / "rig", f"serial://{path}"), seconds=1), path, "busy")
    finally:
        fcntl.ioctl(fd, termios.TIOCNXCL)
        os.close(fd)


def test_a_port_that_a_bench_holds(tmp_path, board):
    _, path = board
    rig = line.write_rig(tmp_path / "rig", f"serial://{path}")
    first = line.run(rig, seconds=30)
    line.wait_for(lambda: holds(first, path))
    try:
        refused(line.run(rig, seconds=1), path)
    finally:
        first.terminate()
        line.finish(first)


def holds(process, path: str) -> bool:
    folder = Path(f"/proc/{process.pid}/fd")
    return any(os.path.realpath(fd) == path for fd in folder.iterdir())


def test_a_port_without_permission(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root to make a port that another user may not open")
    nobody = pwd.getpwnam("nobody").pw_uid
    code = "import sys, os; os.setuid(int(sys.argv[1]));\ntry: os.stat(sys.argv[2])\nexcept OSError: sys.exit(9)"
    if subprocess.run([sys.executable, "-c", code, str(nobody), str(Path(__file__))], check=False).returncode:
        pytest.skip("another user cannot read this checkout")
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    Path(os.ttyname(theirs)).chmod(0o600)
    rig = line.write_rig(tmp_path / "rig", f"serial://{os.ttyname(theirs)}")
    open_it = (
        "import os, sys\nfrom hil.drivers.remote_line import open_device_line\nfrom hil.errors import BusError\n"
        "os.setuid(int(sys.argv[1]))\ntry: open_device_line(sys.argv[2])\nexcept BusError as e: print(e)"
    )
    done = subprocess.run(
        [sys.executable, "-c", open_it, str(nobody), f"serial://{os.ttyname(theirs)}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert os.ttyname(theirs) in done.stdout, done
    assert "usermod" in done.stdout or "group" in done.stdout, done.stdout
    assert rig.exists()
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            ("limits = [-100, 100]", "limits = [-50, 100]"),
            "output x.out: low is -100.0 on the board and -50.0 in the rig",
        ),
        (("max_age_s = 0.2", "max_age_s = 0.3"), "output x.slow: max_age_s is 0.2 on the board and 0.3 in the rig"),
        (("gain = 2.0", "gain = 2.5"), "the board runs another controller"),
        (('firmware = "one"', 'firmware = "two"'), "application: the board has one, the rig two"),
    ],
)
def test_a_board_with_other_firmware(tmp_path, board, change, words):
    _, path = board
    refused(line.run(line.write_rig(tmp_path / "rig", f"serial://{path}", change), seconds=1), words, path)


def test_nothing_that_speaks_the_link(tmp_path):
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    try:
        rig = line.write_rig(tmp_path / "rig", f"serial://{os.ttyname(theirs)}")
        refused(line.run(rig, seconds=1), os.ttyname(theirs))
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_cable_pulled_in_mid_run(tmp_path, board):
    process, path = board
    host = line.run(line.write_rig(tmp_path / "rig", f"serial://{path}"), seconds=60)
    line.wait_until_driven(tmp_path / "pins")
    process.kill()  # its end of the line is gone, as a USB adapter is
    refused(host, "the line was lost in mid-run", path)
