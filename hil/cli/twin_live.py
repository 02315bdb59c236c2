"""`hil twin status | alarms`: of a twin that runs, or as it was at the end of its last run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from hil.cli import output
from hil.cli.options import JsonOption, PidOption
from hil.cli.twin_asked import TwinArg, ask, is_folder, stored
from hil.errors import HilError
from hil.twin.words import hours_of


def status(twin: TwinArg, pid: PidOption = None, json: JsonOption = False) -> None:
    """Show how a twin is: estimate, set points, diagnosis, alarms."""
    found = stored(Path(twin)) if is_folder(twin) else ask(twin, pid, "twin_status")
    if json:
        output.print_json(found)
        return
    out = output.console()
    out.print(f"{found['rig']}, {found['time_s']:g} s", style="bold")
    estimate = found["estimate"] or {"value": {}, "deviation": {}}
    for name, value in estimate["value"].items():
        band = estimate["deviation"].get(name)
        out.print(f"  {name} = {value:.5g}{f' +- {band:.2g}' if band is not None else ''}")
    for point in found["setpoints"]:
        force = "not known" if point["effective"] is None else f"{point['effective']:g}"
        asked = f"asked {point['desired']:g}, taken {point['acknowledged']:g}, told back {point['reported']:g}"
        out.print(f"  set point {point['name']}: {asked}, in force {force}", soft_wrap=True)
    for name in found["unusable"]:
        out.print(f"  {name} cannot be used", soft_wrap=True)
    if found["diagnosis"]:
        cause = found["diagnosis"]["cause"]
        chance = found["diagnosis"]["probability"][cause]
        out.print(f"  diagnosis: {cause}, {chance:.0%}: {found['diagnosis']['text']}", soft_wrap=True)
    for name, rung in found["authority"]["actions"].items():
        out.print(f"  action {name}: {rung['level']}, {rung['why']}", soft_wrap=True)
    for one in found["authority"]["proposals"]:
        if one["state"] in ("proposed", "applied"):
            out.print(f"  proposal {one['number']}, {one['state']}: {one['text']}", soft_wrap=True)
    for name, life in found.get("lives", {}).items():
        if life["ended"]:
            out.print(f"  {name}: the limit {life['limit']:g} is reached")
        elif life["approaching"]:
            low, middle, high = hours_of(life["time_s"])
            span = f"{middle} ({low} to {high} with 90 %)"
            out.print(f"  {name}: from {life['at_s']:g} s on the limit {life['limit']:g} is crossed in {span}")
    _show_alarms(found["alarms"], found["in_ten_minutes"])


def alarms(
    twin: TwinArg,
    acknowledge: Annotated[str | None, typer.Option(metavar="NAME", help="I have seen it.")] = None,
    reset: Annotated[str | None, typer.Option(metavar="NAME", help="End a latched alarm.")] = None,
    shelve: Annotated[str | None, typer.Option(metavar="NAME", help="Out of sight, for a time.")] = None,
    unshelve: Annotated[str | None, typer.Option(metavar="NAME", help="Back into sight.")] = None,
    for_s: Annotated[float, typer.Option("--for", metavar="SECONDS", help="Bench time on the shelf.")] = 3600.0,
    person: Annotated[str, typer.Option(metavar="TEXT", help="Who says so; can be erased from the ledger.")] = "",
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why.")] = "",
    pid: PidOption = None,
    json: JsonOption = False,
) -> None:
    """Show the alarms of a twin, or act on one: acknowledge, reset, shelve, unshelve."""
    acts = {"acknowledge": acknowledge, "reset": reset, "shelve": shelve, "unshelve": unshelve}
    chosen = [(act, name) for act, name in acts.items() if name is not None]
    if len(chosen) > 1:
        raise HilError("one act at a time", where="hil twin alarms")
    if chosen:
        _act(twin, pid, *chosen[0], for_s, person, reason, json=json)
        return
    if is_folder(twin):
        kept = stored(Path(twin))
        found = {"alarms": kept["alarms"], "in_ten_minutes": kept["in_ten_minutes"]}
    else:
        found = ask(twin, pid, "twin_alarms")
        found["alarms"] = [alarm for alarm in found["alarms"] if alarm["state"] != "normal"]
    if json:
        output.print_json(found)
    else:
        _show_alarms(found["alarms"], found["in_ten_minutes"])


def _act(
    twin: str, pid: int | None, act: str, name: str, for_s: float, person: str, reason: str, *, json: bool
) -> None:
    if not person:
        raise HilError("nobody is named", where="hil twin alarms", mend="Give --person")
    if is_folder(twin):
        raise HilError("this twin does not run", where=twin, mend="Name the rig whose twin runs")
    found = ask(twin, pid, "twin_alarm", act=act, name=name, for_s=for_s, person=person, reason=reason)
    if json:
        output.print_json(found)
    else:
        output.console().print(f"{name} is {found['state']}")


def _show_alarms(found: list[Mapping[str, Any]], in_ten_minutes: int) -> None:
    out = output.console()
    for alarm in found:
        told = f"  {alarm['priority']:<8} {alarm['name']}: {alarm['state']} since {alarm['since_s']:g} s"
        out.print(f"{told}: {alarm['text']}", soft_wrap=True)
        if alarm["response"]:
            out.print(f"           {alarm['response']}", soft_wrap=True)
    if not found:
        out.print("  no alarm stands")
    out.print(f"  {in_ten_minutes} alarms in the last ten minutes", soft_wrap=True)
