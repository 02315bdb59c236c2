"""Tuning experiments on a bench: a relay, or a step, in place of a PID controller's output."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from hil.bench import Bench, open_bench
from hil.design import pid
from hil.errors import HilError, RigError
from hil.nearest import did_you_mean
from hil.rig import Rig, load_rig

QUIET_SAMPLES = 100  # in which the resting output and the measurement's noise are taken
PERIODS = 8


@dataclass(frozen=True)
class Loop:
    """A `pid` block of a rig, with the signals it is wired to.

    Attributes:
        sign: 1 for reverse action, -1 for direct.
        sample_s: its sample time.
        lo, hi: of its output.
    """

    name: str
    measurement: str
    output: str
    sign: int
    sample_s: float
    lo: float
    hi: float


@dataclass(frozen=True)
class Tuning:
    """What an experiment found and what follows from it."""

    method: str
    rule: str
    gains: pid.PidGains
    found: dict[str, float] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, float]:
        """Parameters for rig.toml, to four digits."""
        return {name: float(f"{value:.4g}") for name, value in asdict(self.gains).items() if value or name != "kd_s"}


def find_loop(rig: Rig, name: str) -> Loop:
    """The PID block of this name.

    Raises:
        RigError: there is none, or its output is a signal that cannot be forced.
    """
    loops = [block.name for block in rig.blocks.values() if block.type == "pid"]
    if name not in loops:
        raise RigError(f"has no pid block {name}", where=f"{rig.name}/rig.toml", mend=did_you_mean(name, loops))
    block = rig.blocks[name]
    measurement = next(wire.signal for wire in block.inputs if wire.port == "measurement")
    output = block.outputs[0].signal
    signal = rig.signals.get(output)
    if signal is None or not signal.path or signal.role is not None:
        mend = "Give it a name in [signals], and as an output of its role"
        raise RigError(f"its output {output} cannot be forced", where=f"rig.toml:blocks.{name}.out", mend=mend)
    every = block.every * (rig.roles[block.role].every if block.role else 1)
    lo, hi = block.params["lo"], block.params["hi"]
    limits = signal.limits or (-np.inf, np.inf)
    sign = -1 if block.config.get("action", (0.0,))[0] else 1
    return Loop(name, measurement, output, sign, every * rig.period_s, max(lo, limits[0]), min(hi, limits[1]))


def tune(
    rig: str | Path | Rig,
    name: str,
    method: str,
    *,
    settle_s: float = 0.0,
    amplitude: float | None = None,
    duration_s: float = 60.0,
    closed_loop_s: float | None = None,
    rule: str | None = None,
) -> Tuning:
    """Open the bench in virtual time, let its loops settle, and put a relay or a step in place of one.

    Args:
        rig: folder, file, name, or a loaded rig.
        name: of the pid block.
        method: "relay" or "step".
        settle_s: how long the present controllers run first.
        amplitude: of relay or step, in the output's unit; default: a tenth of its range.
        duration_s: longest time of a relay experiment, length of a step experiment.
        closed_loop_s: step: time constant that the closed loop shall have; default: by the rule.
        rule: relay: "tyreus_luyben" (default), "ziegler_nichols"; step: "simc" (default), "lambda".

    Raises:
        HilError: no such loop or rule, no room for the amplitude, an experiment that shows nothing.
    """
    loaded = rig if isinstance(rig, Rig) else load_rig(rig)
    loop, rule = find_loop(loaded, name), _rule(method, rule)
    with open_bench(loaded, use_rig_faults=False) as bench:
        if settle_s:
            bench.run(settle_s)
        rest, noise = _rest(bench, loop)
        height = _amplitude(loop, rest, amplitude)
        if method == "relay":
            return _relay(bench, loop, rest, noise, height, duration_s, rule)
        return _step(bench, loop, rest, height, duration_s, closed_loop_s, rule)


RULES = {"relay": ("tyreus_luyben", "ziegler_nichols"), "step": ("simc", "lambda")}


def _rule(method: str, rule: str | None) -> str:
    if method not in RULES:
        raise HilError(f"there is no method {method}", where="tune", mend=f"Take {' or '.join(RULES)}")
    if rule is not None and rule not in RULES[method]:
        raise HilError(f"{method} has no rule {rule}", where="tune", mend=f"Take {' or '.join(RULES[method])}")
    return rule or RULES[method][0]


def _rest(bench: Bench, loop: Loop) -> tuple[float, float]:
    """Mean of the output and deviation of the measurement's noise, with the present controller."""
    seen = []
    for _ in range(QUIET_SAMPLES):
        bench.run(loop.sample_s)
        seen.append((bench[loop.output], bench[loop.measurement]))
    outputs, measured = np.array(seen).T
    return float(outputs.mean()), float(np.diff(measured).std() / np.sqrt(2))


def _amplitude(loop: Loop, rest: float, wanted: float | None) -> float:
    height = wanted if wanted is not None else 0.1 * (loop.hi - loop.lo)
    if not np.isfinite(height) or height == 0:
        raise HilError("the output has no range to take a tenth of", where=loop.name, mend="Give --amplitude")
    if rest + abs(height) > loop.hi or rest - abs(height) < loop.lo:
        text = f"{rest:.4g} +- {abs(height):.4g} leaves the output's range {loop.lo:g} to {loop.hi:g}"
        raise HilError(text, where=loop.name, mend="Give a smaller --amplitude")
    return height


def relay_experiment(bench: Bench, loop: Loop, amplitude: float | None, duration_s: float, rule: str) -> Tuning:
    """A relay in place of the controller's output, on a bench at rest; the output stays forced.

    Raises:
        HilError: no room for the amplitude, or no steady oscillation.
    """
    rest, noise = _rest(bench, loop)
    return _relay(bench, loop, rest, noise, _amplitude(loop, rest, amplitude), duration_s, rule)


def _relay(bench: Bench, loop: Loop, rest: float, noise: float, height: float, duration_s: float, rule: str) -> Tuning:
    height, hysteresis, target = abs(height), 4 * noise, bench[loop.measurement]
    up, switches, times, values = True, 0, [], []
    for k in range(round(duration_s / loop.sample_s)):
        value = bench[loop.measurement]
        times.append(k * loop.sample_s)
        values.append(value)
        too_far = (value - target) * loop.sign > hysteresis if up else (value - target) * loop.sign < -hysteresis
        if too_far:
            up, switches = not up, switches + 1
        if switches > 2 * PERIODS:
            break
        if too_far or k == 0:
            bench.force(loop.output, rest + (height if up else -height))
        bench.run(loop.sample_s)
    at = pid.ultimate_point(times, values, height, hysteresis)
    found = {"ultimate_gain": at.gain, "ultimate_period_s": at.period_s, "hysteresis": hysteresis}
    gains = pid.ziegler_nichols(at) if rule == "ziegler_nichols" else pid.tyreus_luyben(at)
    return Tuning("relay", rule, gains, found)


def _step(
    bench: Bench, loop: Loop, rest: float, height: float, duration_s: float, closed_loop_s: float | None, rule: str
) -> Tuning:
    bench.force(loop.output, rest)
    bench.run(loop.sample_s)
    every = max(1, round(duration_s / loop.sample_s / 2000)) * loop.sample_s
    times, values = [0.0], [bench[loop.measurement]]
    bench.force(loop.output, rest + height)
    while times[-1] < duration_s:
        bench.run(every)
        times.append(times[-1] + every)
        values.append(bench[loop.measurement])
    process = pid.fit_fopdt(times, values, height)
    made = pid.lambda_tuning if rule == "lambda" else pid.simc
    return Tuning("step", rule, made(process, closed_loop_s), asdict(process))
