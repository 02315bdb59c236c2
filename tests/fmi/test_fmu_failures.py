"""An FMU that fails in the run: the run ends, names it, and leaves the outputs safe; the bench's process lives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import fmu_maker
import pytest
from fmu_rigs import HURT_RIG

import hil
from hil.errors import BenchError


@pytest.fixture
def hurt(lag, fmu_rig):
    return lambda version, *keys: fmu_rig(lag(version), *keys, text=HURT_RIG)


CASES = [
    (2, "refuse", False, "step 50 refused at 0.5 s"),
    (3, "refuse", False, "fmi3DoStep gives error: step refused"),
    (2, "refuse", True, "step 50 refused at 0.5 s"),
    (2, "crash", True, "its process crashed: Segmentation fault"),
    (3, "leave", True, "its process ended with exit code 7"),
    (3, "hang", True, "its process does not answer within 200 ms"),
]


@pytest.mark.parametrize(("version", "what", "isolate", "why"), CASES)
def test_the_run_fails_by_name_and_the_outputs_are_safe(hurt, version, what, isolate, why):
    keys = ["isolate = true"] if isolate else []
    keys += ["fmu_timeout_s = 0.2"] if what == "hang" else []
    with hil.open_bench(hurt(version, *keys)) as bench:
        bench.run(0.5)
        assert bench["drive"] != 0.5
        bench.set("trigger.value", fmu_maker.DO_NOT[what])
        with pytest.raises(BenchError, match=rf"blocks.plant.fmu: the FMU failed at tick 51: .*{why}"):
            bench.run(1)
        result = bench.finish()
        assert result.ticks == 51  # the loop ended with the tick
        assert not result.passed
        assert why in result.reason
        assert "not safe" not in result.reason
        assert bench["drive"] == 0.5  # the gate's safe value
        assert bench.state.get_byte(bench.built.program.offset_status(bench.built.numbers["x"])) & 8  # bad
        assert bench["x"] != bench["x"]


def test_a_hanging_fmu_holds_the_loop_for_its_timeout_only(hurt):
    with hil.open_bench(hurt(2, "isolate = true", "fmu_timeout_s = 0.2")) as bench:
        bench.set("trigger.value", 2)
        begin = time.monotonic()
        with pytest.raises(BenchError, match="does not answer"):
            bench.run(10)
        assert time.monotonic() - begin < 25 * 0.2  # one timeout, not one for each of 1000 ticks


def test_no_process_of_an_isolated_fmu_is_left(hurt):
    me = f"/proc/{os.getpid()}/task/{os.getpid()}/children"
    before = set(Path(me).read_text().split())
    with hil.open_bench(hurt(2, "isolate = true")) as bench:
        bench.run(0.1)
        assert len(set(Path(me).read_text().split()) - before) == 1
    assert set(Path(me).read_text().split()) <= before


def test_real_time_ends_as_well(hurt):
    with hil.open_bench(hurt(3, "isolate = true"), time="real") as bench:
        bench.set("trigger.value", 1)
        with pytest.raises(BenchError, match="crashed"):
            bench.run(5)
        assert bench.finish().ticks < 300
        assert bench["drive"] == 0.5


def test_the_recording_of_a_failed_run_replays(hurt, tmp_path):
    from hil.replay import replay

    with hil.open_bench(hurt(2), record=tmp_path / "rec") as bench:
        bench.run(1)
        bench.set("trigger.value", 3)
        with pytest.raises(BenchError, match="refused"):
            bench.run(1)
    manifest = json.loads((tmp_path / "rec" / "manifest.json").read_text())
    assert manifest["result"] == "failed"
    assert "blocks.plant.fmu" in manifest["reason"]
    assert replay(tmp_path / "rec")["identical"] is True


def test_the_command_line_says_it_in_one_line(hurt):
    rig = hurt(2, "isolate = true")
    with rig.open("a") as file:
        file.write('[[events]]\nat_s = 0.3\nset = "trigger.value"\nvalue = 1\n')
    command = [sys.executable, "-m", "hil", "run", str(rig), "--virtual", "--duration", "2"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    said = ended.stdout + ended.stderr
    assert ended.returncode in (1, 2), said
    assert "the FMU failed at tick 31: its process crashed: Segmentation fault" in " ".join(said.split())
    assert "Traceback" not in said
