"""`hil scan serial`: which serial ports there are, and what answers on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import FAILED, output
from hil.cli.options import JsonOption
from hil.errors import BusError

if TYPE_CHECKING:
    from hil.drivers.serial_ports import SerialPort
    from hil.probe import Answer

WHY = "--probe asks what is on them. It is not the default: opening a port restarts an Arduino and boards like it"


def scan_serial(
    port: Annotated[
        str | None, typer.Option(metavar="PATH|URL", help="Probe this one: a path, serial://, socket:// or rfc2217://.")
    ] = None,
    probe: Annotated[
        bool, typer.Option("--probe", help="Open each free port and ask what is there; this restarts some boards.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """List serial ports: USB ids, FTDI latency timer, who has them open; and, asked for, board and firmware on them.

    Pseudo-terminals are not listed by the system: name one with --port. Exit code 1: nothing answers on that port.
    """
    from hil.drivers.serial_ports import list_ports

    with output.working("looking", quiet=json) as say:
        found = [_look(port, say)] if port else [_Found(each) for each in list_ports()]
        if probe and not port:
            for each in found:
                each.probe(say)
    probed = probe or port is not None
    if json:
        output.print_json({"probed": probed, "ports": [each.to_dict() for each in found]})
    else:
        _show(found, probed=probed)
    raise typer.Exit(FAILED if port and found[0].answer is None else 0)


class _Found:
    """A port, with what was heard on it."""

    def __init__(self, port: SerialPort) -> None:
        self.port = port
        self.answer: Answer | None = None
        self.error: str | None = None

    def probe(self, say: Any) -> None:
        """One of several: a port that cannot be opened does not hide the others."""
        from hil.probe import address_of, probe

        if self.port.busy:
            self.error = "in use"
            return
        try:
            self.answer = probe(address_of(self.port.path), say)
        except BusError as error:
            self.error = f"{error.message}. {error.mend}" if error.mend else error.message

    def to_dict(self) -> dict[str, Any]:
        answer = self.answer.to_dict() if self.answer else None
        return {**vars(self.port), "answer": answer, "error": self.error}


def _look(port: str, say: Any) -> _Found:
    """The one port that was asked for; what is wrong with it is an error."""
    from hil.drivers.serial_ports import SerialPort, holders, list_ports
    from hil.probe import address_of, probe

    url = address_of(port)
    path = url.partition("://")[2].partition("?")[0] if url.startswith("serial://") else ""
    real = str(Path(path).resolve()) if path else ""
    listed = {each.path: each for each in list_ports()}
    known = listed.get(real) or SerialPort(path or port, busy=tuple(holders(path)) if path else ())
    found = _Found(known)
    found.answer = probe(url, say)
    return found


def _show(found: list[_Found], *, probed: bool) -> None:
    out = output.console()
    if not found:
        out.print("No serial ports. Plug a board or adapter in; a pseudo-terminal is named with --port")
        return
    out.print(_table(found, probed=probed))
    slow = [each.port.path for each in found if (each.port.latency_ms or 0) > 1]
    if slow:
        out.print(f"hil doctor sets the latency timer of {', '.join(slow)} to 1 ms", soft_wrap=True)
    if not probed:
        out.print(WHY, soft_wrap=True)


def _table(found: list[_Found], *, probed: bool) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    columns = ["Port", "USB", "Product", "Serial", "Latency", "In use by"] + (["Answers"] if probed else [])
    for column in columns:
        table.add_column(column, overflow="fold")
    for each in found:
        port = each.port
        latency = "" if port.latency_ms is None else f"{port.latency_ms} ms"
        product = port.product or port.manufacturer
        in_use = ", ".join(port.busy) or ("" if port.permitted else f"not permitted (group {port.group})")
        answer = [str(each.answer or each.error or "nothing")] if probed else []
        table.add_row(port.path, port.usb, product, port.serial, latency, in_use, *answer)
    return table
