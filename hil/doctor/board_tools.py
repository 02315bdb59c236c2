"""What `hil doctor` says about the tools for microcontroller rigs."""

from __future__ import annotations

import shutil

from hil.doctor.point import OK, WARN, Point

# Debian's packages by the command that each brings; the compiler is of no use without its C library.
PACKAGES = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "qemu-system-arm": "qemu-system-arm",
}


def point(path: str | None = None) -> Point:
    """The cross compiler and the emulator.

    Args:
        path: where to look for commands; default: PATH.
    """
    missing = [name for name in PACKAGES if shutil.which(name, path=path) is None]
    if not missing:
        return Point("board tools", OK, " and ".join(PACKAGES), "firmware can be built, and roles bound to pil")
    packages = " ".join(PACKAGES[name] for name in missing)
    return Point(
        "board tools",
        WARN,
        f"no {' and no '.join(missing)}",
        "no firmware can be built or emulated here; needed for microcontroller rigs only",
        f"apt-get install --no-install-recommends {packages}",
    )
