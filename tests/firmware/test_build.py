"""Compiling firmware: cache, warnings, what it may call, what it costs, and a machine on which something is missing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from hil.errors import RigError
from hil.mcu.applications import BANDS, TABLE, outside, read_table
from hil.mcu.build import build_firmware, common_parts
from hil.mcu.measure import Costs
from hil.mcu.sizes import sizes_of
from hil.mcu.targets import CORE, FIRMWARE, FLAGS, NOT_ON_BOARDS, TARGETS, Target
from hil.models.cache import contents

# Memory and text; what a Cortex-M has no instruction for (AEABI: run-time ABI for the Arm architecture); the linker's.
ALLOWED = {"memcpy", "memmove", "memset", "memcmp", "strcmp", "strlen"}
ARITHMETIC = "__aeabi_"
OF_THE_LINKER = {"_GLOBAL_OFFSET_TABLE_", "fw_application"}


@dataclass(frozen=True)
class Compiled:
    target: Target
    said: str  # by the compiler
    folder: Path
    portable: list[str]  # object files of what knows no board


@pytest.fixture(scope="module", params=sorted(TARGETS))
def compiled(request, one, tmp_path_factory) -> Compiled:
    """What every application of a board is linked with, and one application."""
    target, folder = TARGETS[request.param], tmp_path_factory.mktemp(request.param)
    if not shutil.which(f"{target.prefix}gcc"):
        pytest.skip(f"{target.prefix}gcc is not installed ({target.mend})")
    made = [common_parts(target.board), build_firmware(one, target.board)]
    logs = [path.with_suffix(".log") for path in made]
    (folder / "common.a").write_bytes(contents(made[0]))
    subprocess.run([f"{target.prefix}ar", "x", "common.a"], cwd=folder, check=True)
    portable = [f"{i}-{p.stem}.o" for i, p in enumerate(target.sources) if target.folder not in p.parents]
    return Compiled(target, "".join(log.read_text() for log in logs if log.exists()), folder, portable)


def test_everything_compiles_without_a_warning(compiled):
    assert compiled.said == ""


def test_what_the_compiler_warns_of_is_kept_beside_the_program(one):
    warned = replace(one, name="warned", source=one.source + "\nstatic int unused(void) { return 1; }\n")
    program = build_firmware(warned, "posix")
    assert "-Wunused-function" in program.with_suffix(".log").read_text()
    assert not build_firmware(replace(one, name="warned"), "posix").with_suffix(".log").exists()


def test_portable_sources_call_nothing_from_outside(compiled):
    assert len(compiled.portable) > 50
    command = [f"{compiled.target.prefix}nm", "-A", "-P", *compiled.portable]
    text = subprocess.run(command, cwd=compiled.folder, capture_output=True, text=True, check=True).stdout
    rows = [line.split()[:3] for line in text.splitlines()]
    defined = {name for _, name, kind in rows if kind not in "Uw"}
    foreign = {name for _, name, kind in rows if kind in "Uw"} - defined - ALLOWED - OF_THE_LINKER
    assert {name for name in foreign if not name.startswith(ARITHMETIC)} == set()


def test_portable_sources_keep_no_data_that_changes(compiled):
    """All of a device is in its context: N live in one process. On the host constants with addresses count as data."""
    changing = "bBCsSdD" if compiled.target.prefix else "bBCsS"
    command = [f"{compiled.target.prefix}nm", "-A", "-P", *compiled.portable]
    text = subprocess.run(command, cwd=compiled.folder, capture_output=True, text=True, check=True).stdout
    assert [line for line in text.splitlines() if line.split()[2] in changing] == []


def test_clang_has_no_warning_either(tmp_path):
    if not shutil.which("clang"):
        pytest.skip("clang is not installed")
    target = TARGETS["posix"]
    command = ["clang", *FLAGS, "-Werror", *target.flags, *target.include]
    for source in target.sources:
        if CORE not in source.parents:
            done = subprocess.run(
                [*command, "-c", str(source)], cwd=tmp_path, capture_output=True, text=True, check=False
            )
            assert (done.stderr, done.returncode) == ("", 0)


def test_a_board_gets_all_of_the_firmware_and_the_core():
    for target in TARGETS.values():
        sources = set(target.sources)
        assert set((FIRMWARE / "common").glob("*.c")) <= sources
        assert {p.stem for p in set((CORE / "src").rglob("*.c")) - sources} == set(NOT_ON_BOARDS)
        assert len(sources) == len(target.sources)


def test_a_second_build_costs_nothing_and_another_application_little(one, one_stm32, monkeypatch, tmp_path):
    monkeypatch.setenv("HIL_CACHE_DIR", str(tmp_path))
    said: list[str] = []
    first = build_firmware(one, "stm32f405", progress=said.append)
    assert said == ["Compiling the firmware's common parts for stm32f405", "Compiling one for stm32f405"]
    assert first.read_bytes() == one_stm32.read_bytes(), "the same sources elsewhere give the same program"
    assert build_firmware(one, "stm32f405", progress=said.append) == first
    assert len(said) == 2
    other = replace(one, name="other", source=one.source.replace('"one"', '"other"'))
    assert build_firmware(other, "stm32f405", progress=said.append) != first
    assert said[2:] == ["Compiling other for stm32f405"]
    first.write_bytes(first.read_bytes()[:-5])  # a damaged entry
    assert build_firmware(one, "stm32f405", progress=said.append) == first
    assert said[3:] == ["Compiling one for stm32f405"]


def test_without_a_compiler_there_is_one_line_with_the_mend(one, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HIL_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(RigError) as caught:
        build_firmware(one, "stm32f405")
    assert str(caught.value) == (
        "compiling firmware for stm32f405 needs arm-none-eabi-gcc, which is not installed. "
        "Install it with: apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi"
    )


def test_a_compiler_that_fails_is_one_line_with_its_log(one, one_posix):
    broken = replace(one, source=one.source + "\nint broken(void) { return nothing; }\n")
    with pytest.raises(RigError, match=r"the compiler failed: .nothing. undeclared.*The compiler's log: ") as caught:
        build_firmware(broken, "posix")
    assert "\n" not in str(caught.value)
    log = Path(str(caught.value).rpartition("log: ")[2])
    assert "nothing" in log.read_text()
    log.unlink()


def test_an_unknown_board_is_named(one):
    with pytest.raises(RigError, match=r"there is no board 'stm32f406'. Did you mean stm32f405\?"):
        build_firmware(one, "stm32f406")


def test_memory_fits_and_is_told(one_stm32):
    sizes = sizes_of(one_stm32)
    assert 20_000 < sizes.flash < 1_048_576
    assert 1_000 < sizes.ram < 128 * 1024 - 12 * 1024 - 256


@pytest.fixture(scope="module")
def printed(arm_tools) -> list[str]:
    """What `make firmware` prints."""
    done = subprocess.run([sys.executable, "-m", "hil.mcu"], capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_command_prints_a_table_and_where_the_programs_are(printed):
    assert printed[0].split() == ["application", "flash", "RAM", "stack", "instructions/step"]
    paths = [Path(line.rpartition(": ")[2]) for line in printed if " for " in line]
    assert len(paths) == len(TARGETS) * len(read_table())
    assert all(path.exists() for path in paths)


def test_costs_of_the_shipped_applications_are_those_of_the_table(printed):
    """Two-sided: what became cheaper is news too. `make firmware-table` writes the table."""
    rows = [line.replace(",", "").split() for line in printed[1:] if not line.startswith(" ") and " for " not in line]
    found, kept = {name: Costs(*map(int, costs)) for name, *costs in rows}, read_table()
    assert sorted(found) == sorted(kept), f"{TABLE.name} has other applications than the shipped rigs"
    assert {name: outside(costs, kept[name]) for name, costs in found.items()} == {name: [] for name in found}


def test_a_planted_change_lies_outside_of_the_bands():
    kept = next(iter(read_table().values()))
    for name, band in BANDS.items():
        for factor in (1 - 1.2 * band, 1 + 1.2 * band):
            changed = replace(kept, **{name: round(getattr(kept, name) * factor)})
            assert [words.split(":")[0] for words in outside(changed, kept)] == [name]


def test_the_command_names_a_rig_without_firmware():
    done = subprocess.run([sys.executable, "-m", "hil.mcu", "quad_tank"], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        pytest.skip("quad_tank has firmware by now")
    assert done.returncode == 2
    assert done.stderr.startswith("hil: quad_tank: no device of the rig has firmware")
