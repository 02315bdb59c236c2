"""`hil scan`: what devices there are, and what is in them. A file for each kind of wire."""

from __future__ import annotations

import typer

from hil.cli import scan_modbus, scan_serial, scan_visa

app = typer.Typer(no_args_is_help=True, help="Look for devices, and into them; all with --json.")
app.command("modbus")(scan_modbus.scan_modbus)
app.command("serial")(scan_serial.scan_serial)
app.command("visa")(scan_visa.scan_visa)
