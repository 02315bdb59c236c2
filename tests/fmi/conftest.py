"""FMUs for the tests of this folder, and rigs around them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fmu_maker
import gemseo_wheel
import pytest
from fmu_rigs import RIG

pytest.importorskip("fmpy", reason="FMPy is not installed: pip install 'hil[fmi]'")


@pytest.fixture(scope="session")
def lag(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`lag(2, state=False)`: an FMU of tests/fmi/sources, made once."""
    made: dict[Any, Path] = {}

    def make(version: int = 2, **how: Any) -> Path:
        key = version, *sorted(how.items())
        if key not in made:
            made[key] = fmu_maker.make_fmu(tmp_path_factory.mktemp("fmu"), version, **how)
        return made[key]

    return make


@pytest.fixture
def fmu_rig(tmp_path: Path) -> Callable[..., Path]:
    """`fmu_rig(fmu, "gain = 3")`: a rig with this FMU between a sine and a gated output."""

    def write(fmu: Path, *keys: str, period: float = 0.01, text: str = RIG) -> Path:
        shutil.copy(fmu, tmp_path / "plant.fmu")
        rig = tmp_path / "rig.toml"
        rig.write_text(text.format(period=period, keys="\n".join(keys)))
        return rig

    return write


@pytest.fixture(scope="session")
def gemseo_fmus() -> dict[str, Path]:
    """The Linux FMUs of the wheel gemseo-fmu by name; the test is skipped where it cannot be downloaded."""
    try:
        return gemseo_wheel.linux_fmus()
    except OSError as error:
        pytest.skip(f"the wheel gemseo-fmu cannot be had: {error}")
