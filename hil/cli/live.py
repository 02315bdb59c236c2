"""Commands that act on a bench in another process: set, force, fault, clear, safe, note, stop and others; status."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import output, summary
from hil.cli.options import AnyRunningArg, AtOption, JsonOption, PersonOption, PidOption, RunningArg

if TYPE_CHECKING:
    from hil.control import ControlClient

SignalArg = Annotated[str, typer.Argument(metavar="SIGNAL", help="Name of a signal.")]
ValueArg = Annotated[str, typer.Argument(metavar="VALUE", help="A number, or a quantity such as '13 cm'.")]


def status(rig: AnyRunningArg = None, pid: PidOption = None, json: JsonOption = False) -> None:
    """Show how a running bench is; without RIG every bench that runs."""
    from hil import control

    found: list[dict[str, Any]]
    if rig is not None or pid is not None:
        with control.connect(rig, pid) as client:
            found = [_ask(client)]
    else:
        found = []
        for bench in control.running():
            with control.ControlClient(bench.path) as client:
                found.append(_ask(client))
    if json:
        output.print_json({"benches": [summary.slim(one) for one in found]} if rig is None else summary.slim(found[0]))
    elif not found:
        output.console().print("No bench runs. Start one with: hil run RIG")
    else:
        for one in found:
            _show(one)


def _ask(client: ControlClient) -> dict[str, Any]:
    """How the bench is, and who may write to it."""
    lease = client.request("lease", act="show")
    return {**client.request("status"), "lease": {key: lease[key] for key in ("held", "holder", "left_s", "automatic")}}


def _show(health: Mapping[str, Any]) -> None:
    from hil.control.lease import lease_text

    out = output.console()
    bindings = ", ".join(f"{role}: {level}" for role, level in health["bindings"].items())
    out.print(f"{health['rig']} (pid {health['pid']}), {health['time']}; {bindings}", style="bold", soft_wrap=True)
    out.print(f"  {summary.status_text(health)}", soft_wrap=True)
    for name, counters in health["buses"].items():
        out.print(f"  bus {name}: {summary.bus_text(counters)}", soft_wrap=True)
    out.print(f"  {lease_text(health['lease'])}", soft_wrap=True)
    for fault in health["faults"]:
        out.print(f"  fault {fault['id']} {fault['phase']}: {fault['text']}", soft_wrap=True)


def set_(
    rig: RunningArg,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Parameter or constant, as in level1.setpoint.")],
    value: ValueArg,
    at: AtOption = None,
    pid: PidOption = None,
    json: JsonOption = False,
) -> None:
    """Set a parameter of a running bench, at the next tick or at a bench time."""
    _act(rig, pid, json, "set", f"{name} = {value}", name=name, value=_number(value), at_s=at)


def force(
    rig: RunningArg,
    signal: SignalArg,
    value: ValueArg,
    at: AtOption = None,
    pid: PidOption = None,
    json: JsonOption = False,
) -> None:
    """Hold a signal at a value until `hil release`. The safety gate still acts behind it."""
    _act(rig, pid, json, "force", f"{signal} held at {value}", name=signal, value=_number(value), at_s=at)


def release(
    rig: RunningArg, signal: SignalArg, at: AtOption = None, pid: PidOption = None, json: JsonOption = False
) -> None:
    """End a force."""
    _act(rig, pid, json, "release", f"{signal} released", name=signal, at_s=at)


def fault(
    rig: RunningArg,
    fault: Annotated[str, typer.Argument(metavar="FAULT", help="As in 'sensor.h1=bias(1 cm)@8s..14s' or '...@+5s'.")],
    pid: PidOption = None,
    json: JsonOption = False,
) -> None:
    """Arm a fault: signal=kind(value)@start..end; without a time it begins at the next tick and stays."""
    _act(rig, pid, json, "fault", f"armed: {fault}", fault=fault)


def clear(
    rig: RunningArg,
    fault_id: Annotated[
        int | None, typer.Argument(metavar="[ID]", help="As `hil status` shows it; default: all.")
    ] = None,
    pid: PidOption = None,
    json: JsonOption = False,
) -> None:
    """End a fault, or all of them."""
    _act(rig, pid, json, "clear", f"fault {fault_id} ended" if fault_id else "all faults ended", fault_id=fault_id)


def enable(
    rig: RunningArg,
    off: Annotated[bool, typer.Option("--off", help="No fault has any effect until the next `hil enable`.")] = False,
    pid: PidOption = None,
    json: JsonOption = False,
) -> None:
    """The master enable of faults: let all that are armed act, or none."""
    _act(rig, pid, json, "enable", "no fault acts" if off else "faults act", on=not off)


def safe(
    rig: RunningArg,
    off: Annotated[bool, typer.Option("--off", help="End the safe state.")] = False,
    pid: PidOption = None,
    json: JsonOption = False,
) -> None:
    """Take all gated outputs to their safe values. This is no emergency stop: it needs a running loop and wire."""
    _act(rig, pid, json, "safe", "safe state ended" if off else "all outputs to their safe values", on=not off)


def mark(
    rig: RunningArg,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The note.")],
    pid: PidOption = None,
    json: JsonOption = False,
) -> None:
    """Put a note into the recording."""
    _act(rig, pid, json, "mark", f"noted: {text}", text=text)


def note(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What was seen or done.")],
    rig: AnyRunningArg = None,
    person: PersonOption = None,
    pid: PidOption = None,
    json: JsonOption = False,
) -> None:
    """Put a note with your name into the recording."""
    _act(rig, pid, json, "note", f"noted: {text}", text=text, person=person)


def stop(rig: AnyRunningArg = None, pid: PidOption = None, json: JsonOption = False) -> None:
    """End a running bench in its safe state; its recording and report are completed."""
    _act(rig, pid, json, "stop", "stopping")


def _act(rig: str | None, pid: int | None, as_json: bool, do: str, said: str, **fields: Any) -> None:
    """One request, and a line on what was accepted."""
    from hil import control
    from hil.control.lease import user_name

    if do not in ("mark", "note", "stop"):  # the bench marks the recording: who did what
        fields["person"] = os.environ.get("HIL_PERSON") or user_name(os.getuid())
    with control.connect(rig, pid) as client:
        answer = client.request(do, **fields)
    if as_json:
        output.print_json({"do": do, **answer})
    else:
        number = f" (fault {answer['fault_id']})" if "fault_id" in answer else ""
        output.console().print(f"{said}{number}, accepted at {answer['time_s']:.3f} s", soft_wrap=True)


def _number(text: str) -> float | str:
    """A number where it is one; else the bench converts the quantity."""
    try:
        return float(text)
    except ValueError:
        return {"true": 1.0, "false": 0.0}.get(text.lower(), text)
