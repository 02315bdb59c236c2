"""Scan and response times, tuning, and requirements as checks."""

from __future__ import annotations

from hil.commission.check import Check, Relay, Run, expect
from hil.commission.reading import Reading
from hil.commission.tables import RequirementTable, ResponseTable, TuningTable
from hil.requirements import Formula

BEFORE_S = 0.3
AFTER_S = 0.2


def timing_checks(reading: Reading) -> list[Check]:
    """The scan, and each response at several moments within a scan."""
    table, found = reading.table.timing, []
    if table.scan is not None:
        scan = table.scan
        signal = reading.signal(("timing", "scan", "signal"), scan.signal)
        judged = expect("scans", signal, limit_s=scan.limit_s, mean_s=scan.mean_s, tag=signal)
        told = f"{signal} changes at least every {scan.limit_s:g} s"
        run = Run(scan.seconds, (), (judged,))
        found.append(Check("TIMING-scan", "timing", "Scan time", told, (run,), (signal,), (signal,)))
    return found + [_response(reading, name, response) for name, response in table.responses.items()]


def _response(reading: Reading, name: str, table: ResponseTable) -> Check:
    where = ("timing", "responses", name)
    names = reading.signals_in((*where, "condition"), [table.condition])
    acts = reading.acts((*where, "do"), table.do)
    scan_ticks = reading.role.every
    runs = []
    phases = min(table.phases, scan_ticks)
    for n in range(phases):
        at = round(BEFORE_S + n * scan_ticks // phases * reading.rig.period_s, 9)
        judged = expect(
            "becomes", table.condition, after_s=at, within_s=table.limit_s, what=f"phase {n + 1} of {phases}", tag=name
        )  # fmt: skip
        runs.append(Run(round(at + table.limit_s + AFTER_S, 9), tuple(act.later(at) for act in acts), (judged,)))
    requirements = reading.known_requirements((*where, "requirements"), table.requirements)
    told = f"{table.condition} within {table.limit_s:g} s, at {phases} moments of a scan"
    title = table.title or f"Response {name}"
    return Check(f"TIMING-{name}", "timing", title, told, tuple(runs), names, names, requirements)


def tuning_checks(reading: Reading) -> list[Check]:
    """One item a loop, with a run for each operating point and one for the relay."""
    return [_tuning(reading, name, table) for name, table in reading.table.tuning.items()]


def _tuning(reading: Reading, name: str, table: TuningTable) -> Check:
    where = ("tuning", name)
    measurement = reading.signal((*where, "measurement"), table.measurement)
    output = reading.signal((*where, "output"), table.output)
    unit = reading.unit(measurement)
    step = reading.quantity((*where, "step"), table.step, unit)
    limits = {key: value for key, value in table.limits.model_dump().items() if value is not None}
    runs = []
    for n, point in enumerate(table.points):
        before = reading.quantity((*where, "points", n), point, unit)
        after, at = round(before + step, 12), table.approach_s
        texts = [f"{table.setpoint} = {before:.12g}", f"{table.setpoint} = {after:.12g} at {at:.12g}s"]
        acts = reading.acts((*where, "setpoint"), texts)
        judged = expect(
            "step_response", measurement, output=output, before=before, after=after, at_s=at, limits=limits,
            band_percent=table.band_percent, tag=name,
        )  # fmt: skip
        runs.append(Run(at + table.duration_s, acts, (judged,), title=f"step from {before:g}"))
    if table.relay is not None:
        relay = table.relay
        amplitude = reading.quantity((*where, "relay", "amplitude"), relay.amplitude, reading.unit(output))
        sample_s = reading.role.every * reading.rig.period_s
        made = Relay(measurement, output, amplitude, relay.duration_s, sample_s, relay.action == "direct", relay.rule)
        runs.append(Run(1.0, (), (), title="relay", relay=made))
    names = (measurement, output)
    requirements = reading.known_requirements((*where, "requirements"), table.requirements)
    told = "; ".join(f"{key} at most {value:g}" for key, value in limits.items()) or "figures are told"
    return Check(
        f"TUNING-{name}", "tuning", table.title or f"Tuning of {name}", told, tuple(runs), names, names, requirements
    )  # fmt: skip


def requirement_formulas(reading: Reading) -> dict[str, tuple[RequirementTable, str, Formula | None]]:
    """Table, text and formula by id: the rig's and those of commission.toml."""
    found = {}
    names = [*reading.rig.requirements, *(n for n in reading.table.requirements if n not in reading.rig.requirements)]
    for name in names:
        table = reading.table.requirements.get(name, RequirementTable())
        text = table.formula or reading.rig.requirements.get(name, "")
        if not text:
            mend = "Give formula, or the name of one of the rig's [requirements]"
            reading.note(("requirements", name), "has no formula", mend)
            continue
        found[name] = (table, text, reading.formula(("requirements", name, "formula"), text))
    return found


def requirement_checks(
    reading: Reading, formulas: dict[str, tuple[RequirementTable, str, Formula | None]]
) -> list[Check]:
    """A run of its own for each; that it holds is judged over this and all other runs it is asked of."""
    found = []
    for name, (table, text, formula) in formulas.items():
        acts = reading.acts(("requirements", name, "do"), table.do)
        horizon = formula.least_s if formula is not None else 0.0
        seconds = table.seconds or max(reading.table.commission.nominal_s, horizon + 1.0)
        signals = sorted(formula.signals) if formula is not None else []
        names = tuple(signal for signal in signals if signal in reading.rig.signals)
        title = table.text or f"Requirement {name}"
        run = Run(seconds, acts, ())
        found.append(Check(f"REQ-{name}", "requirement", title, text, (run,), names, names, (name,)))
    return found
