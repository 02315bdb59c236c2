"""Snapshot, restore and fork of a bench with FMUs: to the bit where the state can be saved, else refused by name."""

from __future__ import annotations

import pytest

import hil
from hil.errors import BenchError

EVERY = [(2, False), (3, False), (2, True), (3, True)]


def keys(isolate):
    return ["isolate = true"] if isolate else []


@pytest.mark.parametrize(("version", "isolate"), EVERY)
def test_a_restored_bench_goes_on_to_the_same_bits(lag, fmu_rig, version, isolate):
    with hil.open_bench(fmu_rig(lag(version), *keys(isolate))) as bench:
        bench.run(0.5)
        snapshot, before = bench.snapshot(), bench.state_hash
        bench.run(1)
        after = bench.state_hash
        bench.restore(snapshot)
        assert bench.state_hash == before
        bench.run(1)
        assert bench.state_hash == after


@pytest.mark.parametrize(("version", "isolate"), EVERY)
def test_a_fork_and_its_bench_do_not_touch_each_other(lag, fmu_rig, version, isolate):
    with (
        hil.open_bench(fmu_rig(lag(version), *keys(isolate))) as bench,
        hil.open_bench(fmu_rig(lag(version), *keys(isolate))) as straight,
    ):
        straight.run(1.5)
        bench.run(0.5)
        fork = bench.fork()
        bench.set("plant.gain", 50.0)
        bench.run(1)
        fork.run(1)
        assert fork.hash == straight.state_hash
        assert fork["x"] != bench["x"]


def test_isolated_or_not_the_bits_are_the_same(lag, fmu_rig):
    def hashes(*how):
        with hil.open_bench(fmu_rig(lag(2), *how)) as bench:
            bench.run(1)
            return bench.built.program.hash, bench.state_hash

    assert hashes() == hashes("isolate = true") != hashes("x_start = 0.1")


@pytest.mark.parametrize(("how", "why"), [({"state": False}, "not offered"), ({"forgets": True}, "goes on otherwise")])
def test_an_opaque_fmu_is_refused_by_name(lag, fmu_rig, how, why):
    with hil.open_bench(fmu_rig(lag(2, **how))) as bench:
        bench.run(0.1)
        for act, what in ((bench.snapshot, "snapshot"), (bench.fork, "fork")):
            with pytest.raises(BenchError, match=rf"blocks.plant.fmu = plant.fmu: no {what} .*{why}"):
                act()
        for act in (bench.state.copy, bench.state.snapshot):  # the core holds to it as well
            with pytest.raises(BenchError, match="outside the buffer"):
                act()


def test_a_snapshot_that_is_cut_off_is_refused(lag, fmu_rig):
    with hil.open_bench(fmu_rig(lag(2))) as bench:
        bench.run(0.1)
        with pytest.raises(BenchError, match="cut off"):
            bench.restore(bench.snapshot()[:-1])


@pytest.mark.parametrize("isolate", [False, True])
def test_a_state_that_is_not_its_own_is_refused(lag, fmu_rig, isolate):
    with hil.open_bench(fmu_rig(lag(2), *keys(isolate))) as bench:
        bench.run(0.1)
        snapshot = bench.snapshot()
        size = bench.built.program.state_size
        with pytest.raises(BenchError, match="does not take its state back: fmi2DeSerializeFMUstate gives error"):
            bench.restore(snapshot[:size] + (4).to_bytes(8, "little") + b"None")
        result = bench.finish()  # after that error nothing of it may be called: the run has failed, and is safe
        assert "blocks.plant.fmu" in result.reason
        assert bench["drive"] == 0.5


def test_the_recording_says_what_is_not_promised_and_replays(lag, fmu_rig, tmp_path):
    from hil.recording import Recording
    from hil.replay import replay
    from hil.report.content import checks_of

    rig = fmu_rig(lag(3, comment="replayed"))
    with hil.open_bench(rig, record=tmp_path / "rec") as bench:
        bench.run(2)
        bench.set("plant.gain", 1.0)
        bench.run(1)
    (tmp_path / "plant.fmu").unlink()  # the recording knows its content; the unpacked FMU is found by it
    manifest = Recording(tmp_path / "rec").manifest
    assert "plant (plant.fmu)" in manifest["outside_promises"]
    assert manifest["fmus"]["plant"]["fmi"] == 3
    sentence, _ = checks_of(Recording(tmp_path / "rec"))
    assert "Not promised with the FMUs plant (plant.fmu)" in sentence  # as the report shows it
    assert replay(tmp_path / "rec")["identical"] is True
