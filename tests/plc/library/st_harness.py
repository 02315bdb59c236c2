"""Runs standard functions as C: one program of thunks, a thunk for each way of calling, built with sanitizers."""

from __future__ import annotations

import hashlib
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hil.plc.functions import RUNTIME, Call, resolve
from hil.plc.standard.types import C_TYPES, REALS, TAGS, range_of

ROOT = Path(__file__).resolve().parents[3]
CORE = ROOT / "core"
FLAGS = ["-std=c11", "-ffp-contract=off", "-Wall", "-Wextra", f"-I{CORE / 'include'}", f"-I{RUNTIME}"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]

MAIN = r"""
static char *pool;
typedef void thunk(struct st_scan *s, const uint64_t *a, char *to, uint32_t capacity, uint64_t *r);
static float f32(uint64_t a) { return st_f32_of_pattern((uint32_t)a); }
static double f64(uint64_t a) { return st_f64_of_pattern(a); }
static const char *text(uint64_t a) { return pool + a; }
"""
LOOP = r"""
static void batch(const uint32_t *head)
{
    for (uint32_t row = 0; row < head[2]; row++) {
        uint64_t a[16], r = 0;
        struct st_scan scan = {0};
        if (fread(a, 8, head[1], stdin) != head[1]) exit(3);
        char *to = malloc(head[3] + 1);
        memset(to, 0x55, head[3] + 1);
        thunks[head[0]](&scan, a, to, head[3], &r);
        uint64_t out[2] = {scan.fault.reason, r};
        fwrite(out, 8, 2, stdout);
        if (texts[head[0]]) { char all[256] = {0}; memcpy(all, to, strlen(to)); fwrite(all, 256, 1, stdout); }
        free(to);
    }
}
int main(void)
{
    uint32_t size, head[4];
    if (fread(&size, 4, 1, stdin) != 1) return 3;
    pool = malloc(size);
    if (fread(pool, 1, size, stdin) != size) return 3;
    while (fread(head, 4, 4, stdin) == 4)
        batch(head);
    free(pool);
    return 0;
}
"""


@dataclass(frozen=True)
class Case:
    """A function called with arguments of these types, many times."""

    name: str
    types: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]] = field(compare=False)
    capacity: int = 40

    @property
    def call(self) -> Call:
        return resolve(self.name, self.types)


def argument(index: int, source: str, param: str) -> str:
    """C of an argument: its value from the row, cast as a compiler does."""
    tag = TAGS[source]
    if tag == "string":
        return f"text(a[{index}])"
    value = f"{tag}(a[{index}])" if source in REALS else f"({C_TYPES[tag]})a[{index}]"
    return f"({C_TYPES[TAGS[param]]})({value})"


def body(call: Call, types: Sequence[str]) -> str:
    """C of the call."""
    args = [argument(i, t, p) for i, (t, p) in enumerate(zip(types, call.params, strict=True))]
    first = ["s"] * call.stops
    if call.result == "STRING":
        return text_body(call, first, args)
    if call.array_from is not None:
        n = call.array_from
        kind = C_TYPES[TAGS[call.params[n]]]
        before = f"{kind} v[] = {{{', '.join(args[n:])}}}; "
        expression = f"{call.c_name}({', '.join([*first, *args[:n], str(len(args) - n), 'v'])})"
        return before + give(call, expression)
    expression = args[0]
    if call.fold:
        for one in args[1:]:
            expression = f"{call.c_name}({', '.join([*first, expression, one])})"
    else:
        expression = f"{call.c_name}({', '.join([*first, *args])})"
    return give(call, expression)


def give(call: Call, expression: str) -> str:
    back = {"REAL": "st_pattern_of_f32", "LREAL": "st_pattern_of_f64"}.get(call.result, "(uint64_t)")
    return f"*r = {back}({expression}); (void)to; (void)capacity; (void)s;"


def text_body(call: Call, first: list[str], args: list[str]) -> str:
    to = ["to", "capacity"]
    if call.array_from is not None:
        n = call.array_from
        array = f"const char *v[] = {{{', '.join(args[n:])}}}; "
        return array + f"{call.c_name}({', '.join([*first, *to, *args[:n], str(len(args) - n), 'v'])}); (void)r;"
    if not call.fold or len(args) == 2:
        return f"{call.c_name}({', '.join([*first, *to, *args])}); (void)r; (void)s;"
    lines = f"char t[2][256]; {call.c_name}(t[0], 255, {args[0]}, {args[1]}); "
    for i, one in enumerate(args[2:]):
        last = i == len(args) - 3
        target = "to, capacity" if last else f"t[{(i + 1) % 2}], 255"
        lines += f"{call.c_name}({target}, t[{i % 2}], {one}); "
    return lines + "(void)r; (void)s;"


def encode(kind: str, value: Any, pool: bytearray) -> int:
    if kind == "STRING":
        at = len(pool)
        pool += value.encode("latin-1") + b"\0"
        return at
    if kind == "REAL":
        return int.from_bytes(struct.pack("<f", value), "little")
    if kind == "LREAL":
        return int.from_bytes(struct.pack("<d", value), "little")
    return int(value) & (1 << 64) - 1


def decode(kind: str, bits: int) -> Any:
    if kind == "REAL":
        return struct.unpack("<f", struct.pack("<I", bits & 0xFFFFFFFF))[0]
    if kind == "LREAL":
        return struct.unpack("<d", struct.pack("<Q", bits))[0]
    low, high = range_of("LINT" if TAGS[kind] == "i64" else kind)
    bits &= high - low
    return bits - (high - low + 1) if bits > high else bits


class Harness:
    """Thunks for these ways of calling, compiled."""

    def __init__(self, folder: Path, ways: Sequence[tuple[str, tuple[str, ...]]], options: Sequence[str]) -> None:
        calls = {way: resolve(*way) for way in ways}
        bodies = {way: body(call, way[1]) for way, call in calls.items()}
        unique = list(dict.fromkeys((text, calls[way].result == "STRING") for way, text in bodies.items()))
        number = {text: i for i, (text, _) in enumerate(unique)}
        self.number = {way: number[text] for way, text in bodies.items()}
        lines = ["#include <stdio.h>", "#include <stdlib.h>", "#include <string.h>", '#include "standard.h"', MAIN]
        signature = "(struct st_scan *s, const uint64_t *a, char *to, uint32_t capacity, uint64_t *r)"
        lines += [f"static void thunk_{i}{signature} {{ {text} }}" for i, (text, _) in enumerate(unique)]
        lines.append(f"static thunk *const thunks[] = {{{', '.join(f'thunk_{i}' for i in range(len(unique)))}}};")
        lines.append(f"static const char texts[] = {{{', '.join(str(int(t)) for _, t in unique)}}};")
        source = folder / "harness.c"
        source.write_text("\n".join([*lines, LOOP]))
        name = hashlib.sha256(" ".join(options).encode()).hexdigest()[:8]
        self.program = folder / f"harness-{name}"
        math = [str(CORE / "src" / f"math_{part}.c") for part in ("trig", "exp", "basic")]
        command = [*options, *FLAGS, str(source), *math, "-o", str(self.program)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")

    def run(self, cases: Sequence[Case]) -> list[list[Any]]:
        """For each case the value of each row, or ("stop", reason, value)."""
        return self._results(cases, self.output(cases))

    def output(self, cases: Sequence[Case]) -> bytes:
        """What the program gives for them."""
        pool, requests = bytearray(b"\0"), bytearray()
        for case in cases:
            way = (case.name, case.types)
            requests += struct.pack("<4I", self.number[way], len(case.types), len(case.rows), case.capacity)
            for row in case.rows:
                words = [encode(kind, value, pool) for kind, value in zip(case.types, row, strict=True)]
                requests += struct.pack(f"<{len(words)}Q", *words)
        sent = struct.pack("<I", len(pool)) + pool + requests
        done = subprocess.run([self.program], input=sent, capture_output=True, timeout=120)
        assert done.returncode == 0, done.stderr.decode()[:2000]
        return done.stdout

    @staticmethod
    def _results(cases: Sequence[Case], out: bytes) -> list[list[Any]]:
        at, found = 0, []
        for case in cases:
            result, values = case.call.result, []
            for _ in case.rows:
                reason, bits = struct.unpack_from("<2Q", out, at)
                at += 16
                value = None if result == "STRING" else decode(result, bits)
                if result == "STRING":
                    value = out[at : at + 256].split(b"\0")[0].decode("latin-1")
                    at += 256
                values.append(("stop", reason, value) if reason else value)
            found.append(values)
        assert at == len(out)
        return found
