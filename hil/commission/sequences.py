"""Sequences and changes of mode as checks."""

from __future__ import annotations

from itertools import pairwise

from hil.commission.check import Check, Run, expect
from hil.commission.reading import Reading
from hil.commission.tables import ModeTable, SequenceTable
from hil.nearest import did_you_mean


def sequence_checks(reading: Reading) -> list[Check]:
    """One item a chart, with a run for each way through it."""
    return [_sequence(reading, name, table) for name, table in reading.table.sequences.items()]


def _sequence(reading: Reading, name: str, table: SequenceTable) -> Check:
    where = ("sequences", name)
    names = reading.signals_in((*where, "states"), table.states.values())
    _check_states(reading, name, table)
    allowed = [(t.source, t.to, t.min_s, float("inf") if t.max_s is None else t.max_s) for t in table.transitions]
    for n, t in enumerate(table.forbidden):
        if (t.source, t.to) in [(a, b) for a, b, _, _ in allowed]:
            reading.note((*where, "forbidden", n), f"{t.source} > {t.to} is permitted as well", "Take one away")
    runs = []
    for n, way in enumerate(table.runs):
        acts = reading.acts((*where, "runs", n, "do"), way.do)
        args = {"states": table.states, "transitions": allowed, "timeouts": table.timeouts, "tag": name}
        judged = expect("follows", tuple(way.path), **args)
        runs.append(Run(way.seconds, acts, (judged,), title=way.title))
    told = "; ".join(" > ".join(way.path) for way in table.runs)
    requirements = reading.known_requirements((*where, "requirements"), table.requirements)
    return Check(
        f"SEQUENCE-{name}", "sequence", table.title or f"Sequence {name}", told, tuple(runs), names, names, requirements
    )  # fmt: skip


def _check_states(reading: Reading, name: str, table: SequenceTable) -> None:
    """Every state that is named is declared, and a way does not ask for what is forbidden."""
    where = ("sequences", name)
    pairs = {(t.source, t.to) for t in table.transitions}
    used: list[tuple[tuple[str | int, ...], str]] = [((*where, "timeouts"), state) for state in table.timeouts]
    for key, changes in (("transitions", table.transitions), ("forbidden", table.forbidden)):
        used += [((*where, key, n), state) for n, t in enumerate(changes) for state in (t.source, t.to)]
    for n, way in enumerate(table.runs):
        used += [((*where, "runs", n, "path"), state) for state in way.path]
        for a, b in pairwise(way.path):
            if (a, b) not in pairs:
                mend = f'Add {{ from = "{a}", to = "{b}" }} to transitions'
                reading.note((*where, "runs", n, "path"), f"{a} > {b} is no permitted transition", mend)
    for place, state in used:
        if state not in table.states:
            reading.note(place, f"there is no state '{state}'", did_you_mean(state, table.states))


def mode_checks(reading: Reading) -> list[Check]:
    """One item for each change of mode."""
    return [_mode(reading, name, table) for name, table in reading.table.modes.items()]


def _mode(reading: Reading, name: str, table: ModeTable) -> Check:
    where = ("modes", name)
    output = reading.signal((*where, "output"), table.output)
    # Behind the gate a jump may already be a ramp: what the controller wanted is looked at.
    signal = reading.rig.signals.get(output)
    looked_at = f"{output}.raw" if signal is not None and signal.path else output
    limit = reading.quantity((*where, "limit"), table.limit, reading.unit(output))
    expects = [expect("steps", looked_at, from_s=0.0, to_s=table.seconds, limit=limit, what="largest step", tag=output)]
    for n, condition in enumerate(table.hold):
        reading.condition((*where, "hold", n), condition)
        expects.append(expect("holds", condition, from_s=0.0, to_s=table.seconds, tag=output))
    for n, condition in enumerate(table.become):
        reading.condition((*where, "become", n), condition)
        expects.append(expect("becomes", condition, after_s=0.0, within_s=table.seconds, tag=output))
    run = Run(table.seconds, reading.acts((*where, "do"), table.do), tuple(expects))
    requirements = reading.known_requirements((*where, "requirements"), table.requirements)
    told = f"no change of {output} from one sample to the next by more than {limit:g}"
    title = table.title or f"Change of mode {name}"
    return Check(f"MODE-{name}", "mode", title, told, (run,), (output,), (output,), requirements)
