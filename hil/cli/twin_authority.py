"""`hil twin stop`: what a twin may do, as people give it and take it back."""

from __future__ import annotations

from hil.cli import output
from hil.cli.options import AnyRunningArg, JsonOption, PidOption
from hil.errors import BenchError, HilError


def stop(rig: AnyRunningArg = None, pid: PidOption = None, json: JsonOption = False) -> None:
    """Take all authority from twins, in the next tick: what people set stays. Needs no lease; without RIG all of them.

    This is no emergency stop: it needs a running loop.
    """
    from hil import control
    from hil.control import ControlClient

    if rig is not None or pid is not None:
        with control.connect(rig, pid) as client:
            answers = [client.request("twin_stop")]
    else:
        answers = []
        failed: HilError | None = None
        for bench in control.running():
            try:
                with ControlClient(bench.path) as client:
                    answers.append(client.request("twin_stop"))
            except HilError as error:  # the others are stopped all the same
                failed = error
        if failed is not None:
            raise failed
        if not answers:
            raise BenchError("no bench runs", mend="Start one with: hil twin run RIG --out DIR")
    if json:
        output.print_json({"do": "twin_stop", "stopped": answers})
        return
    for answer in answers:
        blocks = ", ".join(answer["authorities"]) or "no block authority"
        output.console().print(
            f"{answer['rig']}: stopped ({blocks}), accepted at {answer['time_s']:.3f} s. This is no emergency stop.",
            soft_wrap=True,
        )
