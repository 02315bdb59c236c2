"""A compiled program: its address for the core, its variables by name for people."""

from __future__ import annotations

import ctypes
from collections.abc import MutableSequence, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.errors import PlcError
from hil.models.compiled import _Table
from hil.nearest import did_you_mean
from hil.plc.address import canonical
from hil.plc.checked import Checked, leaves
from hil.plc.coverage import Point
from hil.plc.emit_program import Generated, Located, located_of
from hil.plc.types import SIMPLE, EnumType, StringType, SubrangeType, Type, bounds, is_real
from hil.plc.words import decode, encode

ABI = 1
REASONS = ("runs", "array index outside its range", "division by zero", "more loop rounds in a scan than allowed",
           "value outside its range")  # fmt: skip
_POINTER = ctypes.c_void_p
Words = Sequence[int] | ctypes.Array[ctypes.c_uint64]


class _Fault(ctypes.Structure):
    """struct hil_plc_fault"""

    _fields_ = [("reason", ctypes.c_uint32), ("file", ctypes.c_uint32), ("line", ctypes.c_uint32)]


class _Plc(ctypes.Structure):
    """struct hil_plc"""

    _fields_ = [
        ("model", _Table),
        ("abi", ctypes.c_uint32),
        ("n_words", ctypes.c_uint32),
        ("max_rounds", ctypes.c_uint32),
        ("interval_ns", ctypes.c_int64),
        ("cold", ctypes.CFUNCTYPE(None, _POINTER)),
        ("warm", ctypes.CFUNCTYPE(None, _POINTER)),
        ("scan", ctypes.CFUNCTYPE(None, _POINTER, _POINTER, _POINTER, ctypes.c_int64, ctypes.POINTER(_Fault))),
    ]


@dataclass(frozen=True)
class ProgramVariable:
    """A scalar or STRING of the state.

    Attributes:
        path: "main.level1.integral", or the name of a global or located variable.
        type: as declared: "REAL", "STRING[20]", "INT(0..10)" or an enumeration's name.
        word: number of its first word.
        where: file:line:column of its declaration.
        retain: kept over a warm start.
        values: names of an enumeration's numbers.
    """

    path: str
    type: str
    word: int
    where: str
    retain: bool
    values: dict[int, str]


@dataclass(frozen=True)
class ProgramTask:
    """A task: name, interval (0: every scan), priority (0 first) and names of its program instances."""

    name: str
    interval_ns: int
    priority: int
    programs: tuple[str, ...]


class CompiledProgram:
    """A shared object with one program, loaded for the life of the process.

    Attributes:
        path: the shared object. The generated C lies beside it with the ending `.c`.
        address: of its `struct hil_plc`, for the core. Valid as long as the process lives.
        hash: of the generated source; part of a bench's hash.
        n_words: words of state.
        interval_ns: of the fastest task; 0 where none has one.
        inputs, outputs: located variables in the order of u and y; %M stands in both.
        watched: paths of the values in y behind the outputs.
        located: every located scalar in the order of declaration.
        variables: every scalar and STRING of the state by path.
        tasks: in the order in which they run.
        coverage: points of coverage; empty unless it was asked for.
        files: names of the source files by number.
    """

    def __init__(self, path: Path, symbol: str, generated: Generated, checked: Checked) -> None:
        """Load `path`.

        Raises:
            PlcError: it does not load, or was made for another version of the core.
        """
        try:
            self._library = ctypes.CDLL(str(path))
            self._table = _Plc.in_dll(self._library, symbol)
        except (OSError, ValueError) as error:
            raise PlcError(f"does not load: {error}", where=str(path), mend="Remove it, it is built again") from error
        if self._table.abi != ABI or self._table.n_words != generated.words:
            raise PlcError("made for another version of HIL", where=str(path), mend="Remove it, it is built again")
        self.path = path
        self.address = ctypes.addressof(self._table)
        self.hash = int(self._table.model.hash)
        self.n_words = int(self._table.n_words)
        self.interval_ns = int(self._table.interval_ns)
        self.inputs, self.outputs = generated.inputs, generated.outputs
        self.watched = tuple(leaf.path for leaf in generated.watched)
        self.located: tuple[Located, ...] = located_of(checked)
        self.coverage: tuple[Point, ...] = tuple(generated.coverage.points)
        self.files = tuple(source.name for source in checked.sources)
        self._library_files = {s.syntax.span.source.number: s.syntax.span.source.name
                               for s in checked.declarations.units.values()}  # fmt: skip
        self.tasks = tuple(
            ProgramTask(t.name, t.interval_ns, t.priority, tuple(i.name for i in t.instances)) for t in checked.tasks
        )
        self._read_variables(checked)

    def _read_variables(self, checked: Checked) -> None:
        self.variables: dict[str, ProgramVariable] = {}
        self._kinds: dict[str, tuple[Type, int]] = {}
        for leaf in leaves(checked):
            values = {n: name for name, n in leaf.type.values} if isinstance(leaf.type, EnumType) else {}
            name = leaf.type.name if not isinstance(leaf.type, StringType) else f"STRING[{leaf.type.length}]"
            variable = ProgramVariable(leaf.path, name, leaf.word, leaf.span.where, leaf.retain, values)
            self.variables[leaf.path] = variable
            self._kinds[leaf.path.lower()] = (leaf.type, leaf.word)

    # ---- values ----

    def _find(self, path: str) -> tuple[Type, int]:
        """Type and word of a path in any case, or of an address; the name of the only program may be left out."""
        key = path.lower()
        address = canonical(path)
        if address is not None:
            key = next((one.name.lower() for one in self.located if one.address == str(address)), key)
        programs = [name.lower() for task in self.tasks for name in task.programs]
        found = self._kinds.get(key) or (self._kinds.get(f"{programs[0]}.{key}") if len(programs) == 1 else None)
        if found is None:
            raise PlcError(f"there is no variable {path}", where=self.files[0], mend=did_you_mean(path, self.variables))
        return found

    def read(self, words: Words, path: str) -> bool | int | float | str:
        """The value of a variable in the program's words.

        Raises:
            PlcError: there is no such variable.
        """
        kind, word = self._find(path)
        return decode(kind, words[word : word + kind.words])

    def value(self, words: Words, located: Located) -> bool | int | float:
        """The value of a located variable."""
        kind = SIMPLE[located.type]
        found = decode(kind, words[located.word : located.word + kind.words])
        return found if not isinstance(found, str) else 0

    def write(
        self, words: MutableSequence[int] | ctypes.Array[ctypes.c_uint64], path: str, value: float | str | bool
    ) -> None:
        """Put a value into the program's words.

        Raises:
            PlcError: there is no such variable, or the value is outside its type.
        """
        kind, word = self._find(path)
        limits = bounds(kind)
        if isinstance(kind, StringType) != isinstance(value, str):
            raise PlcError(f"{value!r} is no {kind.name}", where=path)
        if limits and isinstance(value, int | float) and not limits[0] <= value <= limits[1]:
            raise PlcError(f"{value} is outside {kind.name} ({limits[0]}..{limits[1]})", where=path)
        ready = value if isinstance(kind, StringType) or is_real(kind) else int(value)
        for at, number in enumerate(encode(kind, ready)):
            words[word + at] = number

    @property
    def scan_address(self) -> int:
        """Address of the C function `scan`, for tests and measurements."""
        return int(ctypes.cast(self._table.scan, _POINTER).value or 0)

    # ---- running it alone ----

    def cold(self) -> ctypes.Array[ctypes.c_uint64]:
        """Words of a program that has just been loaded."""
        words = (ctypes.c_uint64 * max(self.n_words, 1))()
        self._table.cold(ctypes.addressof(words))
        return words

    def warm(self, words: ctypes.Array[ctypes.c_uint64]) -> None:
        """Initial values for all that is not RETAIN."""
        self._table.warm(ctypes.addressof(words))

    def scan(
        self, words: ctypes.Array[ctypes.c_uint64], inputs: Sequence[float], now_ns: int, outputs: Sequence[float] = ()
    ) -> tuple[list[float], tuple[int, int, int] | None]:
        """One scan: outputs (those given when it stops) and, when it stops, reason, file and line.

        Args:
            words: the program's state.
            inputs: one number for each of `inputs`; NaN leaves a variable as it is.
            now_ns: since the start.
            outputs: those of the scan before.
        """
        if len(inputs) != len(self.inputs):
            raise ValueError(f"{len(inputs)} inputs given, the program has {len(self.inputs)}")
        n_y = int(self._table.model.n_y)
        u = (ctypes.c_double * max(len(inputs), 1))(*inputs)
        y = (ctypes.c_double * max(n_y, 1))(*(outputs or [0.0] * n_y))
        fault = _Fault()
        self._table.scan(ctypes.addressof(words), ctypes.addressof(u), ctypes.addressof(y), now_ns, ctypes.byref(fault))
        stop = (fault.reason, fault.file, fault.line) if fault.reason else None
        return list(y)[:n_y], stop

    def stop_text(self, reason: int, file: int, line: int) -> str:
        """As in "tank.st:42: division by zero"."""
        text = REASONS[reason] if 0 <= reason < len(REASONS) else f"stopped ({reason})"
        name = self.files[file] if file < len(self.files) else self._library_files.get(file, f"file {file}")
        return f"{name}:{line}: {text}"


__all__ = ["CompiledProgram", "ProgramTask", "ProgramVariable", "SubrangeType"]
