"""From the command line: run, sign, verify, run again, compare, on a rig that is shipped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hil.cli import main
from hil.commission.history import read_history
from hil.commission.results import Results

RIG = Path(__file__).parents[2] / "rigs" / "quad_tank"


@pytest.fixture
def told(capsys):
    def tell(*args: object) -> tuple[int, str]:
        capsys.readouterr()
        code = main([str(arg) for arg in args])
        said = capsys.readouterr()
        return code, said.out + said.err

    return tell


def test_a_record_is_made_signed_verified_run_again_and_compared(tmp_path, told, monkeypatch):
    monkeypatch.setenv("HIL_KEYS", str(tmp_path / "keys"))
    key, fat, second = tmp_path / "ada.pem", tmp_path / "fat", tmp_path / "second"
    assert told("key", "new", "--name", "Ada Example", "--out", key)[0] == 0
    some = ("commission", RIG, "--only", "LOOP-sensor.h*")
    assert told(*some, "--out", fat, "--key", key)[0] == 0
    code, said = told("commission", "verify", fat, "--trusted", f"{key}.pub")
    assert (code, said.splitlines()[0]) == (0, "valid, signed by Ada Example")
    assert (fat / "spec" / "rig.toml").read_bytes() == (RIG / "rig.toml").read_bytes()
    code, said = told(*some, "--out", fat)
    assert code == 2
    assert "there is a record already" in said

    assert told("commission", RIG, "--only", "LOOP-sensor.h1", "--into", fat, "--reason", "seen by the client")[0] == 0
    assert "LOOP-sensor.h1" in read_history(fat)[0].items
    code, said = told("commission", "verify", fat)
    assert (code, said.splitlines()[0]) == (0, "unsigned")
    assert told("commission", "verify", fat, "--trusted", f"{key}.pub")[0] == 1

    assert told(*some, "--out", second, "--compare", fat, "--key", key)[0] == 0
    assert json.loads((second / "compare.json").read_text())["different"] == []
    assert Results.read(second / "beside").conditions.program_hash == Results.read(second).conditions.program_hash
    (second / "spec" / "plc.csv").write_text("")
    code, said = told("commission", "verify", second, "--trusted", f"{key}.pub")
    assert (code, said.strip()) == (1, "broken: spec/plc.csv has changed")
