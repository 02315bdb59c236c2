"""Detectors in a rig file: thresholds come from a mean time between false alarms, and mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.design import detectors, quality
from hil.errors import RigError
from hil.rig import Block, load_rig

HEAD = """
[rig]
name = "detectors"
period_s = 0.01

[blocks.noise]
type = "noise"
out = { y = "residual" }
"""


def block(folder: Path, text: str) -> Block:
    """The block `watch` of a rig."""
    (folder / "rig.toml").write_text(f"{HEAD}\n[blocks.watch]\n{text}\n", encoding="utf-8")
    return load_rig(folder).blocks["watch"]


def test_a_mean_time_in_seconds_becomes_a_threshold_in_samples_of_the_block(tmp_path: Path) -> None:
    for every in (1, 5):
        samples = 3600.0 / (0.01 * every)
        keys = f"mean_time_between_false_alarms_s = 3600\nevery = {every}"
        cusum = block(tmp_path, f'type = "cusum"\nin = {{ u = "residual" }}\nslack = 0.75\nsides = "low"\n{keys}')
        assert cusum.params["threshold"] == detectors.cusum_threshold(samples, 0.75, "low")
        learned = block(tmp_path, f'type = "page_hinkley"\nin = {{ u = "residual" }}\nmean_samples = 300\n{keys}')
        assert learned.params["threshold"] == detectors.page_hinkley_threshold(samples, 0.5, 300)
        white = block(
            tmp_path, f'type = "whiteness"\nin = {{ innovation = "residual" }}\nwindow = 50\nlags = 2\n{keys}'
        )
        assert white.params["threshold"] == detectors.whiteness_threshold(samples, 50, 2)


def test_the_bounds_of_a_window_of_nis_follow_its_degrees_of_freedom(tmp_path: Path) -> None:
    text = 'type = "nis_test"\nin = { nis = "residual" }\nwindow = 20\nmean_time_between_false_alarms_s = 600\n'
    params = block(tmp_path, f"{text}degrees_of_freedom = 3").params
    assert (params["low"], params["high"]) == detectors.nis_bounds(60_000.0, 20, 3)
    params = block(tmp_path, f"{text}low = 0.0").params
    assert (params["low"], params["high"]) == (0.0, detectors.nis_bounds(60_000.0, 20, 1, low=False)[1])


def test_the_checks_of_a_measurement_share_the_false_verdicts(tmp_path: Path) -> None:
    params = block(
        tmp_path,
        'type = "data_quality"\nin = { u = "residual", reference = "residual" }\nnoise = 0.1\nresolution = 0.05\n'
        'slope_per_s = 2.0\nreference_noise = 0.3\nchecks = ["rate", "stuck", "cross_check"]\n'
        "mean_time_between_false_alarms_s = 100",
    ).params
    measurement = quality.Measurement(0.1, 0.01, 0.05, 2.0, 0.3)
    assert params["rate_per_s"] == quality.rate_per_s(measurement, 30_000.0)
    assert params["stuck_s"] == quality.stuck_s(measurement, 30_000.0)
    assert params["cross_check"] == quality.cross_check(measurement, 30_000.0)
    assert params["spike"] == float("inf"), "not asked for"


DATA = 'type = "data_quality"\nin = { u = "residual" }\nmean_time_between_false_alarms_s = 60\n'
MISTAKES = [
    ('type = "cusum"\nin = { u = "residual" }', "blocks.watch: cusum has no threshold"),
    ('type = "nis_test"\nin = { nis = "residual" }\nwindow = 5', "blocks.watch: nis_test has no high"),
    ('type = "nis_test"\nwindow = 5\nhigh = 3.0', "blocks.watch.in: nis_test watches nothing"),
    (
        'type = "cusum"\nin = { u = "residual" }\nthreshold = 5.0\nmean_time_between_false_alarms_s = 60',
        "mean_time_between_false_alarms_s: stands beside threshold, which it decides",
    ),
    (
        'type = "cusum"\nin = { u = "residual" }\nmean_time_between_false_alarms_s = 1e12',
        "1e+14 samples between false alarms are not within 2 and 1e+10",
    ),
    (
        'type = "cusum"\nin = { u = "residual" }\nmean_time_between_false_alarms_s = "long"',
        "'long' is no number above 0",
    ),
    (
        'type = "whiteness"\nin = { innovation = "residual" }\nwindow = 50\nmean_time_between_false_alarms_s = 0.6',
        "a mean time of 60 samples is too short for windows of 50",
    ),
    (
        'type = "data_quality"\nin = { u = "residual" }\nchecks = ["spike"]\nmean_time_between_false_alarms_s = 60',
        "noise, the measurement's standard deviation, is not given",
    ),
    (
        f'{DATA}noise = 1.0\nchecks = ["stuck"]',
        "stuck can be designed only with a noise and a resolution above 0",
    ),
    (
        f'{DATA}noise = 1.0\nchecks = ["strange"]',
        "checks must list some of rate, spike, stuck, cross_check",
    ),
    (
        'type = "nis_test"\nin = { nis = "residual" }\nwindow = 100000\nmean_time_between_false_alarms_s = 3600',
        "bounds are designed for windows of at most 5000 samples",
    ),
    (f'{DATA}noise = 1.0\nchecks = ["spike"]\nspike = 3.0', "cannot be kept: spike is given as well"),
    ('type = "data_quality"\nin = { u = "residual" }\ncross_check = 1.0', "watch.cross_check: has no reference"),
    (
        'type = "data_quality"\nin = { u = "residual" }\nnoise = 1.0',
        "is used with mean_time_between_false_alarms_s only",
    ),
    ('type = "cusum"\nin = { u = "residual" }\nmean_time_between_false_alarm_s = 60\nthreshold = 5.0', "Did you mean"),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_a_mistake_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RigError) as caught:
        block(tmp_path, text)
    lines = str(caught.value).splitlines()
    assert message in lines[0]
    assert len(lines) == 1
