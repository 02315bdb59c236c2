"""A conversation with one instrument over VISA: lines of text and blocks, each bounded in time and in size."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

from hil.drivers.visa_resource import Resource
from hil.errors import BusError

LONGEST_LINE = 65536
LARGEST_BLOCK = 64 * 1024 * 1024
CHUNK = 4096
MISSING = "pip install 'hil[visa]'"


def load_pyvisa() -> Any:
    """The library; raises BusError when it is not installed."""
    try:
        import pyvisa
    except ImportError:
        raise BusError("instruments need pyvisa, which is not installed", mend=f"Run {MISSING}") from None
    return pyvisa


def manager(library: str) -> Any:
    """Pyvisa's resource manager for a library ("@py", "@ivi", "FILE.yaml@sim"); it keeps one for each.

    Raises:
        BusError: pyvisa or the library is missing, or its file cannot be used.
    """
    pyvisa = load_pyvisa()
    try:
        return pyvisa.ResourceManager(library)
    except Exception as error:  # libraries raise what they like here: ValueError, OSError, their own
        mend = f"Run {MISSING}" if library == "@py" else "Install that VISA library, or leave ?library= out"
        raise BusError(f"the VISA library {library} cannot be used: {_text(error)}", mend=mend) from None


class Session:
    """One open resource.

    Attributes:
        where: how messages call it.
        longest_s: the longest round trip so far.
    """

    def __init__(
        self, resource: Resource, *, timeout_s: float, read_end: str, write_end: str, baud_rate: int | None = None
    ) -> None:
        """Opens it.

        Raises:
            BusError: there is nothing, or it does not answer within the time.
        """
        self.where = resource.name
        self.timeout_s = timeout_s
        self.read_end, self.write_end = read_end, write_end
        self.longest_s = 0.0
        options: dict[str, Any] = {"baud_rate": baud_rate} if baud_rate else {}
        rm = manager(resource.library)
        self._pyvisa = load_pyvisa()
        try:
            self._open = rm.open_resource(
                resource.name,
                open_timeout=round(timeout_s * 1e3),
                timeout=round(timeout_s * 1e3),
                read_termination=read_end,
                write_termination=write_end,
                **options,
            )
        except Exception as error:  # pyvisa, pyvisa-py and the system below raise many kinds
            why = f"cannot be opened: {_text(error)}"
            raise BusError(why, where=self.where, mend="Check its cable, address and power") from None
        _send_at_once(self._open)

    def write(self, text: str) -> None:
        """Sends a command; raises BusError when it cannot be sent."""
        with self._told(text):
            self._open.write(text)

    def query(self, text: str) -> str:
        """Sends a question and reads one line, stripped; raises BusError without one."""
        begun = time.monotonic()
        with self._told(text):
            self._open.write(text)
            line = self._line(begun + self.timeout_s)
        self.longest_s = max(self.longest_s, time.monotonic() - begun)
        return line

    def block(self, text: str) -> bytes:
        """Sends a question that is answered by a definite-length block (IEEE 488.2, 8.7.9) and reads all of it."""
        with self._told(text):
            self._open.write(text)
            head = self._bytes(2)
            if head[:1] != b"#" or not head[1:2].isdigit() or head == b"#0":
                raise BusError(
                    f"answers {text} with {head!r} where a block begins with # and a digit", where=self.where
                )
            digits = self._bytes(int(head[1:2]))
            if not digits.isdigit() or int(digits) > LARGEST_BLOCK:
                raise BusError(f"answers {text} with a block of {digits!r} bytes", where=self.where)
            data = self._bytes(int(digits))
            self._bytes(len(self.read_end))
        return data

    def close(self) -> None:
        """Closes it. A second call does nothing."""
        with contextlib.suppress(Exception):  # it may have gone
            self._open.close()

    def _line(self, deadline: float) -> str:
        """Up to the end of a line. pyvisa's own read has no bound for what never ends one."""
        success = self._pyvisa.constants.StatusCode
        data: bytes = b""
        with self._open.ignore_warning(success.success_device_not_present, success.success_max_count_read):
            while True:
                chunk, status = self._open.visalib.read(self._open.session, CHUNK)
                data += chunk
                if status != success.success_max_count_read:
                    break
                if len(data) > LONGEST_LINE or time.monotonic() > deadline:
                    raise BusError(f"sends without an end ({len(data)} bytes so far)", where=self.where)
        try:
            return data.decode("ascii").strip()
        except UnicodeDecodeError:
            raise BusError(f"answers {data[:40]!r}, which is no text", where=self.where) from None

    def _bytes(self, count: int) -> bytes:
        return bytes(self._open.read_bytes(count, break_on_termchar=False)) if count else b""

    @contextlib.contextmanager
    def _told(self, text: str) -> Any:
        """What libraries raise, as one line with the command that it was about."""
        try:
            yield
        except BusError:
            raise
        except Exception as error:
            name = getattr(error, "abbreviation", "")
            why = f"no answer to {text} in {self.timeout_s:g} s" if name == "VI_ERROR_TMO" else _text(error)
            raise BusError(f"{why}" if text in why else f"{text}: {why}", where=self.where) from None


def _send_at_once(resource: Any) -> None:
    """Switches Nagle's algorithm off (RFC 896), where it is a TCP socket.

    VISA's default is off, pyvisa-py's is on: a question right after a command would wait for the command's delayed
    acknowledgement, 40 ms and more. As pyvisa-py 0.8 cannot set VI_ATTR_TCPIP_NODELAY, its socket is told.
    """
    session = getattr(resource.visalib, "sessions", {}).get(resource.session)
    line = getattr(session, "interface", None)
    if isinstance(line, socket.socket):
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _text(error: Exception) -> str:
    """The library's own words in one line."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words[:200].rstrip(".")
