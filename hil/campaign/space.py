"""The space of runs: a point of the unit cube stands for the faults of one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hil.campaign.plan import FaultSlot, Kind, Plan
from hil.faults import FaultSpec

BINS = 10  # of a range, for the coverage of the space


@dataclass(frozen=True)
class Dimension:
    """One coordinate: what it chooses, and among how many when it is no range (0: a range)."""

    label: str
    choices: int


@dataclass(frozen=True)
class Injected:
    """A fault of a run; `text` is its kind as the plan has it."""

    slot: str
    text: str
    kind: str
    values: tuple[float, ...]
    spec: FaultSpec
    start_s: float
    end_s: float | None

    def __str__(self) -> str:
        """As `Bench.fault` and `hil run --fault` take it, with all digits."""
        inside = ", ".join([*self.spec.words, *map(repr, self.values)])
        end = "" if self.end_s is None else f"{self.end_s!r}s"
        call = f"({inside})" if inside else ""
        return f"{self.spec.signal}={self.kind}{call}@{self.start_s!r}s..{end} {self.spec.activation}".rstrip()


@dataclass(frozen=True)
class Run:
    """One run: its number, seed and faults, in bench time.

    Attributes:
        point: where it lies in the unit cube.
        on_s: bench time that the plan's times count from; None: the bench's start.
    """

    id: int
    seed: int
    faults: tuple[Injected, ...]
    point: tuple[float, ...] = field(repr=False)
    on_s: float | None = None

    @property
    def start_s(self) -> float | None:
        """Begin of the first fault; None without any."""
        return min((fault.start_s for fault in self.faults), default=None)


class Space:
    """All runs that a plan allows.

    With combine = "one" the first coordinate chooses among all kinds of all faults, and the rest say its values and
    times; else each fault has coordinates of its own.

    Args:
        plan: what may happen.
        on_s: by seed, when the condition of a plan with `on` first holds in the healthy run.
    """

    def __init__(self, plan: Plan, on_s: Mapping[int, float] | None = None) -> None:
        self.plan, self.on_s = plan, dict(on_s or {})
        self.one = plan.combine == "one"
        self.pairs = [(slot, kind) for slot in plan.slots for kind in slot.kinds]
        self.dimensions = self._dimensions()

    def _dimensions(self) -> list[Dimension]:
        if self.one:
            kinds, slots = [kind for _, kind in self.pairs], self.plan.slots
            return [Dimension("fault", len(self.pairs)), *_numbers("", kinds, slots)]
        absent = int(self.plan.combine == "any")
        found: list[Dimension] = []
        for slot in self.plan.slots:
            found += [Dimension(slot.name, len(slot.kinds) + absent), *_numbers(f"{slot.name}.", slot.kinds, [slot])]
        return found

    def run(self, number: int, point: Sequence[float]) -> Run:
        """The run at a point of the unit cube."""
        seed = self.plan.seed + number % self.plan.seeds
        on_s = self.on_s.get(seed)
        faults = tuple(self._faults(point, on_s or 0.0))
        return Run(number, seed, faults, tuple(map(float, point)), on_s)

    def _faults(self, point: Sequence[float], on_s: float) -> Iterator[Injected]:
        rest = iter(map(float, point))
        if self.one:
            slot, kind = self.pairs[_chosen(next(rest), len(self.pairs))]
            yield _injected(slot, kind, list(rest), [k for _, k in self.pairs], self.plan.slots, on_s)
            return
        absent = int(self.plan.combine == "any")
        for slot in self.plan.slots:
            index = _chosen(next(rest), len(slot.kinds) + absent) - absent
            numbers = [next(rest) for _ in _numbers("", slot.kinds, [slot])]
            if index >= 0:
                yield _injected(slot, slot.kinds[index], numbers, slot.kinds, [slot], on_s)

    @property
    def cells(self) -> int:
        """Cells of the space: each kind of each fault, in ten parts of each of its ranges."""
        return sum(max(1, BINS * sum(not r.fixed for r in kind.values)) for _, kind in self.pairs)

    def cells_of(self, run: Run) -> Iterator[tuple[str, str, int, int]]:
        """Cells that a run lies in: (fault, kind as written, value, part)."""
        for fault in run.faults:
            slot = next(s for s in self.plan.slots if s.name == fault.slot)
            kind = next(k for k in slot.kinds if k.text == fault.text)
            ranges = [(i, r) for i, r in enumerate(kind.values) if not r.fixed]
            if not ranges:
                yield fault.slot, kind.text, 0, 0
            for i, r in ranges:
                share = (fault.values[i] - r.low) / (r.high - r.low)
                yield fault.slot, kind.text, i, min(int(share * BINS), BINS - 1)


def _numbers(prefix: str, kinds: Sequence[Kind], slots: Sequence[FaultSlot]) -> list[Dimension]:
    """Coordinates of values and times, as far as there is something to choose."""
    most = max((sum(not r.fixed for r in kind.values) for kind in kinds), default=0)
    found = [Dimension(f"{prefix}value{i + 1}", 0) for i in range(most)]
    if any(not slot.start_s.fixed for slot in slots):
        found.append(Dimension(f"{prefix}start", 0))
    if any(slot.duration_s and not slot.duration_s.fixed for slot in slots):
        found.append(Dimension(f"{prefix}duration", 0))
    return found


def _injected(
    slot: FaultSlot, kind: Kind, numbers: list[float], kinds: Sequence[Kind], slots: Sequence[FaultSlot], on_s: float
) -> Injected:
    labels = [d.label for d in _numbers("", kinds, slots)]
    given = dict(zip(labels, numbers, strict=True))
    varied = iter([given[label] for label in labels if label.startswith("value")])
    values = tuple(r.low if r.fixed else r.at(next(varied)) for r in kind.values)
    start_s = on_s + slot.start_s.at(given.get("start", 0.0))
    end_s = None if slot.duration_s is None else start_s + slot.duration_s.at(given.get("duration", 0.0))
    spec = replace(kind.spec, values=values, start_s=start_s, end_s=end_s)
    return Injected(slot.name, kind.text, kind.kind, values, spec, start_s, end_s)


def _chosen(share: float, n: int) -> int:
    return min(int(share * n), n - 1)
