"""`hil scan visa`: which instruments there are, and which of their models HIL knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import FAILED, output
from hil.cli.options import JsonOption

if TYPE_CHECKING:
    from hil.drivers.visa_scan import Found


def scan_visa(
    resources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RESOURCE]...", help="Ask these: TCPIP::192.168.1.5::5025::SOCKET, visa://... or an alias."
        ),
    ] = None,
    library: Annotated[
        str | None, typer.Option(metavar="NAME", help="VISA library: @py (default), @ivi, or FILE.yaml@sim.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.05, max=60.0, help="Longest wait for an answer, in s.")] = 1.0,
    json: JsonOption = False,
) -> None:
    """List instruments with their answer to *IDN? and the model that a rig names.

    VISA lists USB, serial lines and what announces itself on the network (pyvisa-py: VXI-11); raw sockets are never
    listed, name them or give them an alias. Serial lines are asked only when named. Exit code 1: nothing answers.
    """
    from hil.drivers.visa_resource import LIBRARY, aliases, parse_resource
    from hil.drivers.visa_scan import list_resources, look

    chosen = library or LIBRARY
    with output.working("looking", quiet=json):
        if resources:
            parsed = [parse_resource(name if "://" in name else f"visa://{name}") for name in resources]
            names = [resource.name for resource in parsed]
            chosen = library or parsed[0].library
        else:
            names = [*list_resources(chosen), *aliases().values()]
        found = look(names, chosen, timeout, serial=bool(resources))
    if json:
        output.print_json({"library": chosen, "resources": [vars(each) for each in found]})
    else:
        _show(found)
    raise typer.Exit(FAILED if resources and not any(each.idn for each in found) else 0)


def _show(found: list[Found]) -> None:
    out = output.console()
    if not found:
        out.print("No instruments. A raw socket is never listed: hil scan visa TCPIP::192.168.1.5::5025::SOCKET")
        return
    out.print(_table(found))
    if any(each.idn and each.model is None for each in found):
        out.print(
            "A model that HIL does not know takes a TOML file beside the rig: docs/instruments.md", soft_wrap=True
        )


def _table(found: list[Found]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("Resource", "Alias", "*IDN?", "Model"):
        table.add_column(column, overflow="fold")
    for each in found:
        answer = each.idn or f"({each.error})"
        table.add_row(each.resource, each.alias or "", answer, each.model or ("unknown" if each.idn else ""))
    return table
