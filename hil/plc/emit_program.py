"""C for a whole program: units, initial state, images, tasks, and the table that a block takes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from hil.plc.address import canonical
from hil.plc.checked import Checked, Leaf, Task, leaves
from hil.plc.coverage import Coverage
from hil.plc.emit_body import BodyWriter, signature
from hil.plc.emit_values import text_constant
from hil.plc.ir import Place
from hil.plc.names import Stored
from hil.plc.types import SIMPLE, ArrayType, Elementary, Type, scalar
from hil.plc.words import encode

HEAD = """/* Generated from Structured Text. */
#include "hil/plc.h"

#include "math_basic.c"
#include "math_exp.c"
#include "math_trig.c"

#define ST_MAX_ROUNDS {rounds}u
#include "state.h"
"""


@dataclass(frozen=True)
class Located:
    """A variable that the bench sees.

    Attributes:
        name: of the variable; of an array's element with its index.
        address: "%IW0"
        direction: "in" (%I), "out" (%Q) or "memory" (%M: both an input and an output of the block)
        type: its elementary type's name
        word: its first word of state
    """

    name: str
    address: str
    direction: str
    type: str
    word: int


@dataclass(frozen=True)
class Generated:
    """The text, and what it shows to a block."""

    source: str
    symbol: str
    digest: str
    words: int
    inputs: tuple[Located, ...]
    outputs: tuple[Located, ...]
    watched: tuple[Leaf, ...]
    coverage: Coverage


def located_of(checked: Checked) -> tuple[Located, ...]:
    """Every located scalar, in the order of declaration."""
    found: list[Located] = []
    for stored in checked.stored:
        if stored.address:
            found += _located(stored)
    return tuple(found)


def _located(stored: Stored) -> list[Located]:
    address = canonical(stored.address)
    if address is None:
        return []
    direction = {"I": "in", "Q": "out", "M": "memory"}[address.area]
    kind = stored.type
    element = kind.element if isinstance(kind, ArrayType) else kind
    simple = scalar(element)
    count = kind.count if isinstance(kind, ArrayType) else 1
    found = []
    for number in range(count if simple else 0):
        name = f"{stored.name}[{number + kind.ranges[0][0]}]" if isinstance(kind, ArrayType) else stored.name
        at = address.next(number)
        found.append(
            Located(name, str(at), direction, simple.name if simple else "", stored.offset + number * element.words)
        )
    return found


def generate(checked: Checked, *, coverage: bool, watch: Sequence[Leaf], max_rounds: int, symbol: str) -> Generated:
    """The C source. `symbol` is the name of the table; all others get it as a prefix where programs share a file."""
    points = Coverage(checked.words, coverage, {source.number for source in checked.sources})
    units = [BodyWriter(body, checked.sizes, points.mark).text() for body in checked.bodies]
    words = points.end
    located = located_of(checked)
    inputs = tuple(one for d in ("in", "memory") for one in located if one.direction == d)
    outputs = tuple(one for d in ("out", "memory") for one in located if one.direction == d)
    parts = [
        *(f"{signature(body)};" for body in checked.bodies),
        *units,
        _start(checked, words),
        _scan(checked.tasks, inputs, outputs, watch),
    ]
    body = "\n".join(parts)
    digest = hashlib.sha256(f"{HEAD}{max_rounds}{body}".encode()).hexdigest()
    table = _table(checked, words, inputs, outputs, watch, digest, symbol)
    source = HEAD.format(rounds=max_rounds) + "\n" + body + table
    return Generated(source, symbol, digest, words, inputs, outputs, tuple(watch), points)


# ---- initial state ----


def _start(checked: Checked, words: int) -> str:
    image = [0] * words
    for stored in checked.stored:
        image[stored.offset : stored.offset + stored.type.words] = encode(stored.type, stored.initial)
    values = ", ".join(f"[{at}] = UINT64_C({word})" for at, word in enumerate(image) if word)
    lines = [f"static const uint64_t initial[{max(words, 1)}] = {{{values or '0'}}};", ""]
    lines += [f"static void cold(uint64_t *words) {{ st_copy(words, initial, {words}u); }}", ""]
    lines += ["static void warm(uint64_t *words)", "{", "    (void)words;"]
    lines += [f"    st_copy(words + {a}, initial + {a}, {b - a});" for a, b in _cleared(checked, words)]
    return "\n".join([*lines, "}", ""])


def _cleared(checked: Checked, words: int) -> list[tuple[int, int]]:
    """Stretches of words that a warm start sets: all but RETAIN ones and what has been covered."""
    kept = [False] * checked.words + [True] * (words - checked.words)
    for leaf in leaves(checked):
        if leaf.retain:
            kept[leaf.word : leaf.word + leaf.type.words] = [True] * leaf.type.words
    found: list[tuple[int, int]] = []
    for at, keep in enumerate(kept):
        if keep:
            continue
        if found and found[-1][1] == at:
            found[-1] = (found[-1][0], at + 1)
        else:
            found.append((at, at + 1))
    return found


# ---- one scan ----


def _scan(tasks: Sequence[Task], inputs: Sequence[Located], outputs: Sequence[Located], watch: Sequence[Leaf]) -> str:
    lines = [
        "static void scan(uint64_t *words, const double *u, double *y, int64_t now_ns, struct hil_plc_fault *fault)",
        "{",
        "    struct st_run run = {{now_ns, {HIL_PLC_RUNS, 0, 0}}, 0}, *r = &run;",
        "    uint64_t *g = words;",
        "    (void)g, (void)u, (void)y, (void)r;",
    ]
    lines += [_input(number, located) for number, located in enumerate(inputs)]
    fastest = min((t.interval_ns for t in tasks if t.interval_ns), default=0)
    for task in tasks:
        lines += _task(task, fastest)
    lines += ["    *fault = run.scan.fault;"]
    places = [(one.type, one.word) for one in outputs] + [(_simple(leaf.type).name, leaf.word) for leaf in watch]
    lines += [f"    y[{n}] = (double)st_load_{SIMPLE[kind].tag}(g + {word});" for n, (kind, word) in enumerate(places)]
    return "\n".join([*lines, "}", ""])


def _simple(kind: Type) -> Elementary:
    simple = scalar(kind)
    if simple is None:
        raise AssertionError(kind.name)
    return simple


def _input(number: int, located: Located) -> str:
    kind = SIMPLE[located.type]
    tag = "bool" if kind.name == "BOOL" else kind.tag
    return f"    st_input_{tag}(g + {located.word}, u[{number}]);"


def _task(task: Task, fastest: int) -> list[str]:
    calls = []
    for instance in task.instances:
        calls += [f"u_{instance.unit}(r, g, g + {instance.offset});", "if (ST_UNLIKELY(run.scan.fault.reason)) {",
                  "    *fault = run.scan.fault;", "    return;", "}"]  # fmt: skip
    if not task.interval_ns or task.interval_ns == fastest:
        return [f"    {line}" for line in calls]
    head = f"    if (now_ns % INT64_C({task.interval_ns}) < INT64_C({fastest})) {{"
    return [head, *(f"        {line}" for line in calls), "    }"]


# ---- the table ----


def _table(
    checked: Checked,
    words: int,
    inputs: Sequence[Located],
    outputs: Sequence[Located],
    watch: Sequence[Leaf],
    digest: str,
    symbol: str,
) -> str:
    intervals = [task.interval_ns for task in checked.tasks if task.interval_ns]
    name = checked.tasks[0].instances[0].name if checked.tasks and checked.tasks[0].instances else "plc"
    shown = [f"{one.address} {one.name}" for one in outputs] + [leaf.path for leaf in watch]
    return f"""
{_names("inputs", [f"{one.address} {one.name}" for one in inputs])}
{_names("outputs", shown)}

__attribute__((visibility("default"))) const struct hil_plc {symbol} = {{
    .model = {{
        .abi = HIL_MODEL_ABI,
        .n_x = {words}u,
        .n_u = {len(inputs)}u,
        .n_y = {len(shown)}u,
        .feedthrough = 1,
        .hash = UINT64_C(0x{digest[:16]}),
        .name = {text_constant(name)},
        .method = "plc",
        .u = inputs,
        .y = outputs,
    }},
    .abi = HIL_PLC_ABI,
    .n_words = {words}u,
    .max_rounds = ST_MAX_ROUNDS,
    .interval_ns = INT64_C({min(intervals, default=0)}),
    .cold = cold,
    .warm = warm,
    .scan = scan,
}};
"""


def _names(group: str, names: Sequence[str]) -> str:
    rows = [f'    {{{text_constant(n)}, "", "", 0.0, -__builtin_inf(), __builtin_inf()}},' for n in names]
    rows = rows or ['    {"", "", "", 0.0, 0.0, 0.0},']
    return "\n".join([f"static const struct hil_model_name {group}[] = {{", *rows, "};"])


__all__ = ["Generated", "Located", "Place", "generate", "located_of"]
