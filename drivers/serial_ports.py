"""Which serial ports this machine has, read from sysfs and /proc. Nothing is opened: that would reset an Arduino.

pyserial's own list is fixed to /sys, leaves out built-in ports that are there, and knows neither latency nor holder.
"""

from __future__ import annotations

import contextlib
import grp
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LatencyTimer", "SerialPort", "holders", "latency_timers", "list_ports"]

ROOT = Path("/")
UNKNOWN_UART = "0"  # PORT_UNKNOWN of <linux/serial_core.h>: a name without hardware behind it


@dataclass(frozen=True)
class SerialPort:
    """A port, as far as the system tells.

    Attributes:
        path: its file, as in /dev/ttyUSB0.
        usb: "vendor:product" in hex, "" for a port that is not on USB.
        product, manufacturer, serial: the adapter's or board's own words, "" where it has none.
        latency_ms: how long an FTDI adapter may hold received bytes back; None for others.
        permitted: this user may open it.
        group: who is in this group may open it.
        busy: who has it open, as far as this user may see: "name (pid)".
    """

    path: str
    usb: str = ""
    product: str = ""
    manufacturer: str = ""
    serial: str = ""
    latency_ms: int | None = None
    permitted: bool = True
    group: str = ""
    busy: tuple[str, ...] = ()


@dataclass(frozen=True)
class LatencyTimer:
    """The latency timer of an FTDI adapter: received bytes wait so long for more before the host gets them."""

    port: str
    file: Path

    @property
    def ms(self) -> int | None:
        """Its value now; None when the adapter has gone."""
        text = _read(self.file)
        return int(text) if text.isdigit() else None

    def set_ms(self, ms: int) -> bool:
        """Set it until the adapter is plugged in again; False when this user may not, or it did not take the value."""
        with contextlib.suppress(OSError):
            self.file.write_text(f"{ms}\n")
        return self.ms == ms


def list_ports(root: Path = ROOT) -> list[SerialPort]:
    """All ports with hardware behind them, by path.

    Args:
        root: where /sys, /dev and /proc are.
    """
    found = [_port(root, entry) for entry in (root / "sys/class/tty").glob("*") if _has_hardware(entry)]
    return sorted(found, key=lambda port: port.path)


def _has_hardware(entry: Path) -> bool:
    """A tty of a device: no console of the kernel's, and no unused place of the 8250 driver."""
    return (entry / "device").exists() and _read(entry / "type") != UNKNOWN_UART


def _port(root: Path, entry: Path) -> SerialPort:
    path = root / "dev" / entry.name
    usb = _usb_device(entry / "device", root)
    text = {
        name: _read(usb / name) if usb else ""
        for name in ("idVendor", "idProduct", "product", "manufacturer", "serial")
    }
    timers = [timer.ms for timer in latency_timers(root) if timer.port == str(path)]
    return SerialPort(
        str(path),
        f"{text['idVendor']}:{text['idProduct']}" if usb else "",
        text["product"],
        text["manufacturer"],
        text["serial"],
        timers[0] if timers else None,
        os.access(path, os.R_OK | os.W_OK),
        _group_of(path),
        tuple(holders(path, root)),
    )


def _usb_device(device: Path, root: Path) -> Path | None:
    """The USB device that a tty belongs to: the nearest folder above that has a vendor."""
    place = device.resolve()
    above = (place, *place.parents)
    top = (root / "sys").resolve()
    return next((p for p in above if p.is_relative_to(top) and (p / "idVendor").is_file()), None)


def latency_timers(root: Path = ROOT) -> list[LatencyTimer]:
    """The latency timers of all FTDI adapters, by port."""
    files = sorted((root / "sys/bus/usb-serial/devices").glob("*/latency_timer"))
    return [LatencyTimer(str(root / "dev" / file.parent.name), file) for file in files]


def holders(path: str | Path, root: Path = ROOT) -> Iterator[str]:
    """Who has a file open, as "name (pid)"; only processes that this user may look into."""
    wanted = os.path.realpath(path)
    for process in sorted((root / "proc").glob("[0-9]*")):
        with contextlib.suppress(OSError):  # not ours to see, or gone meanwhile
            if any(str(fd.readlink()) == wanted for fd in (process / "fd").iterdir()):
                yield f"{_read(process / 'comm') or '?'} ({process.name})"


def _group_of(path: Path) -> str:
    """The group that may use the port: dialout on Debian, uucp elsewhere."""
    name = ""
    with contextlib.suppress(OSError, KeyError):
        name = grp.getgrgid(path.stat().st_gid).gr_name
    return name if name not in ("", "root", "tty") else "dialout"


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
