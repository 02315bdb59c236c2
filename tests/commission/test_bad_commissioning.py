"""Mistakes in commission.toml and its tables: one line each, with the file, the key and the mend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hil.commission.spec import load_spec
from hil.errors import HilError
from hil.rig import load_rig

Copy = Callable[..., Path]
TOML, ALARMS, MATRIX = (f"commission/{name}" for name in ("commission.toml", "alarms.csv", "matrix.csv"))
LIMIT = "above,80cm,4cm,500ms,yes,cmd.ack = 1 for 100ms"
FULL = "FULL,sensor.level1 > 80cm,,cmd.ack = 1 for 100ms,L 500ms..700ms,L 450ms..550ms"
CASES = [
    (TOML, "settle_s = 20.0", "settel_s = 20.0",
     "commission.toml:2: commission.settel_s: unknown key. Did you mean settle_s?"),
    (TOML, "settle_s = 20.0", 'settle_s = "long"',
     "commission.toml:2: commission.settle_s = \"long\": must be a number"),
    (TOML, "settle_s = 20.0", "settle_s = -1.0", "commission.toml:2: commission.settle_s"),
    (TOML, '"tags.csv"', '"tag.csv"', "commission.tag_list: there is no file tag.csv. Did you mean tags.csv?"),
    (TOML, '"tags.csv"', '"../../../x.csv"', "lies outside the rig's folder"),
    (TOML, "plc.step == 0 and not plc.alarm and", "plc.stop == 0 and",
     "there is no signal 'plc.stop'. Did you mean plc.step?"),
    (TOML, 'seen = "plc.level1"', 'seen = "plc.levle1"', 'loops."sensor.level1".seen'),
    (TOML, '[loops."plc.scan"]', '[loops."plc.scam"]', "'plc.scam' is no tag of plc. Did you mean plc.scan?"),
    (TOML, '"sensor.level2 = 1cm"]\noff', '"sensor.level2 = 1kg"]\noff', "unit 'kg' does not convert to 'm'"),
    (TOML, '"cmd.start = 1 at 500ms for 100ms"]', '"cmd.start 1"]', "'cmd.start 1' is no act"),
    (TOML, '"sensor.level2 = 50cm"', '"sensor.levle2 = 50cm"',
     "can neither be forced nor set. Did you mean sensor.level2?"),
    (TOML, 'path = ["idle", "purge", "run", "idle"]', 'path = ["idle", "run"]',
     "idle > run is no permitted transition"),
    (TOML, 'from = "run", to = "idle"', 'from = "run", to = "idel"', "there is no state 'idel'. Did you mean idle?"),
    (TOML, 'forbidden = [{ from = "idle", to = "run" }]', 'forbidden = [{ from = "idle", to = "purge" }]',
     "is permitted as well"),
    (TOML, "communication = true", "communication = false", "needs a cause"),
    (TOML, "plc.level2\"\nwire_break = { low = \"plc.low\", within_s = 0.2 }",
     "plc.level2\"\nrequirements = [\"NONE\"]", "there is no requirement 'NONE'"),
    (TOML, 'formula = "rise(plc.alarm) -> F[0s,0.3s] valve.u < 1mV"', "", "requirements.CLOSED: has no formula"),
    (TOML, "[timing.scan]", "[timing.scan", "broken TOML"),
    (ALARMS, "alarm,signal,on", "alarm,sensor,on", "alarms.csv:1: the column signal is missing"),
    (ALARMS, LIMIT, "over,80cm,4cm,500ms,yes,cmd.ack = 1", "alarms.csv:2: on: 'over' is neither above nor below"),
    (ALARMS, LIMIT, "above,much,4cm,500ms,yes,cmd.ack = 1", "alarms.csv:2: limit: 'much' is not a number"),
    (ALARMS, LIMIT, "above,80cm,4cm,500ms,yes,", "alarms.csv:2: acknowledge: is missing for an alarm that latches"),
    (ALARMS, LIMIT, "above,80cm,4cm,5,yes,cmd.ack = 1", "alarms.csv:2: delay: '5' in '5' is not a time"),
    (ALARMS, LIMIT, f"{LIMIT},,,,,,", "cells, the header has 8"),
    (MATRIX, "effect,,,,valve.u < 1mV,plc.alarm\n", "", "there are 0 rows 'effect'"),
    (MATRIX, "X 200ms,-", "Y 200ms,-", "matrix.csv:4: CLOSE: 'Y 200ms' is no cell of a matrix"),
    (MATRIX, "X 200ms,-", "X soon,-", "matrix.csv:4: CLOSE: 'soon'"),
    (MATRIX, "L 450ms..550ms", "L 600ms..550ms", "it would act before it may. Write 550ms..600ms"),
    (MATRIX, "sensor.level2 < 5cm", "sensor.level2 + 1cm < sensor.level1",
     "does not say how the cause is brought about"),
    # A matrix that contradicts itself.
    (MATRIX, FULL, f"{FULL}\n{FULL}", "the cause FULL stands in line 3 as well"),
    (MATRIX, FULL, f"{FULL}\nFULLER,sensor.level1 > 90cm,,cmd.ack = 1,-,L",
     "FULLER (sensor.level1 > 90cm) must not have the effect CLOSE, but with it always comes FULL"),
    (MATRIX, FULL, f"{FULL}\nAGAIN,sensor.level1 > 0.8m,,cmd.ack = 1,L,-",
     "AGAIN (sensor.level1 > 0.8m) must not have the effect ALARM"),
    (MATRIX, "valve.u < 1mV,plc.alarm", "valve.u < 1mV,valve.u > 5V",
     "FULL has the effects CLOSE and ALARM, which exclude each other"),
    (MATRIX, "effect,,,,valve.u < 1mV,plc.alarm", "effect,,,,valve.u < 1mV,valve.u < 1V",
     "LOW2 has the effect CLOSE, with which always comes ALARM"),
    (MATRIX, FULL, FULL.replace("cmd.ack = 1 for 100ms", ""), "is latched, and nothing says how it is acknowledged"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "words"), CASES, ids=[words[-40:] for *_, words in CASES])
def test_a_mistake_is_one_line_that_names_it(file: str, old: str, new: str, words: str, vessel: Copy) -> None:
    folder = vessel((old, new), file=file)
    with pytest.raises(HilError) as caught:
        load_spec(load_rig(folder))
    lines = [line for line in str(caught.value).splitlines() if words in line]
    assert len(lines) == 1, str(caught.value)
    assert lines[0].startswith(("commission.toml", "alarms.csv", "matrix.csv"))


def test_all_mistakes_of_a_file_are_told_at_once(vessel: Copy) -> None:
    vessel(("settle_s = 20.0", "settel_s = 20.0"), ("nominal_s = 5.0", "nominal_s = false"), file=TOML)
    with pytest.raises(HilError) as caught:
        load_spec(load_rig(vessel()))
    assert len(str(caught.value).splitlines()) == 2


def test_a_rig_without_a_commissioning_is_told_what_to_write(vessel: Copy) -> None:
    folder = vessel()
    (folder / TOML).unlink()
    with pytest.raises(HilError, match=r"has no commission/commission\.toml"):
        load_spec(load_rig(folder))
