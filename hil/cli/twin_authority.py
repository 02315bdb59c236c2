"""`hil twin proposals | approve | veto | promote | stop | envelope`: what a twin may do, as people give and take it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from hil.cli import output
from hil.cli.options import AnyRunningArg, JsonOption, PidOption
from hil.cli.twin_asked import TwinArg, ask, is_folder, stored
from hil.errors import BenchError, HilError

NumberArg = Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="Of the proposal.")]
RigOption = Annotated[str | None, typer.Option("--rig", metavar="RIG", help="Whose twin; default: the only one.")]
PersonOption = Annotated[str, typer.Option(metavar="TEXT", help="Who says so; can be erased from the ledger.")]
ReasonOption = Annotated[str, typer.Option(metavar="TEXT", help="Why.")]


def proposals(twin: TwinArg, pid: PidOption = None, json: JsonOption = False) -> None:
    """Show what a twin proposes, what became of it, and how far each action may go."""
    found = stored(Path(twin))["authority"] if is_folder(twin) else ask(twin, pid, "twin_proposals")
    if json:
        output.print_json(found)
        return
    out = output.console()
    for name, rung in found["actions"].items():
        in_force = f"in force {rung['effective']:g}, a person's {rung['desired']:g}"
        until = f", until {rung['until_s']:g} s" if rung["envelope"] else ""
        out.print(f"{name}: {rung['level']} ({rung['why']}){until}; {in_force}", soft_wrap=True, highlight=False)
    for one in found["proposals"]:
        told = f"{one['number']:>4}  {one['state']:<11} {one['made_s']:>8.0f} s  {one['text']}"
        if "acts_at_s" in one:
            told += f"; acts at {one['acts_at_s']:g} s without a veto"
        out.print(told + (f" ({one['why']})" if one["why"] else ""), soft_wrap=True, highlight=False)
    if not found["proposals"]:
        out.print("  no proposal yet")


def approve(
    number: NumberArg,
    rig: RigOption = None,
    person: PersonOption = "",
    reason: ReasonOption = "",
    pid: PidOption = None,
    json: JsonOption = False,
) -> None:
    """Approve a proposal: a set point is applied through the gate, work is agreed to."""
    _decide("approve", number, rig, person, reason, pid, json=json)


def veto(
    number: NumberArg,
    rig: RigOption = None,
    person: PersonOption = "",
    reason: ReasonOption = "",
    pid: PidOption = None,
    json: JsonOption = False,
) -> None:
    """Refuse a proposal, or take back one that is in force."""
    _decide("veto", number, rig, person, reason, pid, json=json)


def _decide(act: str, number: int, rig: str | None, person: str, reason: str, pid: int | None, *, json: bool) -> None:
    _named(person, act)
    found = ask(rig, pid, f"twin_{act}", number=number, person=person, reason=reason)
    if json:
        output.print_json(found)
    else:
        output.console().print(f"proposal {number} is {found['state']}: {found['text']}", soft_wrap=True)


def promote(
    action: Annotated[str, typer.Argument(metavar="ACTION", help="Of the rig's [twin.actions].")],
    level: Annotated[str, typer.Argument(metavar="LEVEL", help="OBSERVE, ADVISE, APPROVE, SEMI or AUTO.")],
    envelope: Annotated[Path | None, typer.Option(metavar="FILE", help="Signed envelope; needed above ADVISE.")] = None,
    rig: RigOption = None,
    person: PersonOption = "",
    reason: ReasonOption = "",
    pid: PidOption = None,
    json: JsonOption = False,
) -> None:
    """Put an action onto a rung of the ladder; also down. What a twin loses by itself only this gives back."""
    from hil.twin.authority.envelope import read_file

    _named(person, "promote")
    more = {"envelope": read_file(envelope)} if envelope is not None else {}
    do = "twin_promote" if more else "twin_lower"  # without one it can only go down, which needs no lease either
    found = ask(rig, pid, do, action=action, level=level.upper(), person=person, reason=reason, **more)
    if json:
        output.print_json(found)
        return
    until = f", until {found['until_s']:g} s of bench time" if found["envelope"] else ""
    output.console().print(f"{action} stands at {found['level']}{until}", soft_wrap=True)


def _named(person: str, act: str) -> None:
    if not person:
        raise HilError("nobody is named", where=f"hil twin {act}", mend="Give --person")


def stop(rig: AnyRunningArg = None, pid: PidOption = None, json: JsonOption = False) -> None:
    """Take all authority from twins, in the next tick: what people set stays. Needs no lease; without RIG all of them.

    This is no emergency stop: it needs a running loop.
    """
    from hil import control
    from hil.control import ControlClient

    if rig is not None or pid is not None:
        with control.connect(rig, pid) as client:
            answers = [client.request("twin_stop")]
    else:
        answers = []
        failed: HilError | None = None
        for bench in control.running():
            try:
                with ControlClient(bench.path) as client:
                    answers.append(client.request("twin_stop"))
            except HilError as error:  # the others are stopped all the same
                failed = error
        if failed is not None:
            raise failed
        if not answers:
            raise BenchError("no bench runs", mend="Start one with: hil twin run RIG --out DIR")
    if json:
        output.print_json({"do": "twin_stop", "stopped": answers})
        return
    for answer in answers:
        _show_stopped(answer)


def _show_stopped(answer: Mapping[str, Any]) -> None:
    blocks = ", ".join(answer["authorities"]) or "no block authority"
    output.console().print(
        f"{answer['rig']}: stopped ({blocks}), accepted at {answer['time_s']:.3f} s. This is no emergency stop.",
        soft_wrap=True,
    )
