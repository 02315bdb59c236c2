"""What `hil watch` shows of a controller that does not run in the bench's loop."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from hil import open_bench
from hil.control import requests
from hil.watch import View, frame


def rows(bench) -> dict[str, list[str]]:
    """The words of each signal's row in a frame."""
    console = Console(file=io.StringIO(), width=100)
    console.print(frame(View(requests.status(bench, {}), requests.values(bench, {})), 50, None))
    assert isinstance(console.file, io.StringIO)
    found = (line.strip("│ \n").split() for line in console.file.getvalue().splitlines())
    return {words[0]: words[1:] for words in found if words}


@pytest.mark.parametrize("level", ["mil", "sil"])
def test_internal_signals_of_a_controller_elsewhere_are_not_shown_as_zeros(level):
    with open_bench("dc_motor", bind={"controller": level}) as bench:
        bench.run(0.2)
        shown, told = rows(bench), requests.values(bench, {})
    assert shown["controller.voltage"][-1] == "good"
    if level == "mil":
        assert shown["pushed.y"] == ["1.00000", "good"]
        assert told["away"] == []
    else:
        assert shown["pushed.y"] == ["n/a", "not", "here"]
        assert told["values"]["pushed.y"] is None
        assert "controller.voltage" not in told["away"]
