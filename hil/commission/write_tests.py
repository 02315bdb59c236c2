"""Writes checks as pytest files that people can read, run and change: one file a kind, one test a run."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from hil.commission.check import Check, Expect, Relay, Run
from hil.commission.judging import SEVERAL
from hil.commission.spec import Spec
from hil.errors import HilError

WIDTH = 120
INFINITE = 'float("inf")'
UNSAID = ("tag", "applied")  # what is of use to a record only
PRESET = (("not_before_s", 0.0), ("mean_s", None))
WRITTEN = "Written by hil commission --write-tests; change the rig's folder commission instead."
HEAD = '''"""{title} of {rig}.

{written}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

{imports}

if TYPE_CHECKING:
    from hil.bench import Bench

SETTLE_S = {settle_s}
START: tuple[str, ...] = {start}
'''


def write_tests(spec: Spec, checks: Sequence[Check], folder: Path) -> list[Path]:
    """Files test_loop.py, test_alarm.py and so on.

    Args:
        spec: the commissioning.
        checks: its items; those that cannot be run are named in the files.
        folder: is made; a file of these names that is no such test is not replaced.

    Raises:
        HilError: the folder cannot be written, or has another file of such a name.
    """
    made = {}
    for kind, group in groupby(sorted(checks, key=lambda check: check.kind), key=lambda check: check.kind):
        made[folder / f"test_{kind}.py"] = _file(spec, kind, list(group))
    for file in made:
        if file.exists() and WRITTEN not in file.read_text(encoding="utf-8", errors="replace"):
            raise HilError("is there and was not written by hil", where=str(file), mend="Name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in made.items():
        file.write_text(text, encoding="utf-8")
    return sorted(made)


def _file(spec: Spec, kind: str, checks: Sequence[Check]) -> str:
    body = "".join(_tests(spec, checks))
    judges = sorted({e.judge for check in checks for run in check.runs for e in run.expects if not check.why_not})
    names = ["perform", "settle", *judges]
    names += ["relay_test", "Relay"] if any(run.relay for check in checks for run in check.runs) else []
    names += ["keeps"] if any(check.kind == "requirement" for check in checks) else []
    imports = _wrapped("from hil.commission.testing import ", sorted(names, key=lambda n: (n[0].islower(), n)))
    start = _start(spec)
    title = f"{kind.replace('_', ' ').capitalize()} checks"
    facts = {"title": title, "rig": spec.rig.name, "written": WRITTEN, "settle_s": spec.table.settle_s, "start": start}
    return HEAD.format(imports=imports, **facts) + body


def _wrapped(head: str, names: Sequence[str]) -> str:
    line = head + ", ".join(names)
    if len(line) <= WIDTH:
        return line
    return head + "(\n" + "".join(f"    {name},\n" for name in names) + ")"


def _start(spec: Spec) -> str:
    texts = [_text(str(act)) for act in spec.start]
    line = "()" if not texts else f"({', '.join(texts)},)"
    return line if len(line) < WIDTH - 30 else "(\n" + "".join(f"    {text},\n" for text in texts) + ")"


def _tests(spec: Spec, checks: Sequence[Check]) -> Iterator[str]:
    for check in checks:
        if check.why_not:
            yield f"\n\n# {check.id} is not tested: {check.why_not}\n"
            continue
        for n, run in enumerate(check.runs, 1):
            yield _test(spec, check, run, n if len(check.runs) > 1 else 0)


def _test(spec: Spec, check: Check, run: Run, number: int) -> str:
    words = f"{check.id}_{run.title or number}" if number else check.id
    name = "test_" + re.sub(r"\W+", "_", words).strip("_").lower()
    if number and run.title:
        name += "" if sum(other.title == run.title for other in check.runs) == 1 else f"_{number}"
    assert not keyword.iskeyword(name)
    told = f"{check.title}: {check.expectation}".rstrip(": ")
    lines = [f"\n\ndef {name}(bench: Bench) -> None:", f'    """{_doc(told)}"""', "    settle(bench, SETTLE_S, *START)"]
    seen = "seen = " if run.expects or check.kind == "requirement" else ""
    lines += [f"    {line}" for line in _perform(run, seen)]
    for expected in run.expects:
        lines += [f"    {line}" for line in _assert(expected)]
    if run.relay:
        lines += [f"    {line}" for line in _relay(run.relay)]
    if check.kind == "requirement":
        formula = spec.requirements[check.requirements[0]][1]
        lines.append(f"    assert keeps(seen, {_text(formula)})")
    return "\n".join(lines) + "\n"


def _doc(text: str) -> str:
    """One line or several, none too long, without what would end it."""
    text = text.replace("\\", "/").replace('"', "'")
    if len(text) + 11 <= WIDTH:
        return text + ("" if text.endswith((".", "!", "?")) else ".")
    words, lines = text.split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) + 8 > WIDTH:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return ("\n    ".join(lines)) + ".\n    "


def _perform(run: Run, seen: str) -> list[str]:
    args = ["bench", f"{run.seconds!r}", *(_text(str(act)) for act in run.acts)]
    if run.also:
        args.append(f"also={_literal(list(run.also))}")
    return _call(f"{seen}perform", args)


def _assert(expected: Expect) -> list[str]:
    said = {key: value for key, value in expected.args.items() if key not in UNSAID and (key, value) not in PRESET}
    args = ["seen", _literal(expected.subject), *(f"{key}={_literal(value)}" for key, value in said.items())]
    if expected.judge not in SEVERAL:
        return _call(f"assert {expected.judge}", args)
    inner = _call(expected.judge, args, WIDTH - 8)
    if len(inner) == 1 and len(inner[0]) + 16 <= WIDTH - 4:
        return [f"assert all({inner[0]})"]
    return ["assert all(", *(f"    {line}" for line in inner), ")"]


def _relay(relay: Relay) -> list[str]:
    values = [_literal(v) for v in (relay.measurement, relay.output, relay.amplitude, relay.duration_s, relay.sample_s)]
    made = f"Relay({', '.join(values)}, direct={relay.direct}, rule={_text(relay.rule)})"
    return [f"relay = {made}", "assert all(relay_test(bench, relay))"]


def _call(head: str, args: Sequence[str], width: int = WIDTH - 4) -> list[str]:
    """A call as ruff formats it: in one line, its arguments in one line, or each in its own."""
    line = f"{head}({', '.join(args)})"
    if len(line) <= width:
        return [line]
    inner = ", ".join(args)
    if len(inner) <= width - 4:
        return [f"{head}(", f"    {inner}", ")"]
    return [f"{head}(", *(f"    {part}" for arg in args for part in _argument(arg, width - 5)), ")"]


def _argument(arg: str, width: int) -> list[str]:
    """One argument, a long list or dictionary with each of its elements in a line."""
    name, equals, value = arg.partition("=")
    if len(arg) <= width or not equals or value[:1] not in "[{":
        return [f"{arg},"]
    found = ast.literal_eval(value.replace(INFINITE, "None"))
    if isinstance(found, dict):
        lines = [f"    {_literal(key)}: {_literal(item)}," for key, item in found.items()]
    else:
        lines = [f"    {_literal(item).replace('None', INFINITE)}," for item in found]
    return [f"{name}={value[0]}", *lines, f"{value[-1]},"]


def _text(text: str) -> str:
    """As a text in double quotes, where it has none inside."""
    plain = repr(text)
    return f'"{text}"' if plain == f"'{text}'" and '"' not in text else plain


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(k)}: {_literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_literal, value)) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, float) and value == float("inf"):
        return INFINITE
    return repr(value)
