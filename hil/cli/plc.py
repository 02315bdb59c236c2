"""`hil plc compile`: checks and compiles one PLC program, shows what is in it, or runs it over a table of inputs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import FAILED, output
from hil.cli.options import JsonOption

if TYPE_CHECKING:
    from hil.plc import CompiledProgram

app = typer.Typer(no_args_is_help=True, help="PLC programs in Structured Text (IEC 61131-3).")


@app.callback()
def _group() -> None:
    """PLC programs in Structured Text (IEC 61131-3)."""


@app.command("compile")
def compile_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Structured Text (.st) or PLCopen XML (.xml).")],
    trace: Annotated[
        Path | None,
        typer.Option(metavar="INPUTS.csv", help="Inputs per scan; columns are located variables or their %addresses."),
    ] = None,
    scans: Annotated[int | None, typer.Option(min=1, help="How many; the last row is held. Default: the rows.")] = None,
    interval: Annotated[
        str, typer.Option(metavar="TIME", help="Between scans, where no task says so, as 10ms.")
    ] = "10ms",
    json: JsonOption = False,
) -> None:
    """Compile a program; with --trace print the located variables after each scan as CSV.

    Exit code 1 when the program stops itself, 2 when it has a mistake: each with file:line:column, line and caret.
    """
    from hil.plc import compile_program

    program = compile_program([file])
    if trace is None and scans is None:
        _print_summary(program, as_json=json)
        return
    from hil.plc.trace import read_inputs, run_trace

    inputs = read_inputs(program, trace) if trace is not None else [{}]
    result = run_trace(program, inputs, scans or len(inputs), _interval_ns(interval))
    if json:
        output.print_json({"columns": result.columns, "rows": result.rows, "stop": result.stop})
    else:
        typer.echo(result.csv(), nl=False)
    if result.stop:
        output.note(f"hil: {result.stop}")
        raise typer.Exit(FAILED)


def _interval_ns(text: str) -> int:
    from hil.errors import HilError
    from hil.fault_times import read_time

    try:
        seconds, _ = read_time(text, text)
    except HilError:
        seconds = None
    if not seconds or seconds < 0:
        raise HilError(f"'{text}' is no interval", where="--interval", mend="Write it as 10ms")
    return round(seconds * 1e9)


def _print_summary(program: CompiledProgram, *, as_json: bool) -> None:
    tasks = [{"name": t.name, "interval_ns": t.interval_ns, "priority": t.priority, "programs": list(t.programs)}
             for t in program.tasks]  # fmt: skip
    located = [{"name": v.name, "address": v.address, "type": v.type} for v in program.located]
    if as_json:
        summary: dict[str, Any] = {"tasks": tasks, "located": located, "variables": len(program.variables)}
        output.print_json({**summary, "words": program.n_words, "library": str(program.path)})
        return
    for task in program.tasks:
        every = f"every {output.time_text(task.interval_ns * 1e-9)}" if task.interval_ns else "in every scan"
        typer.echo(f"task {task.name}: {', '.join(task.programs)}, {every}, priority {task.priority}")
    for variable in program.located:
        typer.echo(f"{variable.address:<10} {variable.name}: {variable.type}")
    counts = f"{len(program.variables)} variables, {len(program.located)} of them located"
    typer.echo(f"{counts}; {program.n_words} words of state; {program.path.stat().st_size} bytes compiled")
