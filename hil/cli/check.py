"""`hil check`: reads a rig and looks for what would go wrong when it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from hil.cli import FAILED, output
from hil.cli.options import ControllerOption, JsonOption, RigArg, controllers_of

if TYPE_CHECKING:
    from hil.checks import Finding
    from hil.rig import Rig

STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}


def check(rig: RigArg, controller: ControllerOption = None, json: JsonOption = False) -> None:
    """Check a rig: its file, wiring, units, registers, bus times. Exit code 1 when an error was found.

    Mistakes in the file itself (broken TOML, unknown keys, wrong units) are listed and end with exit code 2.
    """
    from hil import checks
    from hil.rig import load_rig

    loaded = load_rig(rig, controllers=controllers_of(controller))
    findings = checks.check_rig(loaded)
    errors = sum(finding.severity == "error" for finding in findings)
    if json:
        output.print_json({**_facts(loaded), "findings": findings, "errors": errors, "passed": not errors})
    else:
        _show(loaded, findings, errors)
    if errors:
        raise typer.Exit(FAILED)


def _facts(rig: Rig) -> dict[str, Any]:
    counts = {
        "signals": len(rig.signals),
        "blocks": len(rig.blocks),
        "roles": len(rig.roles),
        "devices": len(rig.devices),
    }
    return {"rig": rig.name, "folder": rig.folder, "period_s": rig.period_s, **counts}


def _show(rig: Rig, findings: Sequence[Finding], errors: int) -> None:
    out = output.console()
    if findings:
        out.print(_table(findings))
    facts = _facts(rig)
    counts = ", ".join(output.counted(facts[key], key) for key in ("signals", "blocks", "roles", "devices"))
    verdict = output.counted(errors, "errors") if errors else "no errors"
    others = len(findings) - errors
    verdict += f", {output.counted(others, 'warnings')}" if others else ""
    out.print(f"{rig.name}: {verdict} ({counts}; one tick is {output.time_text(rig.period_s)})", soft_wrap=True)


def _table(findings: Sequence[Finding]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("", "Where", "What"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        what = finding.message + (f". {finding.mend}" if finding.mend else "")
        table.add_row(Text(finding.severity, STYLES.get(finding.severity, "")), Text(finding.where or ""), Text(what))
    return table
