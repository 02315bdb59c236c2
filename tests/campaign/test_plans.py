"""Plans, spaces, searches, verdicts and figures, each alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hil.campaign import Request, run_campaign
from hil.campaign.heat import Counts
from hil.campaign.plan import Search
from hil.campaign.plan_file import load_plan
from hil.campaign.search import points
from hil.campaign.space import Dimension, Space
from hil.campaign.statistics import clopper_pearson
from hil.errors import BenchError, RigError
from hil.rig import load_rig

OVEN = Path(__file__).parent / "rigs" / "oven"
Plan = Callable[..., str]
MISTAKES = [
    (('signal = "sensor.a"', 'signal = "sensor.aa"'), 'faults.a.signal = "sensor.aa": no fault can act on this signal'),
    (("bias(-40..40)", "bios(-40..40)"), "there is no fault 'bios'. Did you mean bias?"),
    (("bias(-40..40)", "bias(-40..40 m)"), "m cannot become K"),
    (("start_s = [1.0, 6.0]", "start_s = [6.0, 1.0]"), "activate.start_s = [6.0, 1.0]: is an impossible window"),
    (("start_s = [1.0, 6.0]", "start_s = 20.0"), "activate.start_s: begins at 20 s, the run ends at 16 s"),
    (("duration_s = [0.1, 4.0]", "duration_s = 0.0"), "a fault has to last longer than 0 s"),
    (("oven.t < 110", "oven.t < < 110"), "column 10"),
    (("oven.t < 110", "oven.x < 110"), "oven.x"),
    (("oven.t < 110", "fault.c -> oven.t < 110"), "fault.c"),
    (('method = "latin_hypercube"', 'method = "lucky"'), "search.method"),
    (("runs = 60", "runs = 0"), "search.runs"),
    (("[activate]", "[activates]"), "activates"),
]


@pytest.mark.parametrize(("changed", "message"), MISTAKES, ids=[m for _, m in MISTAKES])
def test_a_mistake_is_one_line_with_its_place(plan: Plan, changed: tuple[str, str], message: str) -> None:
    file = plan(changed)
    with pytest.raises(RigError) as caught:
        load_plan(file, load_rig(OVEN))
    (line,) = str(caught.value).splitlines()
    assert message in line
    assert line.startswith(file)


def test_an_empty_space_is_refused(plan: Plan) -> None:
    text = Path(plan()).read_text()
    file = Path(plan(name="empty"))
    file.write_text(text[: text.index("[faults.a]")] + text[text.index("[expect]") :])
    with pytest.raises(RigError, match="faults: is missing"):
        load_plan(file, load_rig(OVEN))


def test_a_plan_is_found_by_its_name_in_the_rig() -> None:
    assert load_plan("transients", load_rig(OVEN)).title == "Short disturbances of the sensors"
    with pytest.raises(RigError, match=r"there is no plan 'transient'\. Did you mean transients\?"):
        load_plan("transient", load_rig(OVEN))


def test_a_bench_that_is_not_healthy_is_refused(plan: Plan, tmp_path: Path) -> None:
    unsafe = plan(("oven.t < 110", "oven.t < 90"))
    with pytest.raises(BenchError, match=r"the run without faults breaks expect.safe at 8\.\d+ s"):
        run_campaign(Request(str(OVEN), unsafe), tmp_path / "unsafe")
    with pytest.raises(
        BenchError, match=r"the run without faults meets expect.detect at \d+\.?\d* s: \(interlock.tripped"
    ):
        run_campaign(Request(str(OVEN), plan()), tmp_path / "detected")


def test_each_coordinate_has_its_place_in_a_run(plan: Plan) -> None:
    space = Space(load_plan(plan(), load_rig(OVEN)))
    assert [d.label for d in space.dimensions] == ["fault", "value1", "start", "duration"]
    (fault,) = space.run(3, [0.0, 0.25, 0.5, 1.0]).faults
    assert (fault.slot, fault.kind, fault.values) == ("a", "bias", (-20.0,))
    assert (fault.start_s, fault.end_s) == (3.5, 7.5)
    assert str(fault) == "sensor.a=bias(-20.0)@3.5s..7.5s"
    (last,) = space.run(4, [1.0, 1.0, 0.0, 0.0]).faults
    assert (last.slot, last.kind, last.values, last.start_s) == ("b", "drift", (5.0,), 1.0)
    assert space.cells == 10 + 1 + 10 + 10 + 10


def test_each_range_of_a_kind_has_its_row_and_two_their_panel(plan: Plan) -> None:
    file = plan(('"noise(1..20)"', '"affine(0.5..1.5, -40..40)", "affine(1, -10..10)"'))
    space = Space(load_plan(file, load_rig(OVEN)))
    rows = [
        {"id": i, "point": list(point), "outcome": "crash" if point[2] > 0.5 else "safe detected", "handled": None}
        for i, point in enumerate(np.random.default_rng(3).random((4000, len(space.dimensions))))
    ]
    counts = Counts(space, rows)
    heat = {row["label"]: [(cell["runs"], cell["percent"]) for cell in row["cells"]] for row in counts.heat()}
    gain, offset = (heat[f"a: affine(0.5..1.5, -40..40), by {name}"] for name in ("gain", "offset"))
    runs, hazards = counts.of("a", "affine(0.5..1.5, -40..40)")
    assert sum(n for n, _ in gain) == sum(n for n, _ in offset) == runs > 0
    assert all(20 < percent < 80 for _, percent in gain)
    assert [percent for _, percent in offset] == [0] * 5 + [100] * 5
    assert len(heat["a: affine(1, -10..10)"]) == 10
    assert len(heat["a: stuck(50)"]) == 1
    (panel,) = counts.panels()
    assert (panel["across"], panel["down"]) == ("gain", "offset")
    assert panel["rows"][0]["label"] == "32 to 40"  # the largest on top
    cells = [cell for row in panel["rows"] for cell in row["cells"]]
    assert (sum(c["runs"] for c in cells), sum(c["hazards"] for c in cells)) == (runs, hazards)


def test_any_of_the_faults_may_be_absent() -> None:
    space = Space(load_plan("transients", load_rig(OVEN)))
    n = len(space.dimensions)
    assert space.run(0, [0.0] * n).faults == ()
    assert len(space.run(0, [0.99] * n).faults) == 3


def test_a_covering_array_has_every_pair_and_few_rows() -> None:
    dimensions = [Dimension("a", 3), Dimension("b", 2), Dimension("c", 0), Dimension("d", 0)]
    found = points(Search("covering", 100, 3, 2, None), dimensions, 1)
    for i, j in itertools.combinations(range(4), 2):
        pairs = {(row[i], row[j]) for row in found}
        assert len(pairs) == (3, 2, 3, 3)[i] * (3, 2, 3, 3)[j]
    assert len(found) < 3 * 2 * 3 * 3 / 3
    grid = points(Search("grid", 100, 3, 2, None), dimensions, 1)
    assert len({tuple(row) for row in grid}) == 54
    with pytest.raises(BenchError, match="this grid has 54 runs, 50 are allowed"):
        points(Search("grid", 50, 3, 2, None), dimensions, 1)


@pytest.mark.parametrize("method", ["sobol", "latin_hypercube", "random"])
def test_points_fill_the_cube_and_come_again(method: str) -> None:
    dimensions = [Dimension("a", 0)] * 3
    found = points(Search(method, 256, 3, 2, None), dimensions, 5)
    assert found.shape == (256, 3)
    assert found.min() >= 0.0
    assert found.max() <= 1.0
    assert np.abs(found.mean(axis=0) - 0.5).max() < 0.06
    np.testing.assert_array_equal(found, points(Search(method, 256, 3, 2, None), dimensions, 5))


def test_the_interval_of_a_share_is_clopper_and_pearsons() -> None:
    assert clopper_pearson(0, 10) == pytest.approx((0.0, 0.30849710781876083))
    assert clopper_pearson(8, 10) == pytest.approx((0.4439045376923585, 0.9747892736731666))
    assert clopper_pearson(10, 10) == pytest.approx((1.0 - 0.30849710781876083, 1.0))
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def test_a_rig_at_another_period_keeps_its_rates() -> None:
    quick, slow = load_rig("quad_tank"), load_rig("quad_tank", 0.01)
    assert slow.period_s == 0.01
    assert quick.roles["plc"].every * quick.period_ns == slow.roles["plc"].every * slow.period_ns
    with pytest.raises(RigError, match=r"roles\.plc\.every = 10: runs every 10 ticks, which is no whole number"):
        load_rig("quad_tank", 0.004)
