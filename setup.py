"""Compiles the C core, the drivers and the extension modules. All else about the package stands in pyproject.toml.

HIL_SANITIZE=address,undefined builds with those sanitizers, in a build folder of its own; Python then needs
LD_PRELOAD=$(gcc -print-file-name=libasan.so). `make clean` before the next normal build.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SANITIZE = os.environ.get("HIL_SANITIZE", "")
BUILD = "build/sanitize" if SANITIZE else "build"
INCLUDE = ["core/include", "drivers/include", "drivers/src", "firmware/common", "firmware/boards/posix"]

# Why each of them: no contraction and no vectoriser keep the bits equal on every host and 4-state code fast; hidden
# symbols cannot be interposed, which costs a factor of two; state is a buffer of bytes read through many types.
FLAGS = [
    "-std=c11",
    "-O3",
    "-fno-tree-vectorize",
    "-ffp-contract=off",
    "-fvisibility=hidden",
    "-fno-strict-aliasing",
    "-Wall",
    "-Wextra",
    "-D_GNU_SOURCE",
    "-pthread",
]
SANITIZER_FLAGS = [f"-fsanitize={SANITIZE}", "-fno-omit-frame-pointer", "-g", "-O1"] if SANITIZE else []


def below(pattern: str, *folders: str) -> list[str]:
    """Every file below `folders` with this kind of name."""
    return sorted(str(path) for folder in folders for path in Path(folder).rglob(pattern))


HEADERS = below("*.h", "core", "drivers", "firmware")


def library(name: str, *folders: str) -> tuple[str, dict[str, Any]]:
    """A static library of every C file below `folders` but programs: compiled once, linked into all extensions."""
    build = {
        "sources": [path for path in below("*.c", *folders) if Path(path).name != "main.c"],
        "include_dirs": INCLUDE,
        "cflags": FLAGS + SANITIZER_FLAGS,
        "obj_deps": {"": HEADERS},
    }
    return name, build


# In the order of the linker: firmware calls drivers, drivers call the core.
LIBRARIES = [
    library("hilfirmware", "firmware/common", "firmware/boards/posix"),
    library("hildrivers", "drivers/src"),
    library("hilcore", "core/src", "core/linux"),
]
LIBRARIES = [(name, build) for name, build in LIBRARIES if build["sources"]]


class build_extensions(build_ext):  # noqa: N801
    """All bindings alike, Cython's and cffi's; linked again whenever a C source or a header has changed."""

    def build_extension(self, ext: Extension) -> None:
        ext.include_dirs = INCLUDE
        # Generated C dislikes these warnings; our own C is compiled with them, in LIBRARIES.
        quiet = [
            "-Wno-unused-parameter",
            "-Wno-unused-function",
            "-Wno-sign-compare",
            "-Wno-missing-field-initializers",
        ]
        ext.extra_compile_args = [*FLAGS, *quiet, *SANITIZER_FLAGS]
        ext.extra_link_args = ["-pthread", *SANITIZER_FLAGS[:1]]
        ext.depends = [*HEADERS, *(path for _, build in LIBRARIES for path in build["sources"])]
        super().build_extension(ext)


setup(
    libraries=LIBRARIES,
    ext_modules=cythonize(
        [
            Extension("hil._core", ["core/_core.pyx"]),
            Extension("hil._fmu", ["core/_fmu.pyx"]),
            Extension("hil._bus", ["drivers/_bus.pyx"]),
            Extension("hil._link", ["drivers/_link.pyx"]),
            Extension("hil._port", ["drivers/_port.pyx"]),
            Extension("hil._proxy", ["drivers/_proxy.pyx"]),
        ],
        include_path=["core", "drivers"],
        build_dir=f"{BUILD}/cython",
        compiler_directives={"language_level": 3},
    ),
    cffi_modules=["firmware/cffi_build.py:builder"],
    cmdclass={"build_ext": build_extensions},
    options={"build": {"build_base": BUILD}},
)
