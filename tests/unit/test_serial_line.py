"""Opening a serial line: what its URL says is what the port does, and every mistake is one line with its mend."""

from __future__ import annotations

import errno
import os
import pty
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.drivers.serial_line import open_line
from hil.drivers.serial_url import parse_line_url
from hil.errors import BusError

NOBODY = 65534


@pytest.fixture
def pseudo_terminal() -> Iterator[str]:
    master, slave = pty.openpty()
    path = os.ttyname(slave)
    os.close(slave)
    yield path
    os.close(master)


def test_defaults_are_those_of_the_serial_line_specification() -> None:
    assert parse_line_url("modbus-rtu:///dev/ttyUSB0").text == "19200 8E1"
    assert parse_line_url("modbus-rtu:///dev/ttyUSB0?parity=n").text == "19200 8N2", "11 bits without parity too"
    assert parse_line_url("serial:///dev/ttyACM0?baud=921600").text == "921600 8N1"
    assert parse_line_url("modbus-rtu:///dev/ttyUSB0").char_bits == 11


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("modbus-tcp://host", "scheme 'modbus-tcp' is not one of a serial line"),
        ("serial://ttyUSB0", "the serial port's path is missing"),
        ("serial:///dev/ttyUSB0?parity=X", "parity=X is not possible"),
        ("serial:///dev/ttyUSB0?baud=fast", "baud=fast is not possible"),
        ("serial:///dev/ttyUSB0?baud=²", "is not possible"),
        ("serial:///dev/ttyUSB0?stop=3", "stop=3 is not possible"),
        ("serial:///dev/ttyUSB0?bauds=9600", "'bauds' is no setting of a serial line"),
        ("serial:///no/such/port", "No such file or directory"),
        ("serial:///dev/null", "this is not a serial port"),
        ("serial:///etc/hostname", "this is not a serial port"),
    ],
)
def test_a_mistake_is_one_line_with_its_mend(url: str, words: str) -> None:
    with pytest.raises(BusError) as raised:
        open_line(url).close()
    text = str(raised.value)
    assert words in text
    assert raised.value.mend
    assert "\n" not in text


def test_a_pseudo_terminal_is_opened_8n1_with_one_line_that_says_so(pseudo_terminal: str) -> None:
    line = open_line(f"modbus-rtu://{pseudo_terminal}?baud=9600&parity=E&stop=2&rs485=1&rts_delay_us=300")
    mode = termios.tcgetattr(line.fd)
    line.close()
    assert line.is_pty
    assert line.bit_ns == 0
    assert line.note.startswith(f"{pseudo_terminal} is a pseudo-terminal: opened 8N1")
    assert "\n" not in line.note
    assert mode[2] & (termios.CSIZE | termios.PARENB | termios.CSTOPB) == termios.CS8
    assert mode[0] == mode[1] == mode[3] == 0, "raw: no byte is changed"


def test_a_port_belongs_to_one_program(pseudo_terminal: str) -> None:
    line = open_line(f"serial://{pseudo_terminal}")
    with pytest.raises(BusError, match=r"another program uses this port\. End that program"):
        open_line(f"serial://{pseudo_terminal}")
    line.close()
    open_line(f"serial://{pseudo_terminal}").close()


def _refused_without_permission(path: str) -> str:
    """What somebody without rights on the port is told; root would be let in, so a child gives its rights up first."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setuid(NOBODY)
            open_line(f"serial://{path}")
            os.write(theirs, b"it was opened")
        except BaseException as error:
            os.write(theirs, str(error).encode())
        os._exit(0)
    os.close(theirs)
    os.waitpid(child, 0)
    text = os.read(ours, 4096).decode()
    os.close(ours)
    return text


def test_without_permission_the_group_to_join_is_named(pseudo_terminal: str) -> None:
    Path(pseudo_terminal).chmod(0)
    assert _refused_without_permission(pseudo_terminal) == (
        f"{pseudo_terminal}: cannot be opened: {os.strerror(errno.EACCES)}. "
        "Join the group dialout (`sudo usermod -aG dialout $USER`) and log in again."
    )
