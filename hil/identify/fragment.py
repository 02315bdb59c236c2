"""A fit as a piece of a rig file."""

from __future__ import annotations

from pathlib import Path

from hil.identify.result import FitResult, Parameter


def fragment(found: FitResult) -> str:
    """TOML to be put into rig.toml: what the data determine as values, what they do not as comments."""
    lines = [
        f"# Fitted to {Path(found.data).name} ({found.rows:,} rows, {found.duration_s:g} s): RMSE {found.rmse:.4g}"
        + (f", {found.hold_out_rmse:.4g} over the rows left out" if found.hold_out_rmse is not None else ""),
        f"[blocks.{found.block}]",
        *(_line(p) for p in found.parameters.values() if p.group is None),
    ]
    for group in found.groups:
        values = ", ".join(f"{name} = {found.parameters[name].value:.6g}" for name in group.names)
        lines.append(f"# Not told apart by these data, good only together: {values}")
    return "\n".join(lines) + "\n"


def _line(p: Parameter) -> str:
    assert p.low is not None
    assert p.high is not None
    unit = "" if p.unit == "1" else f" {p.unit}"
    note = "; at the end of its range" if p.at_bound else ""
    return f"{p.name} = {p.value:.6g}  # {p.low:.4g} to {p.high:.4g}{unit} (95 %){note}"
