"""A fork of a bench whose controller is on a board goes on with the controller as it is, not with a new one."""

from __future__ import annotations

import contextlib
import shutil

import pytest

from hil import open_bench
from hil.errors import BenchError, BusError

needs_qemu = pytest.mark.skipif(
    not (shutil.which("qemu-system-arm") and shutil.which("arm-none-eabi-gcc")),
    reason="needs qemu-system-arm and arm-none-eabi-gcc: tools/system_packages.sh firmware",
)


def meddle(bench):
    """Changes a parameter before the fork and, staged on the board by then, after it."""
    bench.set("pi.kp", 30.0, at=0.1)
    bench.set("pi.setpoint", 0.5, at=0.3)


@needs_qemu
def test_the_fork_of_a_bench_with_a_board_is_that_of_the_same_bench_at_sil():
    hashes = {}
    for level in ("sil", "pil"):
        with open_bench("dc_motor", bind={"controller": level}) as bench:
            meddle(bench)
            bench.run(0.2)
            fork = bench.fork()
            fork.run(0.2)
            bench.run(0.2)
            assert fork.restarted == []
            for name in bench.built.numbers:
                assert fork[name] == bench[name], (level, name)
            hashes[level] = fork.hash
    assert hashes["pil"] == hashes["sil"]


@needs_qemu
@pytest.mark.realtime
def test_a_fork_after_a_run_in_real_time_has_the_state_of_the_board():
    with contextlib.ExitStack() as stack:
        for _ in range(10):  # a starved machine may lose the session, at the beginning of a run or at its end
            bench = stack.enter_context(open_bench("dc_motor", time="real", bind={"controller": "pil"}))
            with contextlib.suppress(BusError):
                bench.run(0.3)
            if bench.device("controller").bus.connected:
                break
            bench.close()
        there, fork = bench.device("controller").messages.memory(), bench.fork()
        assert there in fork.state.snapshot()
        assert there not in bench.state.snapshot()
        fork.run(0.1)


@needs_qemu
def test_a_fork_leaves_the_bench_as_it_was(tmp_path):
    hashes = []
    for forked in (False, True):
        with open_bench("dc_motor", bind={"controller": "pil"}, record=tmp_path / str(forked)) as bench:
            for _ in range(3):
                bench.run(0.05)
                if forked:
                    bench.fork().run(0.05)
            hashes.append((bench.state_hash, bench.finish().signals_hash))
    assert hashes[0] == hashes[1]


@needs_qemu
def test_what_is_not_the_whole_controller_gives_no_fork():
    with open_bench("dc_motor", bind={"controller": "pil"}) as bench:
        bench.run(0.01)
        wire = bench.device("controller")
        there = wire.messages.memory()
        assert len(there) == wire.controller.built.program.state_size
        with pytest.raises(BenchError, match="are not a controller of role 1"):
            bench.state.copy().set_context(1, there[:-8])
        wire.messages.answer_s = 0.5
        wire.board.end()
        with pytest.raises(BusError, match=r"^board at .*: asked the board: "):
            bench.fork()
