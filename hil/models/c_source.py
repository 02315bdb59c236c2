"""Models written in C by the user: `model = "plant.c"`, one file that fills the core's own interface (hil/model.h).

    static const struct hil_model_name x[] = {{"level", "m", "", 0.1, 0.0, 1.0}}, ...;
    static void step(double *x, const double *u, const double *p, double dt_s, uint32_t substeps) { ... }
    ...
    const struct hil_model hil_model_v1 = {HIL_MODEL_ABI, 1, 1, 1, 2, 0, HIL_MODEL_HASH, "Tank", "rk4",
                                           x, u, y, p, step, ode, output, jacobian};

hil/model.h is included already; `sin` and its like mean the core's libm, as everywhere. The same text runs on a
microcontroller.
"""

from __future__ import annotations

import hashlib
import math
import platform
from pathlib import Path

from hil.errors import RigError
from hil.models.compile import FLAGS, LINK, Progress, build_entry, find_entry, generator_digest
from hil.models.compiled import CompiledModel

HEAD = """#include "hil/model.h"

#include "math_basic.c"
#include "math_exp.c"
#include "math_trig.c"
#include "hil/math_names.h"

#define HIL_MODEL_HASH UINT64_C(0x{digest})
extern __attribute__((visibility("default"))) const struct hil_model hil_model_v1;
#line 1 "{name}"
"""


def compile_source(path: Path, *, progress: Progress | None = None) -> CompiledModel:
    """The compiled model of a C file, from the cache when its text has not changed.

    Raises:
        RigError: no compiler, the compiler fails, or the table in it is not right.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RigError(f"cannot be read: {error}", where=str(path)) from error
    key = hashlib.sha256("\0".join([text, *FLAGS, *LINK, platform.machine(), generator_digest()]).encode()).hexdigest()
    stem, digest = f"{path.stem}-c-{key[:20]}", key[-16:]
    entry = find_entry(stem)
    if entry is None:
        if progress:
            progress(f"Compiling {path.name}")
        entry = build_entry(HEAD.format(digest=digest, name=path.name) + text, stem, str(path))
    model = CompiledModel(entry)
    _check(model, int(digest, 16), path)
    return model


def _check(model: CompiledModel, digest: int, path: Path) -> None:
    """What a generated table never gets wrong."""
    if model.hash != digest:
        mend = "Write HIL_MODEL_HASH in its place: it stands for this text"
        raise RigError("hil_model_v1 has a hash of its own", where=str(path), mend=mend)
    if not model.runs:
        raise RigError("hil_model_v1 has no step or no output function", where=str(path))
    for name, value, low, high in ((v.name, v.value, v.min, v.max) for v in (*model.x, *model.p)):
        if not (math.isfinite(value) and low <= value <= high):
            raise RigError(f"{name} = {value:g} lies outside {low:g} .. {high:g}", where=str(path))
    names = [v.name for group in (model.x, model.u, model.y, model.p) for v in group]
    if not all(names):
        raise RigError("a variable of hil_model_v1 has no name", where=str(path))
