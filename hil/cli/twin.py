"""`hil twin`: the closed-loop twin."""

from __future__ import annotations

import typer

from hil.cli import (
    twin_audit,
    twin_authority,
    twin_envelope,
    twin_forecast,
    twin_live,
    twin_models,
    twin_report,
    twin_run,
)

app = typer.Typer(
    no_args_is_help=True, help="The closed-loop twin: estimate, detect, diagnose; what it did, and by whose leave."
)
app.command("run")(twin_run.run)
app.command("status")(twin_live.status)
app.command("alarms")(twin_live.alarms)
app.command("proposals")(twin_authority.proposals)
app.command("approve")(twin_authority.approve)
app.command("veto")(twin_authority.veto)
app.command("promote")(twin_authority.promote)
app.command("stop")(twin_authority.stop)
app.add_typer(twin_envelope.app, name="envelope")
app.command("report")(twin_report.report)
app.command("forecast")(twin_forecast.forecast)
app.command("whatif")(twin_forecast.whatif)
app.add_typer(twin_audit.app, name="audit")
app.add_typer(twin_models.app, name="models")
app.command("recalibrate")(twin_models.recalibrate)
