"""[requirements] of a rig: read before the run, judged by its recording, shown and counted at the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hil.checks import check_rig
from hil.requirements import FormulaError
from hil.requirements.in_rig import requirements_of
from hil.rig import load_rig

Hil = Callable[..., Any]
Copy = Callable[..., Path]
HEIGHT = "REQ-1 = 'sensor.h < 20cm'"
FOLLOWS = "REQ-2 = 'fault.sensor.h -> F[0s,2s] controller.alarm'"


@pytest.fixture
def rig(rig_copy: Copy) -> Callable[..., Path]:
    """The tank with requirements, as lines of TOML."""

    def make(*lines: str) -> Path:
        place = rig_copy("tank_level")
        toml = place / "rig.toml"
        toml.write_text(toml.read_text() + "\n[requirements]\n" + "\n".join(lines) + "\n")
        return place

    return make


def run(hil: Hil, place: Path, *arguments: object) -> tuple[int, dict[str, Any]]:
    ended = hil("run", place, "--virtual", "--duration", 6, "--record", place / "rec", "--json", *arguments)
    return ended.returncode, json.loads(ended.stdout)


def test_what_holds_passes_and_what_is_broken_fails_the_run(rig: Callable[..., Path], hil: Hil) -> None:
    code, found = run(hil, rig(HEIGHT))
    assert (code, found["requirements"]["REQ-1"]["satisfied"]) == (0, True)
    assert found["requirements"]["REQ-1"]["robustness"] > 0.05
    code, found = run(hil, rig(HEIGHT), "--fault", "sensor.h=bias(15cm)@2s..3s")
    broken = found["requirements"]["REQ-1"]
    assert (code, broken["satisfied"], broken["at_s"]) == (1, False, 2.0)
    assert broken["robustness"] < 0.0
    assert (found["passed"], found["reason"]) == (False, "requirements not met: REQ-1")
    page = Path(found["report"]).read_text(encoding="utf-8")
    assert '<section id="requirements">' in page
    assert "broken at 2 s" in page
    assert "Requirements not met: REQ-1" in page


def test_a_requirement_that_the_run_is_too_short_for_is_not_met(rig: Callable[..., Path], hil: Hil) -> None:
    code, found = run(hil, rig("LONG = 'G[0s,60s](sensor.h < 20cm)'"), "--no-report")
    judged = found["requirements"]["LONG"]
    assert (code, judged["satisfied"]) == (1, None)
    assert "beyond the end of the trace" in judged["why"]


def test_a_formula_that_cannot_be_is_found_before_the_run(rig: Callable[..., Path], hil: Hil) -> None:
    place = rig("REQ-1 = 'sensor.hh < 20cm'")
    (found,) = [str(f) for f in check_rig(load_rig(place)) if f.severity == "error"]
    assert "requirements.REQ-1" in found
    assert "Did you mean sensor.h?" in found
    ended = hil("run", place, "--virtual", "--duration", 1, "--record", place / "rec")
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert not (place / "rec").exists()


def test_what_is_not_recorded_is_named(rig: Callable[..., Path]) -> None:
    place = rig(HEIGHT)
    toml = place / "rig.toml"
    toml.write_text(toml.read_text() + '\n[record.few]\nnames = ["plant.h"]\n')
    with pytest.raises(FormulaError, match=r"sensor\.h is not recorded, so nothing can judge it"):
        requirements_of(load_rig(place))


def test_a_fault_may_stand_in_a_requirement(rig: Callable[..., Path], hil: Hil) -> None:
    code, found = run(hil, rig(FOLLOWS), "--fault", "sensor.h=bias(1mm)@2s..3s", "--no-report")
    assert (code, found["requirements"]["REQ-2"]["at_s"]) == (1, 2.0)
