"""What answers on a serial line: a board of a microcontroller rig, or a Temperature Control Lab."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hil.drivers.device_url import baud_of, check_line_url, scheme_of
from hil.drivers.remote_line import open_device_line
from hil.errors import BusError

BAUDS = (921600, 115200)  # tried for the link where the address names none
LINK_S = 1.0  # HELLO is repeated meanwhile; a board that is restarted by opening its port is up within milliseconds
TCLAB_S = 4.0  # an Arduino stays in its boot loader for two seconds first
Say = Callable[[str], None]


@dataclass(frozen=True)
class Answer:
    """Who answered.

    Attributes:
        protocol: "link" or "tclab".
        baud: 0 where it is not ours to choose.
        board: the application of a board on the link; the board's own name of a TCLab.
        firmware: its version.
        build, program: digest of what a board's firmware was built from; hash of its controller.
        inputs, outputs: signals of its process image.
    """

    protocol: str
    baud: int
    board: str
    firmware: str
    build: str = ""
    program: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON data."""
        return asdict(self)

    def __str__(self) -> str:
        build = f", build {self.build}" if self.build else ""
        return f"{self.board}, firmware {self.firmware}{build}" + (f" at {self.baud} baud" if self.baud else "")


def address_of(port: str) -> str:
    """The address of a path or address.

    Raises:
        BusError: it is neither, or of a wire on which nobody can be asked who they are.
    """
    url = port if "://" in port else f"serial://{Path(port).absolute()}"
    check_line_url(url)
    if scheme_of(url) == "modbus-rtu":
        mend = "Write serial:// to look for a board, or hil scan modbus for a device behind Modbus TCP"
        raise BusError("Modbus RTU has no question that every device answers", where=port, mend=mend)
    return url


def probe(url: str, say: Say = lambda _: None) -> Answer | None:
    """Open a line and ask. Opening a port restarts most boards whose USB connector is their serial port.

    Args:
        url: an address from `address_of`.
        say: is told what is tried.

    Returns:
        None when nothing answers that speaks the link or TCLab's protocol.

    Raises:
        BusError: the line cannot be opened.
    """
    for address in _link_addresses(url):
        say(f"{address}: looking for a board")
        if answer := _ask_link(address):
            return answer
    say(f"{url}: looking for a Temperature Control Lab")
    return _ask_tclab(url)


def _link_addresses(url: str) -> list[str]:
    if scheme_of(url) == "socket" or "baud=" in urlsplit(url).query:
        return [url]
    sign = "&" if urlsplit(url).query else "?"
    return [f"{url}{sign}baud={baud}" for baud in BAUDS]


def _ask_link(url: str) -> Answer | None:
    from hil._link import LinkBus
    from hil.mcu.description import Description

    line = open_device_line(url)
    try:
        bus = LinkBus(line.fd, [], [])
        try:
            with contextlib.suppress(BusError):  # silence, or something else than the link
                bus.connect(LINK_S)
                told = Description.parse(bus.describe(), url)
                names = [[signal.name for signal in side] for side in (told.inputs, told.outputs)]
                return Answer("link", baud_of(url), told.app, told.version, told.build, told.program, *names)
        finally:
            bus.close()
    finally:
        line.close()
    return None


def _ask_tclab(url: str) -> Answer | None:
    from hil.drivers.tclab import TCLab

    lab = TCLab(url)
    try:
        version = lab.connect(TCLAB_S)
    except BusError:
        return None
    finally:
        lab.drop()
    # "TCLab Firmware 1.4.3 Arduino Uno"
    number, _, board = version.removeprefix("TCLab Firmware").strip().partition(" ")
    return Answer("tclab", baud_of(url), board or "TCLab", number)
