"""Builds `hil._firmware`: the firmware's own sources as an extension of this process, for SIL and the posix board.

The declarations are derived from the headers by the C preprocessor; nothing is typed twice. setup.py runs this file.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = ("core/include", "drivers/include", "firmware/common", "firmware/boards/posix")
HEADERS = ("library.h", "posix.h", "device.h", "faces.h")
# Guards of system headers: what they declare, cffi knows by itself.
KNOWN = ("_STDINT_H", "_STDDEF_H", "_STRING_H", "_MATH_H", "__STDATOMIC_H", "__STDDEF_H")


def declarations() -> str:
    """What cffi's parser takes of the headers: constants, types and prototypes, in their order."""
    text = _preprocessed("-P")
    text = re.sub(r"_Static_assert\s*\(.*?\);", "", text, flags=re.DOTALL)
    text = re.sub(r"extern const struct hil_block_type \*const hil_block_types\[\];", "", text)
    return _constants() + _without_bodies(text)


def _preprocessed(*options: str) -> str:
    includes = "\n".join(f'#include "{name}"' for name in HEADERS)
    command = [os.environ.get("CC", "gcc"), "-E", *options, *(f"-D{name}" for name in KNOWN)]
    command += [f"-I{ROOT / folder}" for folder in INCLUDE]
    return subprocess.run([*command, "-"], input=includes, capture_output=True, text=True, check=True).stdout


def _constants() -> str:
    """Macros that stand for whole numbers; the compiler fills in their values."""
    found = re.findall(r"^#define ((?:HIL_LINK|HIL_WHOLE|FW)_\w+) [\w ()+*-]+$", _preprocessed("-dM"), re.MULTILINE)
    return "".join(f"#define {name} ...\n" for name in sorted(found) if not name.endswith("_H"))


def _without_bodies(text: str) -> str:
    """Leaves out every `static inline` function, prototypes included."""
    kept, at = [], 0
    for match in re.finditer(r"^static inline .*?(?=[;{])", text, flags=re.DOTALL | re.MULTILINE):
        if match.start() < at:
            continue
        kept.append(text[at : match.start()])
        at = match.end() + 1
        depth = int(text[match.end()] == "{")
        while depth:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
    return "".join([*kept, text[at:]])


def builder() -> FFI:
    """The extension without its flags; the code itself lies in setup.py's static libraries."""
    ffi = FFI()
    ffi.cdef(declarations())
    ffi.set_source("hil._firmware", "\n".join(f'#include "{name}"' for name in HEADERS))
    return ffi
