"""`hil twin`: the closed-loop twin."""

from __future__ import annotations

import typer

from hil.cli import twin_audit, twin_models

app = typer.Typer(no_args_is_help=True, help="The closed-loop twin: what it did, and by whose leave.")
app.add_typer(twin_audit.app, name="audit")
app.add_typer(twin_models.app, name="models")
app.command("recalibrate")(twin_models.recalibrate)
