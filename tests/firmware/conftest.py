"""Programs for boards, compiled once: TCLab boards, the device `one` of bench_of_one.py; what is missing is told."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import bench_of_one
from link_rig import Relay, board_with, bus_on, opened, relay_to
from tclab_board import build_boards

from hil._link import LinkBus
from hil.mcu.build import build_firmware
from hil.mcu.tables import Application, make_application
from hil.program import controller_of


@pytest.fixture(scope="session")
def tclab_programs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    pytest.importorskip("casadi", reason="casadi is not installed: the thermal model cannot be compiled")
    return build_boards(tmp_path_factory.mktemp("tclab"))


@pytest.fixture(scope="session")
def tclab_program(tclab_programs: tuple[Path, Path]) -> Path:
    """Its clock may run faster than the host's."""
    return tclab_programs[0]


@pytest.fixture(scope="session")
def tclab_posix(tclab_programs: tuple[Path, Path]) -> Path:
    """The product's board `posix`."""
    return tclab_programs[1]


@pytest.fixture(scope="session")
def arm_tools() -> None:
    """Compiler and emulator of the stm32f405, or a reason to skip."""
    for command, package in (
        ("arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi"),
        ("qemu-system-arm", "qemu-system-arm"),
    ):
        if not shutil.which(command):
            pytest.skip(f"{command} is not installed (apt-get install {package})")


@pytest.fixture(scope="session")
def one(tmp_path_factory: pytest.TempPathFactory) -> Application:
    rig = bench_of_one.make_rig(tmp_path_factory.mktemp("one"))
    return make_application(rig, rig.devices["board"], controller_of(rig, rig.roles["controller"]))


@pytest.fixture(scope="session")
def one_stm32(one: Application, arm_tools: None) -> Path:
    return build_firmware(one, "stm32f405")


@pytest.fixture(scope="session")
def one_posix(one: Application) -> Path:
    if not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    return build_firmware(one, "posix")


# ---- a board and the bus of its link (link_rig.py) ----


@pytest.fixture
def linked_board(tmp_path: Path) -> Iterator[str]:
    """The path of its link; its outputs may be 50 ms old."""
    with board_with(0.05, tmp_path) as path:
        yield path


@pytest.fixture
def patient_board(tmp_path: Path) -> Iterator[str]:
    """Its outputs may be old and its task late: for tests that look at the link, on a machine that may be busy."""
    with board_with(5.0, tmp_path, 0.01) as path:
        yield path


@pytest.fixture
def bus(linked_board: str) -> Iterator[LinkBus]:
    with opened(linked_board) as fd, bus_on(fd) as bus:
        bus.connect()
        yield bus


@pytest.fixture
def relay(linked_board: str) -> Iterator[Relay]:
    with relay_to(linked_board) as relay:
        yield relay
