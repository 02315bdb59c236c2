"""False alarms come as rarely as designed: detectors run in the loop on simulated noise and their alarms are counted.

A source is the sum of eight `noise` blocks, each the sum of four uniforms: as good as Gaussian, also in the tails that
alarms come from.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from hil import _core
from hil.design import detectors, quality
from hil.design.quality import Measurement

LANES = 8  # detectors side by side, each on noise of its own
PARTS = 8  # noise blocks in a source
FACTOR = 1.5  # what a measured mean time may be off the designed one, to either side
OUTPUTS = {t["name"]: [o["name"] for o in t["outputs"]] for t in _core.block_types()}


def add_noise(bench: Any, name: str, deviation: float = 1.0) -> None:
    """A signal `name` of Gaussian noise."""
    parts = [f"{name}.{i}" for i in range(PARTS)]
    for part in parts:
        bench.block(part, "noise", [], [part], deviation=deviation / math.sqrt(PARTS))
    bench.block(name, "sum", parts, [name])


def add_detector(bench: Any, kind: str, lane: int, inputs: list[str], options: dict[str, float]) -> None:
    """A detector, and a counter of its alarms."""
    bench.block(f"{kind}{lane}", kind, inputs, [f"{o}{lane}" for o in OUTPUTS[kind]], **options)
    alarm = "bad" if kind == "data_quality" else "alarm"
    bench.block(f"counter{lane}", "counter", [f"{alarm}{lane}", ""], [f"count{lane}", f"done{lane}"])


def mean_time(bench: Any, ticks: int, lanes: int = LANES) -> tuple[float, float]:
    """Mean number of samples between alarms, and how many there were."""
    state = bench.start()
    state.run(ticks)
    count = sum(bench.get(state, f"count{lane}") for lane in range(lanes))
    return lanes * ticks / max(count, 1.0), count


def check(what: str, measured: tuple[float, float], designed: float) -> None:
    mean, count = measured
    print(f"{what}: designed {designed:.0f} samples, measured {mean:.0f} ({count:.0f} alarms)")
    assert count > 60, "too few to tell"
    assert designed / FACTOR < mean < designed * FACTOR


CONFIG = {"restart": [1.0], "both": [0.0], "high": [1.0], "low": [2.0]}
SUMS = [
    ("cusum", 0.5, "both", {}, 2000.0),
    ("cusum", 0.25, "high", {}, 2000.0),
    ("cusum", 1.0, "low", {}, 8000.0),
    ("page_hinkley", 0.5, "both", {"mean_samples": [200.0]}, 2000.0),
    ("page_hinkley", 0.25, "high", {"mean_samples": [500.0]}, 2000.0),
    ("page_hinkley", 0.5, "both", {"mean_samples": [1000.0]}, 8000.0),
]


@pytest.mark.parametrize(("kind", "slack", "sides", "config", "wanted"), SUMS)
def test_sums_raise_false_alarms_as_rarely_as_designed(
    hand_bench: Any,
    full: Callable[[int, int], int],
    kind: str,
    slack: float,
    sides: str,
    config: dict[str, Any],
    wanted: float,
) -> None:
    if kind == "cusum":
        threshold = detectors.cusum_threshold(wanted, slack, sides)
    else:
        threshold = detectors.page_hinkley_threshold(wanted, slack, int(config["mean_samples"][0]), sides)
    options = {"slack": slack, "threshold": threshold, "sides": CONFIG[sides], "after_alarm": CONFIG["restart"]}
    bench = hand_bench(seed=1)
    for lane in range(LANES):
        add_noise(bench, f"v{lane}")
        add_detector(bench, kind, lane, [f"v{lane}", ""], options | config)
    check(f"{kind} slack {slack} {sides}", mean_time(bench, full(150_000, 3_000_000)), wanted)


@pytest.mark.parametrize(("window", "freedom", "wanted"), [(1, 1, 2000), (20, 1, 2000), (20, 2, 8000), (200, 1, 5000)])
def test_a_window_of_nis_raises_false_alarms_as_rarely_as_designed(
    hand_bench: Any, full: Callable[[int, int], int], window: int, freedom: int, wanted: float
) -> None:
    low, high = detectors.nis_bounds(wanted, window, freedom)
    options = {"low": low, "high": high, "window": [window], "after_alarm": CONFIG["restart"]}
    bench = hand_bench(seed=2)
    for lane in range(LANES):
        parts = [f"v{lane}{'abc'[i]}" for i in range(freedom)]
        for part in parts:
            add_noise(bench, part)
            bench.block(f"{part}.square", "product", [part, part], [f"{part}.square"])
        bench.block(f"nis{lane}", "sum", [f"{part}.square" for part in parts], [f"nis{lane}"])
        bench.signal("one", 1.0)
        add_detector(bench, "nis_test", lane, [f"nis{lane}", "", "one"], options)
    check(f"nis_test window {window}, {freedom} measurements", mean_time(bench, full(150_000, 3_000_000)), wanted)


@pytest.mark.parametrize(("window", "lags", "wanted"), [(20, 1, 2000), (50, 5, 5000), (100, 5, 8000), (100, 20, 8000)])
def test_white_noise_is_called_coloured_as_rarely_as_designed(
    hand_bench: Any, full: Callable[[int, int], int], window: int, lags: int, wanted: float
) -> None:
    options = {
        "threshold": detectors.whiteness_threshold(wanted, window, lags),
        "window": [window],
        "lags": [lags],
    }
    bench = hand_bench(seed=3)
    for lane in range(LANES):
        add_noise(bench, f"v{lane}")
        add_detector(bench, "whiteness", lane, [f"v{lane}"], options)
    check(f"whiteness window {window}, {lags} lags", mean_time(bench, full(150_000, 3_000_000)), wanted)


SENSOR = Measurement(noise=0.05, period_s=0.001, resolution=0.0625, reference_noise=0.03)
QUALITY = [("rate_per_s", 0.0), ("spike", 0.0), ("cross_check", 0.0), ("stuck_s", 0.0625)]


@pytest.mark.parametrize(("check_name", "resolution"), QUALITY)
def test_good_data_is_called_bad_as_rarely_as_designed(
    hand_bench: Any, full: Callable[[int, int], int], check_name: str, resolution: float
) -> None:
    wanted = 2000.0
    sensor = Measurement(SENSOR.noise, SENSOR.period_s, resolution, 0.0, SENSOR.reference_noise)
    limit = getattr(quality, check_name)(sensor, wanted)
    if check_name == "stuck_s":  # a whole number of samples
        wanted = quality.stuck_mean_samples(sensor, limit)
        assert 2000.0 <= wanted < 3.0 * 2000.0
    bench = hand_bench(seed=4)
    for lane in range(LANES):
        add_noise(bench, f"v{lane}", sensor.noise)
        add_noise(bench, f"reference{lane}", sensor.reference_noise)
        source = f"v{lane}"
        if resolution:
            bench.block(f"read{lane}", "quantise", [source], [f"read{lane}"], interval=resolution)
            source = f"read{lane}"
        add_detector(bench, "data_quality", lane, [source, f"reference{lane}"], {check_name: limit})
    check(f"data_quality {check_name}", mean_time(bench, full(150_000, 3_000_000)), wanted)


def test_a_threshold_of_half_the_false_alarms_is_told_apart(hand_bench: Any) -> None:
    """The band is narrow enough to see a wrong design."""
    options = {"slack": 0.5, "threshold": detectors.cusum_threshold(1000.0, 0.5), "after_alarm": CONFIG["restart"]}
    bench = hand_bench(seed=5)
    for lane in range(LANES):
        add_noise(bench, f"v{lane}")
        add_detector(bench, "cusum", lane, [f"v{lane}", ""], options)
    mean, _ = mean_time(bench, 100_000)
    assert not 2000.0 / FACTOR < mean < 2000.0 * FACTOR
