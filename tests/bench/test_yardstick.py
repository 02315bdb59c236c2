"""The measuring stick itself: it builds, it reads its own figures, and a planted slowdown shows in the ratio."""

from __future__ import annotations

import time

import pytest
import yardstick

from hil.errors import BenchError


def busy(duration_s: float) -> float:
    start = time.perf_counter()
    while time.perf_counter() - start < duration_s:
        pass
    return time.perf_counter() - start


def test_a_planted_slowdown_of_a_third_is_seen() -> None:
    for bound in ({"at_least": 1.15}, {"at_most": 1.6}):
        ratio = yardstick.paired_until(lambda: busy(0.004), lambda: busy(0.003), pairs=31, **bound)
        assert 1.15 < ratio.median < 1.6
        assert ratio.low <= ratio.median <= ratio.high


def test_pairs_alternate_which_side_goes_first() -> None:
    order: list[str] = []

    def side(name: str) -> float:
        order.append(name)
        return 1.0

    yardstick.paired(lambda: side("a"), lambda: side("b"), pairs=3)
    assert order == ["a", "b", "b", "a", "a", "b"]


def test_figures_are_read_by_label() -> None:
    lines = [
        "send p50=1.5 p99=2 recv p50=0.5 us",
        "kf n4m2 ns=120.8 min=117.9",
        "push ns=1",
        "push ns=3",
        "wake period=1000us p50=21",
    ]
    assert yardstick.parse("\n".join(lines)) == {
        "send p50": 1.5,
        "send p99": 2.0,
        "recv p50": 0.5,
        "kf n4m2 ns": 120.8,
        "kf n4m2 min": 117.9,
        "push ns": 2.0,
        "wake period": 1000.0,
        "wake p50": 21.0,
    }


@pytest.mark.parametrize("name", sorted(yardstick.PROGRAMS))
def test_every_program_compiles(name: str) -> None:
    assert yardstick.build(name).exists()


@pytest.mark.parametrize("mode", ["sync", "pipe"])
def test_the_bare_client_talks_to_both_servers(mode: str) -> None:
    for server in ("echo_server", "mb_server"):
        with yardstick.serve(server) as port:
            assert yardstick.run("mb_raw", port, 200, mode, 4)["p50"] > 0


def test_the_library_client_talks_to_the_library_server() -> None:
    with yardstick.serve("mb_server") as port:
        assert yardstick.run("mb_lib", "tcp", port, 200)["p50"] > 0


def test_a_failing_program_is_an_error_with_its_message() -> None:
    with pytest.raises(BenchError, match="connect"):
        yardstick.run("mb_raw", yardstick.free_port(), 1, "sync")
