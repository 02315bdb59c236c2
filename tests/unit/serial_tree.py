"""A /sys, /dev and /proc with serial ports in them, laid out as Linux 6 does."""

from __future__ import annotations

from pathlib import Path

FTDI = {
    "idVendor": "0403",
    "idProduct": "6001",
    "product": "FT232R USB UART",
    "manufacturer": "FTDI",
    "serial": "A9XYZ",
}
BOARD = {"idVendor": "2341", "idProduct": "0043", "manufacturer": "Arduino (www.arduino.cc)", "serial": "7563"}


class Tree:
    """What `list_ports` and the doctor read, below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("sys/class/tty", "sys/bus/usb-serial/devices", "dev", "proc"):
            (root / folder).mkdir(parents=True)

    def usb(self, name: str, words: dict[str, str], latency_ms: int | None = None) -> Path:
        """An adapter; returns the file of its latency timer."""
        device = self.root / f"sys/devices/pci0000:00/usb1/1-{name}"
        port = device / f"1-{name}:1.0" / name
        self._tty(name, port)
        for key, value in words.items():
            (device / key).write_text(f"{value}\n")
        if latency_ms is not None:
            (port / "latency_timer").write_text(f"{latency_ms}\n")
            (self.root / "sys/bus/usb-serial/devices" / name).symlink_to(port)
        return port / "latency_timer"

    def built_in(self, name: str, uart_type: int) -> None:
        """A port of the board; type 0 is a name that the driver keeps for hardware that is not there."""
        tty = self._tty(name, self.root / f"sys/devices/platform/serial8250/{name}")
        (tty / "type").write_text(f"{uart_type}\n")

    def console(self, name: str) -> None:
        """A tty without a device."""
        (self.root / "sys/class/tty" / name).mkdir()

    def held(self, name: str, pid: int, program: str) -> None:
        """A process that has the port open."""
        fds = self.root / f"proc/{pid}/fd"
        fds.mkdir(parents=True)
        (fds / "3").symlink_to(self.root / "dev" / name)
        (fds.parent / "comm").write_text(f"{program}\n")

    def _tty(self, name: str, device: Path) -> Path:
        tty = device / "tty" / name
        tty.mkdir(parents=True)
        (tty / "device").symlink_to(device)
        (self.root / "sys/class/tty" / name).symlink_to(tty)
        (self.root / "dev" / name).touch()
        return tty
