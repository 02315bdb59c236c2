"""Loop checks: every tag from end to end, at five points and beyond, on and off, and with a broken line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hil.commission.acts import Act
from hil.commission.check import Check, Expect, Run, expect
from hil.commission.reading import Reading
from hil.commission.tables import LoopTable
from hil.iomap import IoTag
from hil.nearest import did_you_mean
from hil.rig import RoleTag

POINTS = (0, 25, 50, 75, 100)
BEYOND = 2.5  # percent: NE 43 ends its measuring range at 3.8 mA and 20.5 mA, 1.25 % below and 3.1 % above
BOOL = 0  # kind of a register (hil.iomap.TYPES)
BROKEN_S = 1.0
START_S = 0.2  # what is seen before anything is done


@dataclass(frozen=True)
class Tag:
    """One tag that crosses the role's boundary.

    Attributes:
        to_controller: True: bench -> controller.
        binary: a bool.
        low, high: 0 % and 100 % of what is applied.
        io: its register; None where there is no wire.
    """

    signal: str
    to_controller: bool
    binary: bool
    low: float
    high: float
    tolerance: float
    unit: str | None
    table: LoopTable
    register: RoleTag
    io: IoTag | None

    def at(self, percent: float) -> float:
        """The value there."""
        return round(self.low + percent / 100 * (self.high - self.low), 12)


def loop_tags(reading: Reading) -> list[Tag]:
    """All tags of the role, in the order of its I/O map."""
    role, device = reading.role, reading.rig.devices.get(reading.role.device or "")
    by_name = {tag.tag: tag for tag in device.tags} if device else {}
    found = []
    for tags, to_controller in ((role.inputs, True), (role.outputs, False)):
        found += [_tag(reading, tag, to_controller, by_name.get(tag.signal)) for tag in tags]
    for name in reading.table.loops:
        if name not in [tag.signal for tag in found]:
            mend = did_you_mean(name, [tag.signal for tag in found])
            reading.note(("loops", name), f"'{name}' is no tag of {role.name}", mend)
    return found


def _tag(reading: Reading, tag: RoleTag, to_controller: bool, io: IoTag | None) -> Tag:
    table = reading.table.loops.get(tag.signal, LoopTable())
    where = ("loops", tag.signal)
    signal = reading.rig.signals[tag.signal]
    low, high = signal.range or signal.limits or (0.0, 1.0)
    if table.range is not None:
        low, high = (reading.quantity((*where, "range"), value, signal.unit) for value in table.range)
    percent = reading.table.commission.tolerance_percent
    tolerance = percent / 100 * abs(high - low)
    if table.tolerance is not None:
        tolerance = reading.quantity((*where, "tolerance"), table.tolerance, signal.unit)
    binary = tag.kind == BOOL or signal.unit == "bool" or bool(table.on or table.off)
    return Tag(tag.signal, to_controller, binary, low, high, tolerance, signal.unit, table, tag, io)


def loop_checks(reading: Reading, tags: list[Tag], level: str) -> list[Check]:
    """Items of all tags; `level` is the role's, by which it depends what can be seen of the controller's inside."""
    found: list[Check] = []
    for tag in tags:
        found += _binary(reading, tag, level) if tag.binary else _analogue(reading, tag, level)
    return found


def _where(tag: Tag, key: str) -> tuple[str, str, str]:
    return ("loops", tag.signal, key)


def _item(reading: Reading, tag: Tag, prefix: str, kind: str, title: str, expectation: str, **more: object) -> Check:
    requirements = reading.known_requirements(_where(tag, "requirements"), tag.table.requirements)
    return Check(
        f"{prefix}-{tag.signal}", kind, title, expectation, tags=(tag.signal,), requirements=requirements, **more  # type: ignore[arg-type]
    )  # fmt: skip


def _seen(reading: Reading, tag: Tag, level: str) -> tuple[str, tuple[str, ...]]:
    """Where a tag to the controller is read, and what of it is not recorded by itself; ("", ()): nowhere."""
    if tag.table.seen:
        return reading.expression(_where(tag, "seen"), tag.table.seen), ()
    inner = f"{reading.role.name}/{tag.signal}"
    return (inner, (inner,)) if level in ("mil", "sil") else ("", ())


# ---- analogue ----


def _analogue(reading: Reading, tag: Tag, level: str) -> Iterator[Check]:
    direction = "to the controller" if tag.to_controller else "from the controller"
    title = f"Loop {tag.signal}, {direction}"
    seen, also = _seen(reading, tag, level) if tag.to_controller else (tag.table.arrives or tag.signal, ())
    told = f"{tag.low:g} to {tag.high:g} {tag.unit or ''}, seen at {seen or 'nothing'} within {tag.tolerance:.4g}"
    why = _why_not(reading, tag, seen)
    if why:
        yield _item(reading, tag, "LOOP", "loop", title, told, why_not=why)
    else:
        run = _points(reading, tag, seen, also)
        yield _item(reading, tag, "LOOP", "loop", title, told, runs=(run,), trend=(tag.signal,))
    if reading.rig.signals[tag.signal].range is not None and reading.rig.signals[tag.signal].path:
        yield from _broken(reading, tag, seen, also)


def _why_not(reading: Reading, tag: Tag, seen: str) -> str:
    key = f'loops."{tag.signal}"'
    if tag.table.skip:
        return tag.table.skip
    if not tag.to_controller and not tag.table.drive:
        return f"nothing says how it is driven: give {key}.drive"
    if tag.to_controller and not seen:
        return f"nothing reads it back over a wire: give {key}.seen"
    if tag.to_controller and not reading.rig.signals[tag.signal].path:
        return "it cannot be forced: give path = true in [signals]"
    return ""


def _points(reading: Reading, tag: Tag, seen: str, also: tuple[str, ...]) -> Run:
    percents = [float(p) for p in POINTS]
    if tag.table.beyond:
        percents += [-BEYOND, 100 + BEYOND]
    acts: list[Act] = []
    expects: list[Expect] = []
    for n, percent in enumerate(percents):
        begin, value = round(n * tag.table.settle_s, 9), tag.at(percent)
        acts += [act.later(begin) for act in _drive(reading, tag, value)]
        expected = _expected(reading, tag, value)
        tolerance = tag.tolerance
        at_s = round(begin + tag.table.settle_s, 9) - reading.rig.period_s
        expects.append(
            expect("value", seen, at_s=round(at_s, 9), expected=expected, tolerance=tolerance,
                   what=_point_text(percent), applied=value, tag=tag.signal)
        )  # fmt: skip
    return Run(round(len(percents) * tag.table.settle_s, 9), tuple(acts), tuple(expects), also)


def _point_text(percent: float) -> str:
    name = f"{percent:g} %"
    return f"out of range, {name}" if percent not in POINTS else name


def _drive(reading: Reading, tag: Tag, value: float) -> tuple[Act, ...]:
    if tag.to_controller:
        return (Act("force", tag.signal, value),)
    return reading.acts(_where(tag, "drive"), tag.table.drive, value=value)


def _expected(reading: Reading, tag: Tag, value: float) -> float | str:
    """What has to be seen: as far as register and equipment limits let it through."""
    if tag.table.expected:
        text = tag.table.expected.replace("{value}", f"{value:.12g}")
        return reading.expression(_where(tag, "expected"), text)
    low, high = tag.io.value_range if tag.io else (-float("inf"), float("inf"))
    limits = reading.rig.signals[tag.signal].limits or (low, high)
    return min(max(value, low, limits[0]), high, limits[1])


# ---- a broken line ----


def _broken(reading: Reading, tag: Tag, seen: str, also: tuple[str, ...]) -> Iterator[Check]:
    """Of a sensor 3.6 mA and 21 mA; of an actuator no current at all: it goes to the low end of its range."""
    table = tag.table.wire_break
    ends = ("low", "high") if tag.to_controller else ("low",)
    wanted = {"low": table.low, "high": table.high}
    if not tag.to_controller and not table.low:
        return
    runs = tuple(_break_run(reading, tag, seen, also, end, wanted[end]) for end in ends)
    told = "recognised as a value outside the range" if tag.to_controller and seen else "its reaction"
    told += "".join(f"; {end}: {wanted[end]} within {table.within_s:g} s" for end in ends if wanted[end])
    names = (tag.signal, *reading.signals_in(_where(tag, "wire_break"), wanted.values()))
    title = f"Wire break of {tag.signal}"
    why = tag.table.skip or (
        "" if seen or any(wanted.values()) else "nothing reads it back, and no reaction is promised"
    )
    yield _item(reading, tag, "WIRE", "wire_break", title, told, runs=() if why else runs, trend=names, why_not=why)


def _break_run(reading: Reading, tag: Tag, seen: str, also: tuple[str, ...], end: str, wanted: str) -> Run:
    signal = reading.rig.signals[tag.signal]
    low, high = signal.range or (0.0, 1.0)
    fault = f"{tag.signal}=wire_break({end})"
    if not tag.to_controller:
        fault = f"{tag.signal}=stuck({max(low, signal.limits[0] if signal.limits else low):.12g})"
    acts = (Act("fault", fault, 0.0, START_S, BROKEN_S),)
    last = round(START_S + BROKEN_S, 9)
    expects = []
    if seen and tag.to_controller and not tag.table.expected:
        beyond = f"{seen} < {low:.12g}" if end == "low" else f"{seen} > {high:.12g}"
        judge = "below" if end == "low" else "above"
        limit = low if end == "low" else high
        expects.append(
            expect(
                judge,
                seen,
                limit=limit,
                from_s=round(last - 0.5, 9),
                to_s=last,
                what=f"{end}: {beyond}",
                tag=tag.signal,
            )
        )
    if wanted:
        reading.condition(_where(tag, "wire_break"), wanted)
        within = tag.table.wire_break.within_s
        expects.append(
            expect("becomes", wanted, after_s=START_S, within_s=within, what=f"{end}: reaction", tag=tag.signal)
        )
    return Run(round(last + START_S, 9), acts, tuple(expects), also, title=end)


# ---- binary ----


def _binary(reading: Reading, tag: Tag, level: str) -> Iterator[Check]:
    title = f"On and off of {tag.signal}, {'to' if tag.to_controller else 'from'} the controller"
    within = tag.table.within_s
    if tag.table.skip:
        yield _item(reading, tag, "BINARY", "binary", title, "", why_not=tag.table.skip)
        return
    on: tuple[Act, ...]
    off: tuple[Act, ...]
    if tag.to_controller:
        seen, also = _seen(reading, tag, level)
        on, off = (Act("force", tag.signal, 1.0),), (Act("force", tag.signal, 0.0),)
        why = "" if seen else f'nothing reads it back over a wire: give loops."{tag.signal}".seen'
    else:
        seen, also = tag.table.arrives or tag.signal, ()
        on = reading.acts(_where(tag, "on"), tag.table.on)
        off = reading.acts(_where(tag, "off"), tag.table.off)
        why = "" if on and off else f'nothing says how it is switched: give loops."{tag.signal}".on and .off'
    expectation = f"follows within {within:g} s, seen at {seen or 'nothing'}"
    if why:
        yield _item(reading, tag, "BINARY", "binary", title, expectation, why_not=why)
        return
    run = _switched(tag, seen, also, on, off, within)
    yield _item(reading, tag, "BINARY", "binary", title, expectation, runs=(run,), trend=(tag.signal,))


def _switched(
    tag: Tag, seen: str, also: tuple[str, ...], on: tuple[Act, ...], off: tuple[Act, ...], within: float
) -> Run:
    """On, off and on again, so that either is seen to be reached from the other."""
    acts: list[Act] = []
    expects: list[Expect] = []
    t = 0.0
    for what, chosen, value in (("off", off, 0.0), ("on", on, 1.0), ("off again", off, 0.0)):
        acts += [act.later(t) for act in chosen]
        t = round(t + within + max((act.at_s + (act.for_s or 0.0) for act in chosen), default=0.0), 9)
        expects.append(
            expect(
                "value",
                seen,
                at_s=round(t - 0.001, 9),
                expected=value,
                tolerance=0.25,
                what=what,
                applied=what,
                tag=tag.signal,
            )
        )
    return Run(t, tuple(acts), tuple(expects), also)
