"""Checks a whole program: units, recursion, tasks. The result is all that C and the description are made from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hil.nearest import did_you_mean
from hil.plc import ir
from hil.plc import syntax as s
from hil.plc.declare import Declarations
from hil.plc.names import Stored, Unit
from hil.plc.source import Diagnostics, Refused, Source, Span
from hil.plc.statements import Statements
from hil.plc.types import ArrayType, StructType, Type

MAX_INTERVAL_NS = 86_400_000_000_000


@dataclass(frozen=True)
class Instance:
    """A PROGRAM that runs: its words begin at `offset`."""

    name: str
    unit: str
    offset: int


@dataclass(frozen=True)
class Task:
    """Instances that run together. interval_ns 0: in every scan."""

    name: str
    interval_ns: int
    priority: int
    instances: tuple[Instance, ...]


@dataclass
class Checked:
    """A program without mistakes."""

    sources: tuple[Source, ...]
    bodies: tuple[ir.Body, ...]  # callees before callers
    sizes: dict[str, int]  # words of an instance of each unit
    stored: tuple[Stored, ...]
    words: int
    tasks: tuple[Task, ...]  # in the order in which they run
    declarations: Declarations


def check(
    sources: Sequence[Source], files: Sequence[s.File], library: dict[str, s.Pou], diagnostics: Diagnostics
) -> Checked:
    """Everything that can be wrong with a program that parses.

    Raises:
        PlcError: something is.
    """
    declarations = Declarations(files, library, diagnostics)
    declarations.read()
    bodies: dict[str, ir.Body] = {}
    pending = list(declarations.units)
    while pending:
        key = pending.pop(0)
        if key not in bodies:
            bodies[key] = Statements(declarations, declarations.units[key]).body()
            pending += [k for k in (*declarations.units[key].calls, *declarations.units) if k not in bodies]
    order = _order(declarations.units, diagnostics)
    tasks: tuple[Task, ...] = ()
    with contextlib.suppress(Refused):
        tasks = _tasks(declarations, files)
    diagnostics.raise_if_any()
    sizes = {key: unit.instance.words if unit.instance else 0 for key, unit in declarations.units.items()}
    used = [bodies[key] for key in order]
    state = declarations.state
    return Checked(tuple(sources), tuple(used), sizes, tuple(state.stored), state.words, tasks, declarations)


def _order(units: dict[str, Unit], diagnostics: Diagnostics) -> list[str]:
    """Callees before callers; a unit that calls itself, however far around, is refused (6.6.1)."""
    done: list[str] = []
    active: list[str] = []

    def visit(key: str, depth: int) -> None:
        active.append(key)
        for callee, span in units[key].calls.items():
            if callee in active:
                names = " -> ".join(units[k].name for k in (*active[active.index(callee) :], callee))
                diagnostics.error(span, f"recursion is not allowed: {names}")
            elif callee not in done and depth < 200:
                visit(callee, depth + 1)
        active.pop()
        done.append(key)

    for key in units:
        if key not in done:
            visit(key, 0)
    return done


# ---- tasks ----


def _tasks(declarations: Declarations, files: Sequence[s.File]) -> tuple[Task, ...]:
    configurations = [c for f in files for c in f.configurations]
    refuse = declarations.diagnostics.refuse
    if len(configurations) > 1:
        raise refuse(configurations[1].name.span, "a second CONFIGURATION is not supported")
    if not configurations or not configurations[0].instances:
        return _without_configuration(declarations, files)
    return _configured(declarations, configurations[0])


def _without_configuration(declarations: Declarations, files: Sequence[s.File]) -> tuple[Task, ...]:
    """Every PROGRAM once, in the order of the text, in one task."""
    programs = [u for u in declarations.units.values() if u.kind == "PROGRAM"]
    if not programs:
        if declarations.diagnostics.errors:
            raise Refused
        spans = [pou.name.span for f in files for pou in f.pous]
        start = spans[0] if spans else Span(declarations_source(files), 0, 1)
        raise declarations.diagnostics.refuse(start, "there is no PROGRAM", "Write PROGRAM name ... END_PROGRAM")
    return (Task("main", 0, 0, tuple(_instance(declarations, u.name, u) for u in programs)),)


def declarations_source(files: Sequence[s.File]) -> Source:
    """A source to point at when there is nothing in it."""
    spans = [d.span for f in files for d in (*f.types, *f.globals, *f.configurations)]
    return spans[0].source if spans else Source("(nothing)", "", 0)


def _instance(declarations: Declarations, name: str, unit: Unit) -> Instance:
    kind = unit.instance
    if kind is None:
        raise Refused
    place = declarations.state.place(name, kind, unit.syntax.name.span)
    return Instance(name, unit.name.lower(), place.offset)


def _configured(declarations: Declarations, text: s.Configuration) -> tuple[Task, ...]:
    tasks = {task.name.text.lower(): task for task in text.tasks}
    if len(tasks) != len(text.tasks):
        raise declarations.diagnostics.refuse(text.name.span, "two tasks have the same name")
    found: dict[str, list[Instance]] = {key: [] for key in tasks}
    names: set[str] = set()
    for instance in text.instances:
        key = _task_of(declarations, instance, tasks, found)
        if instance.name.text.lower() in names:
            raise declarations.diagnostics.refuse(instance.name.span, f"{instance.name.text} is declared twice")
        names.add(instance.name.text.lower())
        unit = _program(declarations, instance.type)
        found[key].append(_instance(declarations, instance.name.text, unit))
    ready = [_task(declarations, tasks.get(key), instances) for key, instances in found.items() if instances]
    return tuple(sorted(ready, key=lambda task: task.priority))


def _task_of(
    declarations: Declarations,
    instance: s.InstanceText,
    tasks: dict[str, s.TaskText],
    found: dict[str, list[Instance]],
) -> str:
    """A program without a task runs in every scan, after the others."""
    if instance.task is None:
        found.setdefault("", [])
        return ""
    if instance.task.text.lower() not in tasks:
        mend = did_you_mean(instance.task.text, [t.name.text for t in tasks.values()])
        raise declarations.diagnostics.refuse(instance.task.span, f"there is no task {instance.task.text}", mend)
    return instance.task.text.lower()


def _program(declarations: Declarations, name: s.Name) -> Unit:
    programs = {k: u for k, u in declarations.units.items() if u.kind == "PROGRAM"}
    unit = programs.get(name.text.lower())
    if unit is None:
        mend = did_you_mean(name.text, [u.name for u in programs.values()])
        raise declarations.diagnostics.refuse(name.span, f"there is no PROGRAM {name.text}", mend)
    return unit


def _task(declarations: Declarations, text: s.TaskText | None, instances: list[Instance]) -> Task:
    if text is None:
        return Task("(none)", 0, 1 << 16, tuple(instances))
    interval, priority = 0, 0
    for parameter in text.parameters:
        name = (parameter.name or "").upper()
        refuse = declarations.diagnostics.refuse
        if name == "SINGLE":
            raise refuse(parameter.span, "tasks that start on an event (SINGLE) are not supported", "Give an INTERVAL")
        if name not in ("INTERVAL", "PRIORITY"):
            raise refuse(
                parameter.span, f"a task has no {parameter.name}", did_you_mean(name, ["INTERVAL", "PRIORITY"])
            )
        if name == "INTERVAL":
            value = declarations.expressions().constant(parameter.value)
            if value.type.name not in ("TIME", "LTIME") or not 0 < value.value <= MAX_INTERVAL_NS:
                raise refuse(parameter.value.span, "an interval is a duration up to a day, as T#10ms")
            interval = value.value
        else:
            priority = declarations.constant(parameter.value)
            if not 0 <= priority <= 65535:
                raise refuse(parameter.value.span, "a priority is 0 (first) to 65535")
    return Task(text.name.text, interval, priority, tuple(instances))


# ---- variables by path ----


@dataclass(frozen=True)
class Leaf:
    """A scalar or string in the state."""

    path: str
    type: Type
    word: int
    retain: bool
    span: Span


def leaves(checked: Checked) -> Iterator[Leaf]:
    """Every scalar and string of the state, by path."""
    for stored in checked.stored:
        yield from _leaves(stored.name, stored.type, stored.offset, stored.retain, stored.span, checked)


def _leaves(path: str, kind: Type, word: int, retain: bool, span: Span, checked: Checked) -> Iterator[Leaf]:
    if isinstance(kind, StructType):
        unit = checked.declarations.units.get(kind.block) if kind.block else None
        for key, part in kind.fields.items():
            own = unit.variables[key].span if unit and key in unit.variables else span
            kept = retain or part.retain
            yield from _leaves(f"{path}.{part.name}", part.type, word + part.offset, kept, own, checked)
    elif isinstance(kind, ArrayType):
        for number in range(kind.count):
            name = f"{path}[{_indices(kind, number)}]"
            yield from _leaves(name, kind.element, word + number * kind.element.words, retain, span, checked)
    else:
        yield Leaf(path, kind, word, retain, span)


def _indices(kind: ArrayType, number: int) -> str:
    found = []
    for low, high in reversed(kind.ranges):
        count = high - low + 1
        found.append(str(low + number % count))
        number //= count
    return ",".join(reversed(found))
