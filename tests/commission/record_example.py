"""Results of a commissioning as its checks give them, of a tank with a few findings: what the record's tests show."""

from __future__ import annotations

import math
from dataclasses import replace

from hil.commission.record_coverage import Coverage, Point
from hil.commission.results import (
    Cell,
    Conditions,
    Deviation,
    Forced,
    Item,
    Observation,
    RequirementResult,
    Results,
    TagResult,
    Trend,
    Verdict,
)

OK, BAD, BROKE, LEFT = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_COMPLETED, Verdict.NOT_RUN
PROGRAM = """PROGRAM tank
VAR
  level AT %IW0 : INT;
  pump AT %QX0.0 : BOOL;
  alarm : TON;
END_VAR
alarm(IN := level > 190, PT := T#2s);
IF alarm.Q THEN
  pump := FALSE;
ELSE
  pump := level < 150;
END_IF;
END_PROGRAM
"""


def loop(tag: str, scale: float = 1.0, span: float = 0.2) -> Item:
    """Five points; a scale that is not 1 is found at all but the first."""
    seen = []
    for percent in (0, 25, 50, 75, 100):
        true = span * percent / 100
        value = true * scale + 2e-5 * math.sin(percent)
        ok = abs(value - true) <= 0.001
        note = "" if ok else f"as if scaled by {scale:g}"
        seen.append(Observation(tag, f"{percent} %", true, true, value, ok, 0.001, "m", 10 * percent, 1.0, note))
    bad = [o for o in seen if not o.ok]
    return Item(
        f"LOOP-{tag}",
        "loop",
        f"Loop check of {tag}",
        "The controller sees what was applied, at five points",
        BAD if bad else OK,
        f"{len(bad)} of 5 points are out of tolerance" if bad else "",
        (*seen, Observation(tag, "above the range", 0.22, "bad", "bad", True)),
        tags=(tag,),
        seconds=12.0,
    )


def step_trends() -> tuple[Trend, ...]:
    """A level after a step of its setpoint, with a gap; and the pump."""
    t = tuple(0.05 * i for i in range(1200))
    level = tuple(None if 30 < x < 31 else 0.15 - 0.05 * math.exp(-x / 8) * math.cos(x / 4) for x in t)
    pump = tuple(3 + 2 * math.exp(-x / 6) * math.cos(x / 4) for x in t)
    return (
        Trend("plant.h1", "m", t, level),
        Trend("setpoint.h1", "m", t, (0.15,) * 1200),
        Trend("pump.v1", "V", t, pump),
    )


def items() -> tuple[Item, ...]:
    alarm = tuple(
        Observation("plc.alarm_h1", what, 0.195, wanted, got, ok, time_s=at, tick=int(1000 * at))
        for what, wanted, got, ok, at in (
            ("not before the delay", "not plc.alarm_h1", "held from 1 s to 2.9 s", True, 2.9),
            ("after the delay", "after 2 s to 2.2 s", "after 2.01 s", True, 3.01),
            ("latched", "plc.alarm_h1", "did not hold at 5.2 s", False, 5.2),
        )
    )
    kpi = [("rise time", 8.2, "at most 10", "s", True), ("overshoot", 14.2, "at most 10", "%", False)]
    kpi += [("settling time", 31.0, "at most 40", "s", True), ("IAE", 0.412, "at most 0.5", "m s", True)]
    figures = tuple(Observation("plant.h1", w, None, e, o, ok, unit=u) for w, o, e, u, ok in kpi)
    return (
        loop("sensor.h1"),
        loop("sensor.h2", scale=1.1),
        loop("pump.v1"),
        Item(
            "BIN-plc.enable",
            "binary",
            "On and off of plc.enable",
            "Both states arrive",
            OK,
            observations=(
                Observation("plc.enable", "on", 1, 1, 1.0, True),
                Observation("plc.enable", "off", 0, 0, 0.0, True),
            ),
        ),
        Item(
            "WIRE-sensor.h1",
            "wire_break",
            "Wire break of sensor.h1",
            "The alarm comes and the pump stops within 1 s",
            OK,
        ),
        Item(
            "ALARM-h1-high",
            "alarm",
            "High level of tank 1",
            "Alarm 2 s after 0.19 m, latched until acknowledged",
            BAD,
            "the latch reset itself at 5.2 s",
            alarm,
            step_trends(),
            ("R-2",),
            tags=("plc.alarm_h1",),
            seconds=9.0,
        ),
        Item(
            "TRIP-1",
            "trip",
            "Pump 1 trips on high level",
            "pump.v1 = 0 within 500 ms",
            OK,
            cells=("high level 1:pump 1 off",),
        ),
        Item(
            "SEQ-start", "sequence", "Start-up", "idle, filling, running in at most 60 s", OK, trends=step_trends()[:2]
        ),
        Item(
            "SAFE-comm",
            "fail_safe",
            "Loss of communication",
            "Outputs go to their safe values within 1 s",
            LEFT,
            "needs a wire: run it with --time lockstep",
        ),
        Item(
            "SCAN",
            "timing",
            "Scan time",
            "at most 10 ms",
            OK,
            observations=(Observation("plc.scan", "worst", None, "at most 10", 3.2, True, unit="ms"),),
        ),
        Item(
            "TUNE-h1-10cm",
            "tuning",
            "Step of level 1 at 0.10 m",
            "Figures within limits",
            BAD,
            "overshoot 14.2 %",
            figures,
            step_trends(),
            ("R-1",),
        ),
        Item(
            "TUNE-h1-15cm",
            "tuning",
            "Step of level 1 at 0.15 m",
            "Figures within limits",
            OK,
            "",
            tuple(replace(o, ok=True, observed=7.5) for o in figures),
        ),
    )


def results() -> Results:
    """A completed run with three findings."""
    cells = []
    for cause in ("high level 1", "high level 2", "emergency stop", "wire break of sensor.h1"):
        for effect in ("pump 1 off", "pump 2 off", "alarm horn", "valve shut"):
            expected = "X" if cause == "emergency stop" or cause[-1] == effect[5:6] or effect == "alarm horn" else ""
            wrong = (cause, effect) == ("high level 2", "pump 1 off")
            reason = "must not act, but pump 1 went off after 0.4 s" if wrong else ""
            cells.append(Cell(cause, effect, expected, BAD if wrong else OK, reason))
    tags = tuple(
        TagResult(name, way, kind, form, unit, place, touched, findings, about, verdict)
        for name, way, kind, form, unit, place, touched, findings, about, verdict in (
            (
                "sensor.h1",
                "write",
                "analogue",
                "INT",
                "m",
                "holding_register 0 (4x00001)",
                True,
                (),
                ("LOOP-sensor.h1", "WIRE-sensor.h1"),
                OK,
            ),
            (
                "sensor.h2",
                "write",
                "analogue",
                "INT",
                "m",
                "holding_register 1 (4x00002)",
                True,
                (),
                ("LOOP-sensor.h2",),
                BAD,
            ),
            ("pump.v1", "read", "analogue", "INT", "V", "input_register 0 (3x00001)", True, (), ("LOOP-pump.v1",), OK),
            ("plc.enable", "write", "binary", "BOOL", "", "coil 0 (0x00001)", True, (), ("BIN-plc.enable",), OK),
            (
                "plc.spare",
                "read",
                "binary",
                "BOOL",
                "",
                "discrete_input 7 (1x00008)",
                False,
                ("in the tag list, not in the rig",),
                (),
                BAD,
            ),
        )
    )
    requirements = (
        RequirementResult(
            "R-1",
            "Level 1 never runs over",
            "G(plant.h1 < 0.2)",
            OK,
            "",
            ("TUNE-h1-10cm", "SEQ-start"),
            0.041,
            "TUNE-h1-10cm",
        ),
        RequirementResult(
            "R-2",
            "A high level is told until somebody has seen it",
            "G(plc.alarm_h1 -> plc.alarm_h1 until plc.ack)",
            BAD,
            "broken in ALARM-h1-high",
            ("ALARM-h1-high",),
            -1.0,
            "ALARM-h1-high",
            5.2,
        ),
        RequirementResult("R-3", "Pumps stop when the PLC stops", "", LEFT, "no check names it"),
    )
    punch = (
        Deviation(1, "LOOP-sensor.h2", "sensor.h2 is seen as if scaled by 1.1", ("sensor.h2",)),
        Deviation(2, "ALARM-h1-high", "The latch of the high-level alarm resets itself", ("plc.alarm_h1",)),
        Deviation(3, "TUNE-h1-10cm", "Overshoot 14.2 %, at most 10 % allowed", ("plant.h1",)),
    )
    conditions = Conditions(
        "quad_tank",
        "Quadruple tank, pump house <A & B>",
        "virtual",
        {"plc": "mil"},
        {"hil": "0.1.0", "python": "3.11.7"},
        "00c0ffee00c0ffee",
        {},
        "2026-03-02T09:15:00+00:00",
        "2026-03-02T09:15:41+00:00",
        1,
        0.001,
        812.5,
        {"plc": "program"},
        scope=("SAFE-comm: needs a wire",),
    )
    forced = (Forced("sensor.h1", ("LOOP-sensor.h1",), True), Forced("plc.enable", ("BIN-plc.enable",), True))
    return Results(conditions, items(), tags, tuple(cells), requirements, punch, forced)


def good() -> Results:
    """The same where everything held."""
    found = results()
    held = [
        replace(
            i,
            verdict=OK if i.verdict is BAD else i.verdict,
            reason="" if i.verdict is BAD else i.reason,
            observations=tuple(replace(o, ok=True, note="") for o in i.observations),
        )
        for i in found.items
    ]
    return replace(
        found,
        items=tuple(loop("sensor.h2") if i.id == "LOOP-sensor.h2" else i for i in held),
        tags=tuple(replace(t, verdict=OK, findings=()) for t in found.tags),
        cells=tuple(replace(c, verdict=OK, reason="") for c in found.cells),
        requirements=tuple(
            replace(r, verdict=OK if r.verdict is BAD else r.verdict, reason="") for r in found.requirements
        ),
        punch_list=(),
    )


def coverage() -> Coverage:
    """Of PROGRAM; the branch that stops the pump was not taken."""
    at = (("statement", 7, 40, ""), ("statement", 8, 40, ""), ("branch", 8, 0, "true"), ("branch", 8, 40, "false"))
    at += (("statement", 9, 0, ""), ("statement", 11, 40, ""))
    return Coverage(
        tuple(Point("plc/tank.st", n, kind, count, label) for kind, n, count, label in at), {"plc/tank.st": PROGRAM}
    )
