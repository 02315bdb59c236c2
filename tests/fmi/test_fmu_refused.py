"""What cannot be run is found when the rig is read, checked or opened: one line with file and key, exit code 2."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import fmu_maker
import gemseo_wheel
import pytest

import hil
from hil.checks import check_rig
from hil.errors import HilError
from hil.rig import load_rig


def refusal(rig) -> str:
    with pytest.raises(HilError) as caught:
        load_rig(rig)
    assert "Traceback" not in str(caught.value)
    lines = str(caught.value).splitlines()
    assert all("rig.toml:" in line for line in lines)
    return "\n".join(lines)


def repacked(fmu: Path, to: Path, change) -> Path:
    """The FMU with each member's (name, bytes) as `change` gives it; None leaves it out."""
    with zipfile.ZipFile(fmu) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            changed = change(name, old.read(name))
            if changed is not None:
                new.writestr(zipfile.ZipInfo(changed[0]), changed[1])
    return to


def edited(fmu: Path, to: Path, old: str, new: str) -> Path:
    def change(name: str, data: bytes):
        if name != "modelDescription.xml":
            return name, data
        assert old in data.decode()
        return name, data.decode().replace(old, new).encode()

    return repacked(fmu, to, change)


def test_an_fmu_for_another_platform(gemseo_fmus, tmp_path):
    shutil.copy(gemseo_wheel.fmus() / "win32" / "ramp.fmu", tmp_path)
    rig = tmp_path / "rig.toml"
    rig.write_text('[rig]\nname = "r"\nperiod_s = 0.01\n[blocks.plant]\nfmu = "ramp.fmu"\n')
    said = refusal(rig)
    assert 'blocks.plant.fmu = "ramp.fmu"' in said
    assert "has binaries for win64, and none for this machine" in said
    for command in ("check", "run"):
        ended = subprocess.run([sys.executable, "-m", "hil", command, str(rig)], capture_output=True, text=True)
        assert ended.returncode == 2
        assert len(ended.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("cut", [0, 1, 100, 0.5, 0.9])
def test_a_broken_archive(lag, fmu_rig, tmp_path, cut):
    whole = lag(2).read_bytes()
    broken = tmp_path / "broken.fmu"
    broken.write_bytes(whole[: round(cut * len(whole)) if isinstance(cut, float) else cut])
    assert "is not an FMU: the file is not a zip archive, or broken" in refusal(fmu_rig(broken))


def test_damage_inside_the_archive(lag, fmu_rig, tmp_path):
    data = bytearray(lag(2).read_bytes())
    at = data.index(b"nothing")  # stored, not packed: only the checksum shows it
    data[at] ^= 1
    broken = tmp_path / "broken.fmu"
    broken.write_bytes(data)
    assert "archive is broken" in refusal(fmu_rig(broken))


def test_there_is_no_file(lag, fmu_rig):
    rig = fmu_rig(lag(2))
    rig.write_text(rig.read_text().replace("plant.fmu", "pant.fmu"))
    assert "there is no such file. The folder has plant.fmu" in refusal(rig)


WRONG = [
    ('fmiVersion="2.0"', 'fmiVersion="1.0"', "is not valid|FMI 1.0 is not supported"),
    ("<ModelVariables>", "<ModelVariable>", "is not valid"),
    ("CoSimulation", "ModelExchange", "is not valid|not made for co-simulation"),
]


@pytest.mark.parametrize(("old", "new", "why"), WRONG)
def test_a_model_description_that_cannot_be_used(lag, fmu_rig, tmp_path, old, new, why):
    said = refusal(fmu_rig(edited(lag(2), tmp_path / "other.fmu", old, new)))
    assert any(part in said for part in why.split("|"))
    assert len(said.splitlines()) == 1


KEYS = [
    ("gian = 3", "blocks.plant.gian", "gain"),
    ("gain = 300", "blocks.plant.gain", "must lie within 0 and 100"),
    ('gain = "much"', "blocks.plant.gain", "must be a number"),
    ("x_start = 11", "blocks.plant.x_start", "must lie within -10 and 10"),
    ("x = 1", "blocks.plant.x", "cannot be set"),
    ('method = "euler"', "blocks.plant.method", "this one has an FMU"),
    ("fmu_timeout_s = 0", "blocks.plant.fmu_timeout_s", "greater than 0"),
]


@pytest.mark.parametrize(("line", "key", "why"), KEYS)
def test_a_wrong_key(lag, fmu_rig, line, key, why):
    said = refusal(fmu_rig(lag(2), line))
    assert key in said
    assert why in said


@pytest.mark.parametrize(("old", "new", "key"), [('u = "u"', 'v = "u"', "in.v"), ('x = "x"', 'z = "x"', "out.z")])
def test_a_missing_variable(lag, fmu_rig, old, new, key):
    rig = fmu_rig(lag(2))
    rig.write_text(rig.read_text().replace(old, new))
    said = refusal(rig)
    assert f"blocks.plant.{key}: Lag has no" in said
    assert "Valid: " in said or "Did you mean" in said


def test_keys_of_fmus_belong_to_fmus(tmp_path):
    rig = tmp_path / "rig.toml"
    rig.write_text('[rig]\nname = "r"\nperiod_s = 0.01\n[blocks.a]\ntype = "constant"\nisolate = true\n')
    assert "belongs to blocks with an FMU" in refusal(rig)


# ---- found by its trial: hil check has it as an error, opening refuses ----

TRIALS = [
    ("crash", "the FMU crashes at its start or in its first steps: Segmentation fault"),
    ("leave", "ends the process that tries it (exit code 7)"),
    ("refuse", "the FMU does not run: fmi2DoStep gives error: step 0 refused at 0 s"),
]


@pytest.mark.parametrize(("what", "why"), TRIALS)
def test_an_fmu_that_fails_in_its_first_steps(lag, fmu_rig, what, why):
    fmu = lag(2, mischief=fmu_maker.DO_NOT[what])
    rig = fmu_rig(fmu)
    rig.write_text(rig.read_text().replace(", mischief = 0", ""))  # its own start value
    found = [f for f in check_rig(load_rig(rig)) if f.where == "rig.toml: blocks.plant.fmu"]
    assert [f.severity for f in found] == ["error"]
    assert why in found[0].message
    with pytest.raises(HilError, match=r"blocks\.plant\.fmu") as caught:
        hil.open_bench(rig)
    assert why in str(caught.value)


def test_a_library_without_a_function_and_one_that_is_none(lag, fmu_rig, tmp_path):
    def text(name: str, data: bytes):
        return name, b"no library" if name.endswith(".so") else data

    with pytest.raises(HilError, match=r"does not load: .*(invalid ELF header|file too short)"):
        hil.open_bench(fmu_rig(repacked(lag(2), tmp_path / "text.fmu", text)))
    claims = edited(
        lag(2, state=False), tmp_path / "claims.fmu", "<CoSimulation ",
        '<CoSimulation canGetAndSetFMUstate="true" canSerializeFMUstate="true" ',
    )  # fmt: skip
    with pytest.raises(HilError, match="its library has no function fmi2GetFMUstate"):
        hil.open_bench(fmu_rig(claims))


def test_steps_that_take_longer_than_their_period(lag, fmu_rig):
    """A way to another process and back in 100 ns: no machine does that."""
    rig = fmu_rig(lag(2), "isolate = true", period=1e-7)
    found = [f for f in check_rig(load_rig(rig)) if f.where == "rig.toml: blocks.plant.fmu"]
    assert [f.severity for f in found] == ["error"]
    assert "longer than its period of 0.1 us" in found[0].message
    with pytest.raises(HilError, match="longer than its period"):
        hil.open_bench(rig, time="real")
    with hil.open_bench(rig) as bench:  # virtual time has no period to keep
        bench.run(1e-5)
    slow = fmu_rig(lag(2), "isolate = true", "every = 100_000_000", period=1e-7)
    assert not [f for f in check_rig(load_rig(slow)) if f.where == "rig.toml: blocks.plant.fmu"]


def test_an_fmu_is_no_firmware(lag, fmu_rig, tmp_path):
    rig = fmu_rig(lag(2))
    text = rig.read_text().replace("[blocks.plant]\n", '[blocks.plant]\nrole = "controller"\n')
    text = text.replace('"drive" = { limits', '"drive" = { max_age_s = 1.0, limits')
    text += '[roles.controller]\n[devices.board]\nrole = "controller"\nurl = "serial:///dev/ttyACM0"\n'
    rig.write_text(text + 'firmware = "lag"\nmap = "board.csv"\n')
    (tmp_path / "board.csv").write_text("tag,direction,type\nu,write,float64\nx,read,float64\n")
    with pytest.raises(HilError, match="cannot run on a microcontroller"):
        hil.open_bench(rig, bind={"controller": "sil"})
