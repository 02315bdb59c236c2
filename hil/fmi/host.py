"""The process that an FMU may bring down: `python -m hil.fmi.host serve|try OPENING`, with the opening as JSON.

`serve` answers over the socket that is descriptor 3; the answering is done in C. `try` runs a first few steps and
prints what it found (hil.fmi.trial.Found) as JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence

from hil._fmu import Fmu
from hil.errors import BenchError
from hil.fmi.opening import SAVES, Opening

SOCKET = 3
STEPS, MOST_NS = 400, 250_000_000
WARM = 5  # first steps that are not timed: pages and solvers are touched for the first time


def try_out(opening: Opening, dt_s: float, params: Sequence[float], inputs: Sequence[float]) -> dict[str, object]:
    """Time of a step, and whether its state comes back."""
    fmu = Fmu(opening)
    fmu.start(params)
    times = fmu.measure(inputs, dt_s, STEPS + WARM, MOST_NS)
    times = sorted(times[WARM:] or times)
    found = {"worst_ns": times[-1], "median_ns": times[len(times) // 2], "steps": len(times)}
    return {**found, "state": _state_returns(fmu, dt_s, params, inputs) if opening.abilities & SAVES else "not offered"}


def _state_returns(fmu: Fmu, dt_s: float, params: Sequence[float], inputs: Sequence[float]) -> str:
    """Empty when a saved state gives the same next step in the same instance and in one that is started anew."""

    def step() -> list[str]:
        return [value.hex() for value in fmu.step(inputs, dt_s, dt_s)]  # NaN is equal to itself here

    try:
        fmu.start(params)
        fmu.step(inputs, 0.0, dt_s)
        saved = fmu.save()
        then = step()
        fmu.load(saved)
        again = step()
        fmu.start(params)
        fmu.load(saved)
        anew = step()
    except BenchError as error:
        return error.message
    return "" if then == again == anew else "a restored state goes on otherwise"


def main(arguments: Sequence[str]) -> int:
    """Exit code 0; 1 when the FMU refuses, with its words on standard output."""
    what, text = arguments[0], arguments[1]
    with contextlib.suppress(OSError):  # what the FMU prints is not ours
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if what == "serve":
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the bench, which ends its run in order
        try:
            return Fmu(Opening.from_json(text)).serve(SOCKET)
        except BenchError as error:
            print(error.message, file=sys.stderr)
            return 1
    words = json.loads(text)
    answer = os.fdopen(os.dup(1), "w")  # the FMU may print: its words go to standard error
    os.dup2(2, 1)
    try:
        found = try_out(Opening.from_json(words["opening"]), words["dt_s"], words["params"], words["inputs"])
    except BenchError as error:
        found = {"refused": error.message}
    answer.write(json.dumps(found))
    answer.close()
    os._exit(0)  # how the libraries that an FMU brings end their process says nothing of its steps


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
