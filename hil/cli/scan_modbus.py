"""`hil scan modbus`: reads a running device and writes a first I/O map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import output
from hil.cli.options import JsonOption
from hil.errors import BusError

if TYPE_CHECKING:
    from hil.drivers.discovery import Survey


def scan_modbus(
    address: Annotated[str, typer.Argument(metavar="HOST:PORT", help="Where it listens; without a port 502.")],
    unit: Annotated[int, typer.Option(min=0, max=255, help="Modbus unit identifier.")] = 1,
    out: Annotated[
        Path | None, typer.Option(metavar="MAP.CSV", help="Write the map here; refuses to overwrite.")
    ] = None,
    first: Annotated[int, typer.Option(min=0, max=65535, help="Smallest zero-based address.")] = 0,
    last: Annotated[int, typer.Option(min=0, max=65535, help="Largest zero-based address.")] = 999,
    max_requests: Annotated[int, typer.Option(min=1, help="Most requests in all.")] = 5000,
    rate: Annotated[float, typer.Option(min=0.1, help="Most requests in a second.")] = 200.0,
    timeout: Annotated[float, typer.Option(min=0.01, max=60, help="Longest wait for an answer in s.")] = 1.0,
    json: JsonOption = False,
) -> None:
    """Read a running device in bounded requests: what addresses it has and what is there. Nothing is written to it."""
    from hil import scan as maps
    from hil.drivers.discovery import Limits, survey_modbus

    if out is not None and out.exists():
        raise BusError("the file exists already", where=str(out), mend="Name another one with --out")
    host, port = _parse(address)
    limits = Limits(first, last, max_requests, rate, timeout)
    with _Progress(quiet=json) as progress:
        survey = survey_modbus(host, port, unit, limits, progress.show)
    if out is not None:
        out.write_text(maps.make_map(survey), encoding="utf-8")
    if json:
        output.print_json({**vars(survey), "tags": maps.rows(survey), "map": out})
    else:
        _show(survey, out)


def _parse(address: str) -> tuple[str, int]:
    """HOST:PORT, HOST or [IPv6]:PORT."""
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        return address.strip("[]"), 502
    if not port.isdigit():
        raise BusError(f"'{port}' is no port", where=address, mend="Write HOST:PORT, as in 192.168.0.10:502")
    return host.strip("[]"), int(port)


class _Progress:
    """A line on stderr while the survey runs, only on a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        self._status = None
        console = output.console(stderr=True)
        if console.is_terminal and not quiet:
            self._status = console.status("connecting")

    def show(self, requests: int, doing: str) -> None:
        if self._status:
            self._status.update(f"{requests} requests, {doing}")

    def __enter__(self) -> _Progress:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._status:
            self._status.stop()


def _show(survey: Survey, out: Path | None) -> None:
    from hil import scan as maps

    console = output.console()
    for name, text in survey.identity.items():
        console.print(f"{name}: {text}")
    if survey.areas:
        console.print(_table(survey))
    for line in maps.summary(survey):
        if " readable" not in line or "nothing readable" in line:
            console.print(line, soft_wrap=True)
    console.print(f"{survey.requests} requests in {survey.seconds:.1f} s", soft_wrap=True)
    if out is not None:
        console.print(f"Map: {out}", soft_wrap=True)
    elif survey.areas:
        console.print("--out map.csv writes a first I/O map")


def _table(survey: Survey) -> Any:
    from rich.table import Table

    from hil.iomap import modicon

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("Table", "Address", "Modicon", "Count", "Values", "Changing"):
        table.add_column(column, overflow="fold")
    for area in survey.areas:
        span = str(area.first) if area.first == area.last else f"{area.first} to {area.last}"
        values = " ".join(map(str, area.values[:12])) + (" ..." if len(area.values) > 12 else "")
        changing = sum(area.first <= at <= area.last for table_, at in survey.changed if table_ == area.table)
        table.add_row(
            area.table, span, modicon(area.table, area.first), str(len(area.values)), values, str(changing or "")
        )
    return table
