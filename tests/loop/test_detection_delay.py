"""How fast faults are found: bias, drift and stuck sensor in several sizes, armed as faults on a sensor's path.

The sensor has noise of deviation 1 on a slow wave; the residual is what a perfect observer would leave. All detectors
are designed for 10,000 s between false alarms at a sample a second. The table holds the mean delay over the lanes, in
samples.
"""

from __future__ import annotations

import numpy as np
import pytest

from hil import open_bench
from hil.design.detectors import cusum_run_length, cusum_threshold
from hil.design.quality import Reason
from hil.rig import Rig, load_rig

LANES, BEGIN_S, END_S = 16, 1000, 1600
MEAN_TIME = "mean_time_between_false_alarms_s = 10000"

HEAD = """
[rig]
name = "delays"
period_s = 1.0
seed = 7

[signals]
"truth" = { unit = "K" }

[blocks.wave]
type = "sine"
out = { y = "truth" }
amplitude = 10.0
frequency_hz = 0.005

[record]
alarms = { names = ["*.alarm", "*.bad"], raw = false }
"""
LANE = """
[signals."sensor{n}"]
unit = "K"

[blocks.noise{n}]
type = "noise"
deviation = 1.0

[blocks.transmitter{n}]
type = "sum"
in = {{ u = ["truth", "noise{n}.y"] }}

[blocks.converter{n}]
type = "quantise"
in = {{ u = "transmitter{n}.y" }}
out = {{ y = "sensor{n}" }}
interval = 0.5

[blocks.residual{n}]
type = "sum"
in = {{ u = ["sensor{n}", "truth"] }}
signs = [1, -1]

[blocks.cusum{n}]
type = "cusum"
in = {{ u = "residual{n}.y" }}
{mean_time}

[blocks.page_hinkley{n}]
type = "page_hinkley"
in = {{ u = "residual{n}.y" }}
mean_samples = 500
{mean_time}

[blocks.nis_test{n}]
type = "nis_test"
in = {{ innovation = "residual{n}.y", variance = 1.0208 }}
window = 10
{mean_time}

[blocks.whiteness{n}]
type = "whiteness"
in = {{ innovation = "residual{n}.y" }}
window = 50
lags = 3
{mean_time}

[blocks.data_quality{n}]
type = "data_quality"
in = {{ u = "sensor{n}", reference = "truth" }}
noise = 1.0
resolution = 0.5
slope_per_s = 0.32
checks = ["stuck", "rate", "cross_check"]
{mean_time}
"""
DETECTORS = ("cusum", "page_hinkley", "nis_test", "whiteness", "data_quality")
BAD = 8


def bounds(*means: float | None) -> dict[str, tuple[float, float] | None]:
    """Bands around the delays measured when the table was made: a third, and at least a sample, to either side."""
    bands = (None if m is None else (min(m / 1.33, m - 1.0), max(m * 1.33, m + 1.0)) for m in means)
    return dict(zip(DETECTORS, bands, strict=True))


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Rig:
    folder = tmp_path_factory.mktemp("delays")
    lanes = (LANE.format(n=n, mean_time=MEAN_TIME) for n in range(LANES))
    (folder / "rig.toml").write_text(HEAD + "".join(lanes), encoding="utf-8")
    return load_rig(folder)


def delays(rig: Rig, fault: str, seed: int = 7) -> dict[str, tuple[float, float]]:
    """Mean delay of each detector in samples, and the share of lanes in which it has found the fault before the end."""
    with open_bench(rig, seed=seed) as bench:
        for n in range(LANES):
            bench.fault(f"sensor{n}={fault}@{BEGIN_S}s")
        bench.run(END_S)
        found = {}
        for kind in DETECTORS:
            alarm = "bad" if kind == "data_quality" else "alarm"
            rows = np.array([bench.history(f"{kind}{n}.{alarm}")[BEGIN_S:] for n in range(LANES)])
            first = np.where(rows.any(axis=1), rows.argmax(axis=1), END_S - BEGIN_S).astype(float)
            found[kind] = (float(first.mean()), float(rows.any(axis=1).mean()))
    return found


# Fault: bounds of the mean delay; None where a fault of this size is not found in these ten minutes but by chance.
TABLE: dict[str, dict[str, tuple[float, float] | None]] = {
    "bias(0.5K)": bounds(108, 195, None, 208, None),
    "bias(1K)": bounds(14.8, 15.4, 90, 49, None),
    "bias(2K)": bounds(6.0, 6.0, 7.6, 46, 73),
    "bias(4K)": bounds(1.9, 2.1, 1.5, 46, 1.9),
    "drift(0.01)": bounds(76, 77, 125, 99, 219),
    "drift(0.05)": bounds(24.4, 24.9, 34.6, 46, 54),
    "drift(0.2)": bounds(10.6, 10.8, 12.5, 46, 17.9),
    "stuck": bounds(7.0, 7.0, 8.3, 46, 4.9),
    "stuck(5K)": bounds(1.0, 1.0, 0.8, 46, 0.0),
}


@pytest.mark.parametrize("fault", TABLE)
def test_a_fault_is_found_as_fast_as_the_table_says(rig: Rig, fault: str) -> None:
    found = delays(rig, fault)
    print(fault, {kind: (round(mean, 1), round(share, 2)) for kind, (mean, share) in found.items()})
    for kind, (mean, share) in found.items():
        band = TABLE[fault][kind]
        if band is None:
            assert share < 0.25, kind
        else:
            assert band[0] <= mean <= band[1], kind


def test_the_delay_of_a_cusum_is_that_of_the_theory(rig: Rig) -> None:
    """Page's equation gives it for sums that start at zero; those that have run for a while are a little ahead."""
    threshold = cusum_threshold(10_000.0, 0.5)
    for size in (1.0, 2.0):
        theory = cusum_run_length(threshold, 0.5, size) - 1.0  # the sample of the alarm is not waited for
        mean = float(np.mean([delays(rig, f"bias({size}K)", seed)["cusum"][0] for seed in range(6)]))
        print(f"bias of {size}: {theory:.1f} samples by the equation, {mean:.1f} measured")
        assert 0.65 * theory < mean < 1.05 * theory


def test_a_stuck_sensor_at_rest_is_found_by_its_data_alone(rig: Rig) -> None:
    """Where the truth rests no residual tells: only the missing noise does."""
    with open_bench(rig) as bench:
        bench.set("wave.amplitude", 0.0)
        bench.run(100)
        bench.fault("sensor0=stuck")
        bench.run(60)
        assert bench["data_quality0.bad"] == 1.0
        assert int(bench["data_quality0.reason"]) & Reason.STUCK
        assert bench["cusum0.alarm"] == 0.0
        assert bench.status("data_quality0.y") & BAD
        assert bench["data_quality1.bad"] == 0.0
