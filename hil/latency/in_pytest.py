"""What the fixture `bench_latency` gives to a test of a rig."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hil.latency.gate import UNJUDGED, WORSE, group_of, judge
from hil.latency.run import measure
from hil.latency.schema import read
from hil.rig import Rig

SECONDS = 1.0


class BenchLatency:
    """Measures a rig as `hil bench` does.

    Args:
        rig: folder, file, name of a shipped rig, or a loaded one.
        baseline: of --hil-gate; None without.
    """

    def __init__(self, rig: str | Path | Rig, baseline: str | Path | None = None) -> None:
        self.rig, self.baseline = rig, read(Path(baseline)) if baseline else None
        self._seconds = SECONDS

    def measure(self, *groups: str, seconds: float = SECONDS) -> dict[str, Any]:
        """The result of `hil bench --only GROUPS` as `docs/bench.md` describes it."""
        rate_hz = {"rate_hz": self.baseline["options"]["rate_hz"]} if self.baseline else {}
        return measure(self.rig, only=groups, seconds=seconds, **rate_hz).to_dict()

    def check(self, name: str, *, at_most: float | None = None, seconds: float = SECONDS) -> dict[str, Any]:
        """Measures a ratio and fails the test when it is too large, twice. Returns the ratio's entry.

        Args:
            name: of a ratio, such as "step" or "bus.tcp_client".
            at_most: largest ratio to its yardstick: the test fails when the whole interval lies above it.
            seconds: of measuring.

        With --hil-gate it also fails when it is worse than the baseline; a machine that cannot be judged on skips the
        test and says why.
        """
        found = self.measure(group_of(name), seconds=seconds)
        if name not in found["ratios"]:
            why = found["skipped"].get(name) or f"there is no ratio '{name}' among {', '.join(found['ratios'])}"
            pytest.fail(f"{name} was not measured: {why}", pytrace=False)
        unfit = found["verdict"]["unfit_because"]
        if unfit:
            pytest.skip(f"{name} is not judged: {'; '.join(unfit)}")
        self._seconds = seconds
        ratio: dict[str, Any] = found["ratios"][name]
        if at_most is not None and ratio["low"] > at_most:
            ratio = self._again([name])["ratios"][name]
            if ratio["low"] > at_most:
                pytest.fail(f"{name} is {ratio['median']:.3f} of its yardstick, allowed {at_most:g}", pytrace=False)
        if self.baseline:
            self._compare(name, found)
        return ratio

    def _again(self, names: Sequence[str]) -> dict[str, Any]:
        return self.measure(*{group_of(name) for name in names}, seconds=self._seconds)

    def _compare(self, name: str, found: dict[str, Any]) -> None:
        assert self.baseline is not None
        alone = {**found, "ratios": {name: found["ratios"][name]}}
        outcome = judge(alone, self.baseline, again=self._again)
        if outcome.named(WORSE):
            pytest.fail(outcome.sentence, pytrace=False)
        if outcome.refused or outcome.named(UNJUDGED):
            pytest.skip(outcome.sentence)
