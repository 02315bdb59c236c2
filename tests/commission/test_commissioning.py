"""How a commissioning runs, breaks off, and is run again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hil.cli import main
from hil.commission import commissioning
from hil.commission.commissioning import Request, commission
from hil.commission.results import Item, Results, Verdict

Copy = Callable[..., Path]
Hil = Callable[..., subprocess.CompletedProcess[str]]
TOML = "commission/commission.toml"


def verdicts(results: Results) -> dict[str, str]:
    return {item.id: item.verdict.value for item in results.items}


def test_two_commissionings_are_equal_to_the_last_digit(vessel: Copy) -> None:
    first, second = (commission(Request(vessel())) for _ in range(2))
    assert first.items == second.items
    assert first.conditions.files == second.conditions.files
    assert first.conditions.program_hash == second.conditions.program_hash


def test_an_item_alone_comes_to_what_it_does_among_all(vessel: Copy) -> None:
    whole = commission(Request(vessel()))
    alone = commission(Request(vessel(), only=["ALARM-plc.low*"]))
    name = "ALARM-plc.low-sensor.level2"
    assert alone.item(name) == whole.item(name)
    assert [i for i in alone.items if i.kind == "alarm"] == [alone.item(name)]
    touched = alone.item("TAGS-touched")
    assert touched is not None
    assert touched.verdict is Verdict.NOT_RUN


def test_every_item_is_traced_to_its_requirement_and_cell(vessel: Copy) -> None:
    results = commission(Request(vessel()))
    closed = next(r for r in results.requirements if r.id == "CLOSED")
    assert {"REQ-CLOSED", "MATRIX-FULL"} <= set(closed.items)
    assert closed.margin is not None
    assert {(cell.cause, cell.effect, cell.expected) for cell in results.cells} == {
        ("FULL", "CLOSE", "L 500ms..700ms"), ("FULL", "ALARM", "L 450ms..550ms"), ("LOW2", "CLOSE", "X 200ms"),
        ("LOW2", "ALARM", ""),
    }  # fmt: skip


def test_in_lock_step_over_the_wire_the_verdicts_are_the_same(vessel: Copy) -> None:
    only = ["LOOP-sensor.level1", "ALARM-plc.low*", "MATRIX-LOW2"]
    here = commission(Request(vessel(), only=only))
    wired = commission(Request(vessel(), time="lockstep", bind={"plc": "pil"}, only=only))
    assert verdicts(here) == verdicts(wired)
    assert wired.passed
    assert wired.conditions.bindings == {"plc": "pil"}


@pytest.mark.realtime
def test_in_real_time_a_subset_is_run_and_said_aloud(vessel: Copy) -> None:
    chosen = 'real_time_s = 6.0\nreal_time = ["LOOP-sensor.level1", "BINARY-plc.low", "ALARM-*"]'
    folder = vessel(("real_time_s = 12.0", chosen), ("settle_s = 20.0", "settle_s = 0.5"), file=TOML)
    results = commission(Request(folder, time="real", bind={"plc": "mil"}))
    run = {item.id for item in results.items if item.verdict is not Verdict.NOT_RUN}
    assert run == {"INITIAL-state", "LOOP-sensor.level1", "BINARY-plc.low", "TAGS-list", "FORCE-released"}
    assert results.conditions.scope[0].startswith("in real time 2 of ")
    assert "may take 6 s" in next(item.reason for item in results.items if item.id.startswith("ALARM"))
    assert results.passed, [item.reason for item in results.items if item.verdict is Verdict.FAILED]


def test_a_device_that_is_switched_off_half_way_leaves_results_that_say_so(vessel: Copy) -> None:
    opened = []
    real_open = commissioning.open_bench

    def open_and_keep(*args: Any, **options: Any) -> Any:
        opened.append(real_open(*args, **options))
        return opened[-1]

    def switch_off(item: Item, _n: int, _of: int) -> None:
        if item.id == "LOOP-sensor.level2":
            process = opened[-1].device("plc").emulated.process
            process.kill()
            process.wait()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commissioning, "open_bench", open_and_keep)
        folder = vessel((" and abs(sensor.level1 - 0.5) < 1mm", ""), ("settle_s = 20.0", "settle_s = 1.0"), file=TOML)
        only = ["LOOP-sensor.*", "ALARM-*"]
        results = commission(Request(folder, time="lockstep", bind={"plc": "pil"}, only=only), switch_off)
    found = verdicts(results)
    assert found["LOOP-sensor.level1"] == found["LOOP-sensor.level2"] == "passed"
    assert found["ALARM-plc.alarm-sensor.level1"] == found["ALARM-plc.low-sensor.level2"] == "not_completed"
    assert not results.completed
    assert not results.passed
    assert "plc" in results.broken_off
    assert Results.from_dict(results.to_dict()) == results


def test_ctrl_c_leaves_a_record_and_exit_code_1(
    vessel: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, calls = commissioning.trends, []

    def interrupted(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(*args)

    monkeypatch.setattr(commissioning, "trends", interrupted)
    out = tmp_path / "out"
    code = main(
        ["commission", str(vessel()), "--only", "LOOP-sensor.*", "--only", "REQ-*", "--out", str(out), "--json"]
    )
    found = json.loads(capsys.readouterr().out)
    assert (code, found["broken_off"], found["completed"]) == (1, "interrupted", False)
    told = {item["id"]: item["verdict"] for item in found["items"]}
    assert told["LOOP-sensor.level1"] == "passed"
    assert told["LOOP-sensor.level2"] == told["REQ-CLOSED"] == "not_completed"
    assert (out / "record.html").is_file()


def test_the_command_line_tells_items_and_writes_a_record(vessel: Copy, tmp_path: Path, hil: Hil) -> None:
    out = tmp_path / "out"
    good = hil("commission", vessel(), "--only", "LOOP-*", "--out", out)
    assert good.returncode == 0, good.stderr
    assert "PASSED  vessel (virtual; plc: mil)" in good.stdout
    assert (out / "record.html").is_file()


def test_exit_codes_say_what_became_of_it(vessel: Copy, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = str(vessel(("level = 0.80", "level = 0.85"))), str(tmp_path / "out")
    assert main(["commission", folder, "--only", "ALARM-plc.alarm*", "--out", out]) == 1
    told = capsys.readouterr().out
    assert "1. ALARM-plc.alarm-sensor.level1:" in told
    assert "FAILED  vessel" in told
    assert main(["commission", "verify", out]) == 0
    assert main(["commission", folder, "--out", out]) == 2
    assert "there is a record already" in capsys.readouterr().err
    assert main(["commission", folder, "--only", "LOOP-sensr.level1"]) == 2
    assert "Did you mean LOOP-sensor.level1?" in capsys.readouterr().err
