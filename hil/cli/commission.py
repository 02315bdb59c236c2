"""`hil commission`: virtual commissioning of a rig's controller, and its acceptance record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from hil.cli import FAILED, commission_verify, output
from hil.cli.options import ControllerOption, JsonOption, RigArg, controllers_of
from hil.errors import HilError

if TYPE_CHECKING:
    from hil.commission.commissioning import Request
    from hil.commission.record_coverage import Coverage
    from hil.commission.results import Item, Results
    from hil.signing.keys import Signer

RUN = "run"
HELP = ("-h", "--help")
TOLD = 20  # deviations on the screen


class Time(StrEnum):
    """Kinds of time."""

    VIRTUAL = "virtual"
    LOCKSTEP = "lockstep"
    REAL = "real"


class _RunsUnlessTold(TyperGroup):
    """`hil commission RIG` is `hil commission run RIG`; a rig called verify or run is ./verify."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in HELP:
            args = [RUN, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_RunsUnlessTold, no_args_is_help=True, help="Virtual commissioning of a rig's controller: RIG, verify."
)
app.command("verify")(commission_verify.verify)


@app.command(RUN)
def run(
    rig: RigArg,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write the acceptance record here.")] = None,
    binding: Annotated[
        list[str] | None,
        typer.Option("--binding", metavar="NAME", help="Level of the controller, as pil, or ROLE=LEVEL; repeatable."),
    ] = None,
    controller: ControllerOption = None,
    time: Annotated[Time, typer.Option("--time", help="In real time a subset of the items is run.")] = Time.VIRTUAL,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="ITEM", help="Only these items, as 'LOOP-*'; repeatable.")
    ] = None,
    items: Annotated[bool, typer.Option("--list", help="Name the items and end.")] = False,
    write_tests: Annotated[
        Path | None, typer.Option("--write-tests", metavar="DIR", help="Write the checks as pytest files and end.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a record that is there.")] = False,
    into: Annotated[Path | None, typer.Option("--into", metavar="DIR", help="Put the items into this record.")] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="With --into: why they are run again.")] = "",
    compare: Annotated[
        Path | None, typer.Option("--compare", metavar="DIR", help="Show this record beside the new one.")
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="Sign the record; see hil key.")] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Sign in this name.")] = None,
    json: JsonOption = False,
) -> None:
    """Check tags, loops, alarms, interlocks, sequences, fail-safe, timing and requirements of a rig's controller.

    What is checked stands in RIG/commission/commission.toml. Exit code 1 when a check fails or was not completed.
    """
    from hil.commission.commissioning import Request, commission
    from hil.commission.covering import covering_of

    bind = _bindings(rig, binding or [])
    request = Request(rig, time.value, bind, only or (), controllers=controllers_of(controller) or None)
    if items or write_tests is not None:
        _tell_or_write(request, write_tests, json=json)
        return
    write = _writer(out, into, reason, compare, _signer(key, name), overwrite=overwrite)
    covering = covering_of(request) if out is not None else None
    with _bar(quiet=json) as told:
        results = commission(request, told, covering)
    page = write(rig, results, covering.found if covering else None)
    if json:
        output.print_json({**results.to_dict(), "record": page})
    else:
        _show(results, page)
    if not results.passed:
        raise typer.Exit(FAILED)


def _bindings(rig: str, texts: list[str]) -> dict[str, str]:
    """ROLE=LEVEL, or a level alone for every role that can have it."""
    from hil.rig import load_rig

    found = {}
    for text in texts:
        role, equals, level = text.partition("=")
        if equals:
            found[role] = level
            continue
        roles = load_rig(rig).roles
        found |= {name: text for name, known in roles.items() if known.device is not None or text == "mil"}
        if not found:
            raise HilError("no role has a device to be bound to", where=f"--binding {text}", mend="Bind it to mil")
    return found


def _signer(key: Path | None, name: str | None) -> Signer | None:
    if key is None:
        if name is not None:
            raise HilError("signs nothing without a key", where="--name", mend="Add --key FILE; hil key new makes one")
        return None
    from hil.cli.key import ask_passphrase
    from hil.signing.keys import signer

    return signer(key, name, ask_passphrase)


def _writer(
    out: Path | None, into: Path | None, reason: str, compare: Path | None, signer: Signer | None, *, overwrite: bool
) -> Callable[[str, Results, Coverage | None], Path | None]:
    """What writes the record; asked before the checks run, so that they are not run in vain."""
    from hil.commission.record import Attachments, check_place, rewrite_record, write_record
    from hil.rig.shipped import find_rig

    if out is not None and into is not None:
        raise HilError("cannot be combined with --out", where="--into", mend="Give one of them")
    if into is not None and not reason.strip():
        raise HilError("is missing: a record says why items were run again", where="--reason")
    if out is None and into is None and (compare or signer):
        raise HilError("there is no record to sign or compare", where="--key, --compare", mend="Add --out DIR")
    if out is not None:
        check_place(out, overwrite=overwrite)

    def write(rig: str, results: Results, coverage: Coverage | None) -> Path | None:
        attached = Attachments(rig_folder=find_rig(rig).parent, beside=compare, coverage=coverage)
        if out is not None:
            return write_record(results, out, attached, signer=signer, overwrite=overwrite)
        return None if into is None else rewrite_record(into, results, reason, attached, signer=signer)

    return write


def _tell_or_write(request: Request, folder: Path | None, *, json: bool) -> None:
    """--list and --write-tests."""
    from hil.commission.commissioning import chosen_checks
    from hil.commission.spec import load_spec

    spec = load_spec(request.load(), request.bind)
    checks = chosen_checks(spec, request.only)
    if folder is not None:
        from hil.commission.write_tests import write_tests

        files = write_tests(spec, checks, folder)
        told: dict[str, Any] = {"written": [str(file) for file in files]}
        lines = [f"written: {file}" for file in files]
    else:
        told = {"items": [{"id": c.id, "kind": c.kind, "title": c.title, "expectation": c.expectation} for c in checks]}
        lines = [f"{check.id}  {check.title}" for check in checks]
    if json:
        output.print_json(told)
        return
    for line in lines:
        output.console().print(line, soft_wrap=True)


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Callable[[Item, int, int], None]]:
    """A bar on stderr with the item; only on a terminal."""
    err = output.console(stderr=True)
    if quiet or not err.is_terminal:
        yield lambda _item, _n, _of: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    with Progress(
        BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), console=err, transient=True
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda item, n, of: bar.update(task, completed=n, total=of, description=item.id)


def _show(results: Results, page: Path | None) -> None:
    out = output.console()
    conditions = results.conditions
    out.print(_table(results))
    for line in conditions.scope:
        out.print(f"Scope: {line}", soft_wrap=True)
    for item in results.items:
        if item.verdict.value == "not_run":
            out.print(f"Not run: {item.id}: {item.reason}", soft_wrap=True)
    for deviation in results.punch_list[:TOLD]:
        out.print(f"{deviation.number}. {deviation.item}: {deviation.text}", soft_wrap=True)
    if len(results.punch_list) > TOLD:
        out.print(f"{len(results.punch_list) - TOLD} more deviations")
    if not results.completed:
        out.print(f"Not completed: {results.broken_off or 'not every item ended'}", soft_wrap=True)
    if page is not None:
        out.print(f"Record: {page}", soft_wrap=True)
    levels = ", ".join(f"{role}: {level}" for role, level in conditions.bindings.items())
    verdict = "PASSED" if results.passed else "NOT COMPLETED" if not results.completed else "FAILED"
    style = "bold green" if results.passed else "bold red"
    out.print(f"{verdict}  {conditions.rig} ({conditions.time}; {levels})", style=style)


def _table(results: Results) -> Any:
    from rich.table import Table

    kinds = dict.fromkeys(item.kind for item in results.items)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("Checks")
    for column in ("Passed", "Failed", "Not completed", "Not run"):
        table.add_column(column, justify="right")
    for kind in kinds:
        mine = [item.verdict.value for item in results.items if item.kind == kind]
        counts = [str(mine.count(name) or "") for name in ("passed", "failed", "not_completed", "not_run")]
        table.add_row(kind.replace("_", " "), *counts)
    return table
