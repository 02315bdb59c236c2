"""The cache of compiled models, and a machine on which casadi or the compiler is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hil.errors import RigError
from hil.models import Model, Param, State, compile_model, load_model
from hil.models.cache import is_sound

ROOT = Path(__file__).resolve().parents[2]
TEXT = """
from hil.models import Model, Param, State
from hil.models.math import sin

class Plant(Model):
    h = State(0.1, unit="m")
    k = Param(2.0)

    def equations(self):
        return {"h": -self.k * sin(self.h)}
"""
# Loads and steps the model of the folder in argv[1]; with "no-casadi" its import fails, as if it were not installed.
PROGRAM = """
import sys
from pathlib import Path
if "no-casadi" in sys.argv:
    sys.modules["casadi"] = None
from hil.errors import RigError
from hil.models import compile_model, load_model
try:
    model = compile_model(load_model("model.py:Plant", Path(sys.argv[1])))
except RigError as error:
    sys.exit(f"RigError {error}")
print(model.step([0.1], [], [2.0], 0.5)[0].hex(), "casadi" in sys.modules and sys.modules["casadi"] is not None)
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HIL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def plant(tmp_path: Path, cache: Path) -> Callable[[], type[Model]]:
    (tmp_path / "model.py").write_text(TEXT)
    return lambda: load_model("model.py:Plant", tmp_path)


def entries(cache: Path) -> list[Path]:
    return sorted(cache.glob("*.so"))


def elsewhere(folder: Path, *options: str, **environment: str) -> subprocess.Popen[str]:
    """Run PROGRAM in another process."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), *options],
        env={**os.environ, **environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_second_compilation_is_a_look_up(plant: Callable[[], type[Model]], cache: Path) -> None:
    told: list[str] = []
    first = compile_model(plant(), progress=told.append)
    assert told == ["Deriving the equations of Plant", "Compiling Plant (rk4)"]
    stamp = first.path.stat().st_mtime_ns
    second = compile_model(plant(), progress=told.append)
    assert (second.path, second.path.stat().st_mtime_ns, len(told)) == (first.path, stamp, 2)
    assert [p.suffix for p in sorted(cache.iterdir())] == [".c", ".so"]


def test_a_cached_model_needs_neither_casadi_nor_a_compiler(
    plant: Callable[[], type[Model]], tmp_path: Path, cache: Path
) -> None:
    expected = compile_model(plant()).step([0.1], [], [2.0], 0.5)[0].hex()
    (tmp_path / "empty").mkdir()
    process = elsewhere(tmp_path, "no-casadi", PATH=str(tmp_path / "empty"), CC="")
    assert process.communicate(timeout=60) == (f"{expected} False\n", "")


def test_without_casadi_a_new_model_is_one_line_with_the_mend(
    plant: Callable[[], type[Model]], tmp_path: Path, cache: Path
) -> None:
    plant()
    out, error = elsewhere(tmp_path, "no-casadi").communicate(timeout=60)
    assert out == ""
    assert error.startswith("RigError a model that is not in the cache needs casadi")
    assert "pip install 'hil[models]'" in error
    assert error.count("\n") == 1
    assert not cache.exists()


def test_a_file_that_imports_casadi_itself_says_so_without_it(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "model.py").write_text("import casadi\n" + TEXT)
    error = elsewhere(tmp_path, "no-casadi").communicate(timeout=60)[1]
    assert "model.py:1: ModuleNotFoundError" in error
    assert "hil.models.math" in error


def test_without_a_compiler_a_new_model_is_one_line_with_the_mend(
    plant: Callable[[], type[Model]], tmp_path: Path, cache: Path
) -> None:
    plant()
    (tmp_path / "empty").mkdir()
    out, error = elsewhere(tmp_path, PATH=str(tmp_path / "empty"), CC="").communicate(timeout=60)
    assert out == ""
    assert "needs a C compiler" in error
    assert "apt-get install gcc" in error
    assert error.count("\n") == 1
    assert not cache.exists()


def test_a_compiler_that_fails_leaves_its_log_and_no_entry(
    plant: Callable[[], type[Model]], tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken-cc"
    broken.write_text("#!/bin/sh\necho 'model.c:7:1: error: out of patience' >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CC", str(broken))
    with pytest.raises(
        RigError, match=r"model\.py:Plant: the compiler failed: out of patience\. .*log: .*\.log"
    ) as caught:
        compile_model(plant())
    log = Path(str(caught.value).split("log: ")[1])
    assert "out of patience" in log.read_text()
    assert entries(cache) == []
    assert list(cache.glob(".build-*")) == []
    monkeypatch.delenv("CC")
    assert compile_model(plant()).name == "Plant"


@pytest.mark.parametrize("edit", ["-self.k", "2.0)", 'unit="m"', "sin(self.h)"])
def test_every_edit_of_the_file_makes_a_new_entry(edit: str, tmp_path: Path, cache: Path) -> None:
    new = {"-self.k": "+self.k", "2.0)": "2.5)", 'unit="m"': 'unit="cm"', "sin(self.h)": "self.h"}[edit]
    made = []
    for text in (TEXT, TEXT.replace(edit, new), TEXT):
        (tmp_path / "model.py").write_text(text)
        made.append(compile_model(load_model("model.py:Plant", tmp_path)))
    assert made[0].path == made[2].path
    assert made[0].path != made[1].path
    assert (made[0].hash == made[1].hash) == (edit == "2.0)")  # a nominal value is no part of the equations


def test_an_edit_of_an_imported_file_makes_a_new_entry(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "model.py").write_text(
        TEXT.replace("class", "from hil_test_gain import GAIN\nclass").replace("2.0", "GAIN")
    )
    paths = []
    for gain in ("1.0", "1.0 * 2"):
        (tmp_path / "hil_test_gain.py").write_text(f"GAIN = {gain}\n# changed\n")
        for name in [n for n in sys.modules if n.startswith(("hil_test_gain", "hil_model_"))]:
            monkeypatch.delitem(sys.modules, name)
        paths.append(compile_model(load_model("model.py:Plant", tmp_path)).path)
    assert paths[0] != paths[1]


def test_classes_of_one_text_with_other_variables_are_other_models(cache: Path) -> None:
    def made_with(gain: float) -> type[Model]:
        class Local(Model):
            h = State(1.0)

            def equations(self) -> dict[str, Any]:
                return {"h": gain * self.h}

        return Local

    slopes = [compile_model(made_with(gain)).ode([1.0], [], [])[0] for gain in (2.0, 3.0, 2.0)]
    assert slopes == [2.0, 3.0, 2.0]
    assert len(entries(cache)) == 2


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with the model and its cache, and what the program prints."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "model.py").write_text(TEXT)
    # In another process: a damaged file that is mapped here would end the test.
    expected, error = elsewhere(folder, HIL_CACHE_DIR=str(folder / "cache")).communicate(timeout=60)
    assert error == ""
    return folder, expected


@pytest.mark.parametrize("damage", ["truncated", "empty", "one_bit", "no_trailer", "text"])
def test_a_damaged_entry_is_built_again(damage: str, built: tuple[Path, str], tmp_path: Path, cache: Path) -> None:
    folder, expected = built
    shutil.copytree(folder / "cache", cache)
    (entry,) = entries(cache)
    assert is_sound(entry)
    stamp = entry.stat().st_mtime_ns
    data = entry.read_bytes()
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 4
    kinds = {"truncated": data[: len(data) // 2], "empty": b"", "one_bit": bytes(flipped), "no_trailer": data[:-40]}
    entry.write_bytes(kinds.get(damage, b"not a shared object"))
    assert not is_sound(entry)
    out, error = elsewhere(folder).communicate(timeout=60)
    assert (out, error) == (expected, "")
    assert entries(cache) == [entry]
    assert is_sound(entry)
    assert entry.stat().st_mtime_ns != stamp


def test_four_processes_that_build_at_the_same_time_agree(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "model.py").write_text(TEXT)
    processes = [elsewhere(tmp_path) for _ in range(4)]
    answers = {process.communicate(timeout=120) for process in processes}
    assert len(answers) == 1
    assert next(iter(answers))[1] == ""
    assert len(entries(cache)) == 1
    assert is_sound(entries(cache)[0])
    assert list(cache.glob(".build-*")) == []


def test_a_cache_that_cannot_be_written_is_one_line_with_the_mend(
    plant: Callable[[], type[Model]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HIL_CACHE_DIR", str(tmp_path / "file" / "cache"))
    with pytest.raises(RigError, match=r"cannot be written.*Set HIL_CACHE_DIR"):
        compile_model(plant())


def test_the_cache_lies_where_the_system_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from hil.models.cache import cache_folder

    monkeypatch.delenv("HIL_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "hil" / "models"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "hil" / "models"


def test_the_entry_of_another_user_is_not_loaded(plant: Callable[[], type[Model]], cache: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to give a file away")
    entry = compile_model(plant()).path
    os.chown(entry, 12345, -1)
    assert not is_sound(entry)
    compile_model(plant())
    assert entry.stat().st_uid == 0


def test_a_docstring_changes_the_entry_but_not_the_hash_of_the_equations(tmp_path: Path, cache: Path) -> None:
    hashes = []
    for text in (TEXT, TEXT.replace("class Plant(Model):", 'class Plant(Model):\n    """New."""')):
        (tmp_path / "model.py").write_text(text)
        hashes.append(compile_model(load_model("model.py:Plant", tmp_path)).hash)
    assert hashes[0] == hashes[1]
    assert len(entries(cache)) == 2


class Module(Model):
    """At module level, so found by the text of this file."""

    h = State(1.0)
    k = Param(1.0)

    def equations(self) -> dict[str, Any]:
        return {"h": -self.k * self.h}


def test_methods_have_entries_of_their_own(cache: Path) -> None:
    paths = {compile_model(Module, method).path for method in ("rk4", "euler", "semi_implicit", "exact", "discrete")}
    assert len(paths) == 5
    with pytest.raises(RigError, match=r"method 'RK4' is not known"):
        compile_model(Module, "RK4")
