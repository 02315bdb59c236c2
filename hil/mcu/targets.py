"""What a firmware is compiled from, with what, for each board."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hil.errors import RigError
from hil.nearest import did_you_mean

PACKAGE = Path(__file__).resolve().parent.parent
CORE, DRIVERS, FIRMWARE, MODELS = (PACKAGE / name for name in ("core", "drivers", "firmware", "models"))
# What needs an operating system, or serves one that has: a board has no commands to queue and no recording.
NOT_ON_BOARDS = ("loop", "part", "ring", "capture", "watch")
# The codecs; bus threads and sockets are the host's.
CODECS = (
    "cobs", "crc16", "link", "link_receive", "link_send", "link_values",
    "mb_bank", "mb_counters", "mb_serve", "modbus_answer", "modbus_request", "regmap", "regmap_check",
    "rtu", "rtu_slave",
)  # fmt: skip

# Why each of them: no contraction and no vectoriser keep the bits equal everywhere; state is a buffer of bytes read
# through many types; what an application does not call is left out.
FLAGS = (
    "-std=c11",
    "-Werror=implicit-function-declaration",  # what is called without a prototype returns an int: wrong, and silent
    "-fno-tree-vectorize",
    "-ffp-contract=off",
    "-fno-strict-aliasing",
    "-ffunction-sections",
    "-fdata-sections",
    "-Wall",
    "-Wextra",
    "-g",
)


@dataclass(frozen=True)
class Target:
    """A board to compile for.

    Attributes:
        board: its name, and that of its folder below firmware/boards.
        prefix: of the names of its tools.
        mend: how to come by them.
        flags: for its compiler, besides FLAGS.
        link: for its linker.
        script: file name of its linker's script, if it has one.
    """

    board: str
    prefix: str
    mend: str
    flags: tuple[str, ...]
    link: tuple[str, ...]
    script: str | None = None

    @property
    def folder(self) -> Path:
        """Its sources."""
        return FIRMWARE / "boards" / self.board

    @property
    def sources(self) -> tuple[Path, ...]:
        """Everything that all applications share."""
        core = [p for p in sorted((CORE / "src").rglob("*.c")) if p.stem not in NOT_ON_BOARDS]
        codecs = [DRIVERS / "src" / f"{name}.c" for name in CODECS]
        return (*core, *codecs, *sorted((FIRMWARE / "common").glob("*.c")), *sorted(self.folder.glob("*.c")))

    @property
    def include(self) -> tuple[str, ...]:
        """Its folders of headers, as options."""
        folders = (CORE / "include", CORE / "src", DRIVERS / "include", FIRMWARE / "common", self.folder, MODELS)
        return tuple(f"-I{folder}" for folder in folders)

    def headers(self) -> tuple[Path, ...]:
        """All that the sources may include, and the linker's script."""
        folders = (
            CORE / "include",
            CORE / "src",
            DRIVERS / "include",
            DRIVERS / "src",
            FIRMWARE / "common",
            self.folder,
        )
        found = [p for folder in folders for p in sorted(folder.rglob("*.h"))]
        return (*found, self.folder / self.script) if self.script else tuple(found)


TARGETS = {
    "stm32f405": Target(
        "stm32f405",
        "arm-none-eabi-",
        "apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi",
        ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-O2"),
        ("--specs=nano.specs", "--specs=nosys.specs", "-nostartfiles", "-Wl,--gc-sections", "-Wl,--fatal-warnings"),
        "layout.ld",
    ),
    "posix": Target("posix", "", "apt-get install gcc libc6-dev", ("-O3", "-D_GNU_SOURCE"), ("-Wl,--gc-sections",)),
}


def find_target(board: str) -> Target:
    """The target of this name.

    Raises:
        RigError: there is none.
    """
    if board not in TARGETS:
        raise RigError(f"there is no board '{board}'", mend=did_you_mean(board, TARGETS))
    return TARGETS[board]
