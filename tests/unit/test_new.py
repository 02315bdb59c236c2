"""`hil new`: what it makes runs, passes its own tests, and appears whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hil import new, open_bench
from hil.checks import check_rig
from hil.errors import RigError
from hil.new import make_rig
from hil.rig import load_rig


def test_a_new_rig_has_nothing_to_mend_and_holds_its_speed(tmp_path: Path) -> None:
    made = make_rig("my_motor", tmp_path)
    rig = load_rig(made)
    assert rig.name == "my_motor"
    assert check_rig(rig) == []
    with open_bench(made) as bench:
        bench.run(5)
        assert bench["motor.speed"] == pytest.approx(100.0, abs=2.0)
        assert all(bench.status(name) == 0 for name in bench.names)


def test_the_tests_of_a_new_rig_pass_and_can_fail(tmp_path: Path) -> None:
    made = make_rig("my_motor", tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(made), str(made)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
    file = made / "rig.toml"
    file.write_text(file.read_text().replace("setpoint = 100.0", "setpoint = 90.0"))
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert "1 failed, 2 passed" in done.stdout


def test_its_plc_closes_the_loop_over_the_wire_with_the_same_bits(tmp_path: Path) -> None:
    made = make_rig("my_motor", tmp_path)
    hashes = {}
    for time, level in (("virtual", "mil"), ("lockstep", "pil")):
        with open_bench(made, time=time, bind={"plc": level}) as bench:
            bench.run(1)
            hashes[time] = bench.history("motor.speed").tobytes()
    assert hashes["virtual"] == hashes["lockstep"]


def test_no_placeholder_is_left(tmp_path: Path) -> None:
    made = make_rig("my_motor", tmp_path)
    files = sorted(path.relative_to(made) for path in made.rglob("*") if path.is_file())
    assert files == [Path("README.md"), Path("plc.csv"), Path("rig.toml"), Path("tests/test_my_motor.py")]
    for path in files:
        text = (made / path).read_text()
        assert "{{" not in text
        assert text.endswith("\n")
    assert "my_motor" in (made / "README.md").read_text()


@pytest.mark.parametrize("name", ["", "9x", "a b", "../x", "a/b", "a.b", "x" * 61, "ä", "-x"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RigError, match="is not a name"):
        make_rig(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_exists_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").write_text("mine")
    (tmp_path / "c").symlink_to(tmp_path / "nowhere")
    for name in ("a", "b", "c"):
        with pytest.raises(RigError, match="exists already"):
            make_rig(name, tmp_path)
    assert list((tmp_path / "a").iterdir()) == []
    assert (tmp_path / "b").read_text() == "mine"


def test_nothing_is_left_when_the_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled, calls = new._filled, []

    def fail_at_the_third(text: str, name: str) -> str:
        calls.append(name)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        return filled(text, name)

    monkeypatch.setattr(new, "_filled", fail_at_the_third)
    with pytest.raises(RigError, match="No space left on device"):
        make_rig("a", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    for folder in (tmp_path / "nothing", Path("/proc")):
        with pytest.raises(RigError) as error:
            make_rig("a", folder)
        assert "--dir" in str(error.value)


def test_the_folder_can_be_entered_by_others_as_any_other(tmp_path: Path) -> None:
    made = make_rig("a", tmp_path)
    assert made.stat().st_mode & 0o777 == 0o755
