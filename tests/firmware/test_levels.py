"""One controller at MIL, SIL and PIL: the same bits in every recorded signal. And what is planted is found."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest

from hil import open_bench
from hil.compare import compare
from hil.errors import BenchError
from hil.recording import Recording

SIN_EXP, MPC, OBSERVER = (Path(__file__).parent / "rigs" / name for name in ("sin_exp", "mpc", "observer"))
needs_qemu = pytest.mark.skipif(
    not (shutil.which("qemu-system-arm") and shutil.which("arm-none-eabi-gcc")),
    reason="needs qemu-system-arm and arm-none-eabi-gcc: tools/system_packages.sh firmware",
)


def run(rig, level, seconds, folder, meddle=None):
    """Records a run at a level; `meddle(bench)` comes before it. Returns its result."""
    with open_bench(rig, bind={"controller": level}, record=folder) as bench:
        if meddle:
            meddle(bench)
        bench.run(seconds)
        result = bench.finish()
    assert result.passed, result.reason
    return result


def compared(a, b):
    return compare(Recording(a), Recording(b))


@needs_qemu
@pytest.mark.parametrize("rig", ["dc_motor", SIN_EXP, MPC, OBSERVER], ids=["dc_motor", "sin_exp", "mpc", "observer"])
def test_mil_sil_and_pil_give_the_same_bits_again_and_again(rig, full, tmp_path):
    seconds = full(1, 20) / 2
    mil, sil, pil = (run(rig, level, seconds, tmp_path / level) for level in ("mil", "sil", "pil"))
    assert (mil.time, sil.time, pil.time) == ("virtual", "virtual", "lockstep")
    assert mil.signals_hash == sil.signals_hash == pil.signals_hash
    for level in ("sil", "pil"):
        assert compared(tmp_path / "mil", tmp_path / level).identical
    for level, first in (("mil", mil), ("sil", sil), ("pil", pil)):
        again = run(rig, level, seconds, tmp_path / f"{level} again")
        assert (again.state_hash, again.signals_hash) == (first.state_hash, first.signals_hash), level
    assert pil.buses["board"]["device"]["instructions_max"] > 0


@needs_qemu
def test_the_board_ends_in_the_same_state_as_the_library(tmp_path):
    with open_bench("dc_motor", bind={"controller": "pil"}) as bench:
        bench.run(0.5)
        pil = bench.engine.wires.counters()["board"]["device"]["state_hash"]
    with open_bench("dc_motor", bind={"controller": "sil"}) as bench:
        bench.run(0.5)
        whole = bench.state.snapshot()
        context = whole[whole.index(whole[:8], 8) :]  # a state within the state begins with the same mark
        library = next(item for item in bench.built.models if hasattr(item, "state_hash"))
        sil = library.state_hash(context)
    assert pil == f"{sil:016x}"


def test_one_ulp_in_a_parameter_is_found_and_located(tmp_path):
    def one_ulp(bench):
        bench.set("pi.kp", math.nextafter(bench["pi.kp"], 1e9), at=0.5)

    run("dc_motor", "mil", 1, tmp_path / "mil")
    run("dc_motor", "sil", 1, tmp_path / "sil", one_ulp)
    found = compared(tmp_path / "mil", tmp_path / "sil")
    first = found.first_difference
    assert not found.identical
    assert first.signal.startswith("controller.voltage"), first
    assert 501 <= first.tick <= 510, (
        "its output of tick 500 is latched one tick later; a bit may be rounded away at first"
    )


@needs_qemu
def test_one_bit_flipped_on_the_board_is_found_and_located(tmp_path):
    def flip(bench):
        bench.device("controller").flip_bit("pi.kp", 0, tick=300)

    run("dc_motor", "mil", 0.5, tmp_path / "mil")
    run("dc_motor", "pil", 0.5, tmp_path / "pil", flip)
    first = compared(tmp_path / "mil", tmp_path / "pil").first_difference
    assert first.signal.startswith("controller.voltage"), first
    assert 301 <= first.tick <= 310


@needs_qemu
def test_a_parameter_changes_at_the_same_tick_at_every_level(tmp_path):
    def meddle(bench):
        bench.set("pi.kp", 30.0, at=0.2)
        bench.set("pi.setpoint", 0.5, at=0.3)
        bench.fault("encoder.count=stuck@0.35s..0.37s")

    for level in ("mil", "sil", "pil"):
        run("dc_motor", level, 0.5, tmp_path / level, meddle)
    for level in ("sil", "pil"):
        found = compared(tmp_path / "mil", tmp_path / level)
        assert found.identical, found.first_difference


def test_sil_snapshots_forks_and_replays(tmp_path):
    from hil.replay import replay

    with open_bench("dc_motor", bind={"controller": "sil"}) as bench:
        bench.run(0.3)
        saved, fork = bench.snapshot(), bench.fork()
        bench.run(0.3)
        fork.run(0.3)
        assert fork.hash == bench.state_hash
        bench.restore(saved)
        bench.run(0.3)
        assert fork.hash == bench.state_hash
    run("dc_motor", "sil", 1, tmp_path / "r")
    assert replay(tmp_path / "r")["identical"]


@needs_qemu
def test_a_bench_does_not_go_back_without_its_board():
    with open_bench("dc_motor", bind={"controller": "pil"}) as bench:
        saved = bench.snapshot()
        bench.run(0.01)
        with pytest.raises(BenchError, match="cannot go back"):
            bench.restore(saved)
