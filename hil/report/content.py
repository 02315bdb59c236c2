"""What a report says in words and tables: header, verdict, key figures, buses, blocks."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hil.recording import Recording
from hil.report import numbers
from hil.report.histogram import Histogram, histogram

TIME_KIND = {
    "real": "Real time against the wire",
    "lockstep": "Lock-step over the wire: the loop waits for the device at every tick",
    "virtual": "Virtual time: as fast as this machine goes, no wire",
}
LEVEL = {
    "mil": "model in the loop, no wire",
    "sil": "software in the loop: the firmware's own sources in this process",
    "pil": "an emulated device behind the real wire",
    "hil": "the real device",
}
EFFECT = {
    "SCHED_FIFO": "The loop comes before every ordinary process",
    "CPU affinity": "The loop stays on its CPU",
    "locked memory": "No page fault can stop a tick",
    "PREEMPT_RT kernel": "The kernel bounds its own delays",
}
LACK = {
    "SCHED_FIFO": "Any busy process can delay a tick; hil doctor says how to get it",
    "CPU affinity": "The loop may be moved between CPUs, which costs some microseconds each time",
    "locked memory": "A page fault can stop a tick for milliseconds",
    "PREEMPT_RT kernel": "The kernel may work for a while before it lets the loop run",
}
FOUND = {
    "steal_percent": ("Stolen CPU time", "Time that the host of a virtual machine gave to others during the run"),
    "load_1min": ("Load", "Processes that wanted to run, over the last minute"),
    "usable_cpus": ("Usable CPUs", ""),
    "cpu": ("Processor", ""),
    "kernel": ("Kernel", ""),
    "preemption": ("Preemption", "Where the kernel lets itself be interrupted"),
    "governor": ("Frequency governor", "Anything but performance makes the first work after a pause slow"),
    "isolated_cpus": ("Isolated CPUs", "Kept free of other work by the kernel"),
    "smt": ("Two threads on a core", "A neighbour on the same core takes part of its speed"),
    "clock_source": ("Clock source", "tsc is read in nanoseconds, others cost a microsecond or more"),
    "virtual_machine": ("Virtual machine", "There is no guarantee below the scheduler of its host"),
}
MAX_PICTURE_BYTES = 400_000
MAX_SOURCE_CHARS = 60_000


@dataclass(frozen=True)
class Figure:
    """A key figure; `tone` is good, warn, bad or empty."""

    label: str
    value: str
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Check:
    """One line of the real-time verdict."""

    name: str
    granted: bool
    note: str


@dataclass(frozen=True)
class Bus:
    """One device on a wire: what it counted and how long it took."""

    name: str
    facts: list[tuple[str, str]]
    counters: list[tuple[str, str, str]]
    histograms: list[Histogram]


@dataclass
class BlockTime:
    """Execution time of one block."""

    name: str
    calls: str
    mean: str
    maximum: str
    share: float = field(default=0.0)


def title_of(rec: Recording) -> str:
    """The rig's title, else its name."""
    rig = _table(_table(rec.rig.get("rig")).get("rig")) or _table(rec.rig.get("rig"))
    return str(rig.get("title") or rec.manifest.get("rig") or rig.get("name") or rec.folder.name)


def description_of(rec: Recording) -> str:
    """The rig's own words about itself."""
    rig = _table(_table(rec.rig.get("rig")).get("rig")) or _table(rec.rig.get("rig"))
    return str(rig.get("description") or rig.get("doc") or "")


def picture_of(rec: Recording) -> str | None:
    """The rig's drawing (an .svg among its files) as a data address: as an image it cannot run anything."""
    for name, text in sorted(sources_of(rec).items()):
        data = text.encode()
        if name.endswith(".svg") and "<svg" in text and len(data) <= MAX_PICTURE_BYTES:
            return "data:image/svg+xml;base64," + base64.b64encode(data).decode()
    return None


def sources_of(rec: Recording) -> dict[str, str]:
    """The files that the rig was made from."""
    return {str(name): text for name, text in _table(rec.rig.get("files")).items() if isinstance(text, str)}


def result_of(rec: Recording, unmet: Sequence[str] = ()) -> tuple[str, str, str]:
    """The verdict of the run: a word, a tone, and a sentence; `unmet` are requirements that did not hold."""
    result = str(rec.manifest.get("result", ""))
    reason = str(rec.manifest.get("reason") or "")
    if not rec.complete:
        return "incomplete", "warn", "The recording was not closed: what is shown ends where it can be read."
    words = {
        "passed": ("passed", "good", "The run came to its end and every check held."),
        "failed": ("failed", "bad", "A check of this run did not hold."),
        "aborted": ("aborted", "warn", "The run was ended before its time."),
    }
    if unmet and result == "passed":
        return "failed", "bad", f"Requirements not met: {', '.join(unmet)}"
    word, tone, sentence = words.get(result, (result or "recorded", "", "The run came to its end."))
    return word, tone, reason or sentence


def facts_of(rec: Recording) -> list[tuple[str, str]]:
    """Header lines: what ran, when, at which levels."""
    m = rec.manifest
    kind = str(m.get("time", ""))
    bindings = [
        f"{role}: {level} ({LEVEL[str(level).lower()]})" if str(level).lower() in LEVEL else f"{role}: {level}"
        for role, level in _table(m.get("bindings")).items()
    ]
    rate = f"{numbers.value(1.0 / rec.period_s)} Hz"
    trigger = _table(m.get("capture"))
    held = f"{trigger.get('trigger')} at {numbers.seconds(trigger.get('trigger_s'))}"
    return [
        *([("Trigger", f"{held}, tick {numbers.count(trigger.get('trigger_tick'))}")] if trigger else []),
        ("Started", str(m.get("started", "–")).replace("T", " ").replace("Z", " UTC")),
        ("Time", TIME_KIND.get(kind, kind)),
        ("Duration", f"{numbers.seconds(rec.duration_s)}, {_n_ticks(rec):,} ticks at {rate}"),
        ("Bindings", "; ".join(bindings) or "–"),
        ("Seed", str(m.get("seed", "–"))),
        ("State hash", str(m.get("state_hash") or "–")),
        ("Program hash", str(m.get("program_hash") or "–")),
        ("HIL", str(m.get("hil", "–"))),
    ]


def checks_of(rec: Recording) -> tuple[str, list[Check]]:
    """The real-time verdict (hil.realtime.verdict): its sentence, what was granted and what is missing."""
    verdict = _table(rec.manifest.get("verdict"))
    sentence = str(verdict.get("sentence") or "")
    sentence = sentence + "." if sentence and not sentence.endswith(".") else sentence
    outside = str(rec.manifest.get("outside_promises") or "")  # foreign code
    sentence += f" {outside[:1].upper()}{outside[1:]}." if outside else ""
    if rec.manifest.get("time") != "real":
        return sentence, []  # nothing was asked of the machine
    checks = [Check(str(text), True, EFFECT.get(_first(text, EFFECT), "")) for text in verdict.get("granted") or []]
    checks += [Check(str(text), False, LACK.get(_first(text, LACK), "")) for text in verdict.get("missing") or []]
    return sentence, checks


def machine_of(rec: Recording) -> list[tuple[str, str, str]]:
    """What the machine was: name, value, meaning."""
    verdict = _table(rec.manifest.get("verdict"))
    known = [(key, name, meaning) for key, (name, meaning) in FOUND.items() if verdict.get(key) not in (None, "")]
    unit = {"steal_percent": " %"}
    return [(name, _plain(verdict[key]) + unit.get(key, ""), meaning) for key, name, meaning in known]


def _first(text: Any, known: dict[str, str]) -> str:
    """The known name that a text such as "SCHED_FIFO 80 (not permitted)" begins with."""
    return next((name for name in known if str(text).startswith(name)), "")


def _plain(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def figures_of(rec: Recording, n_faults: int) -> list[Figure]:
    """The key figures at the top of the page."""
    m = rec.manifest
    timing = _table(m.get("timing"))
    figures = [_overruns(rec)]
    for key, label in (("late_ns", "Wake-up lateness"), ("exec_ns", "Execution time")):
        data = _table(timing.get(key))
        if data.get("max") is not None:
            note = f"median {numbers.duration(data.get('p50'))}, worst {numbers.duration(data.get('max'))}"
            figures.append(Figure(f"{label}, 99 %", numbers.duration(data.get("p99")), note))
    for name, bus in _table(m.get("buses")).items():
        trip = _table(_table(bus).get("round_trip_ns"))
        if trip.get("p50") is not None:
            note = f"99 % {numbers.duration(trip.get('p99'))}, worst {numbers.duration(trip.get('max'))}"
            figures.append(Figure(f"{name}: round trip, median", numbers.duration(trip.get("p50")), note))
    lost = m.get("lost_samples")
    figures.append(Figure("Lost samples", numbers.count(lost), "of the ring recorder", "bad" if lost else "good"))
    figures.append(Figure("Faults injected", str(n_faults), _fault_note(rec)))
    return figures


def _overruns(rec: Recording) -> Figure:
    overruns = rec.manifest.get("overruns")
    if not overruns:
        return Figure(
            "Overruns", numbers.count(overruns), f"in {_n_ticks(rec):,} ticks", "good" if overruns == 0 else ""
        )
    share = 100.0 * overruns / max(1, _n_ticks(rec))
    return Figure(
        "Overruns", numbers.count(overruns), f"{numbers.value(share, 2)} % of {_n_ticks(rec):,} ticks", "warn"
    )


def _n_ticks(rec: Recording) -> int:
    return max(0, rec.ticks - rec.first_tick)


def _fault_note(rec: Recording) -> str:
    clips = sum(event.get("kind") == "clip_on" for event in rec.events)
    safe = sum(event.get("kind") == "safe_on" for event in rec.events)
    return f"safety gate: {clips} clips, {safe} times to a safe value"


def timing_histograms(rec: Recording) -> list[Histogram]:
    """Lateness and execution time of the loop."""
    timing = _table(rec.manifest.get("timing"))
    period_ns = rec.period_s * 1e9
    drawn = [
        histogram(timing.get("late_ns"), "Wake-up lateness", "From the due time of a tick to its begin.", period_ns),
        histogram(timing.get("exec_ns"), "Execution time", "From the begin of a tick to its end.", period_ns),
    ]
    return [item for item in drawn if item]


def blocks_of(rec: Recording) -> list[BlockTime]:
    """Execution times of the blocks, the costliest first."""
    blocks = _table(_table(rec.manifest.get("timing")).get("blocks"))
    costs = {name: _cost(_table(data)) for name, data in blocks.items()}
    most = max(costs.values(), default=0.0) or 1.0
    return [
        BlockTime(
            name,
            numbers.count(_table(blocks[name]).get("calls")),
            numbers.duration(_table(blocks[name]).get("mean_ns")),
            numbers.duration(_table(blocks[name]).get("max_ns")),
            cost / most,
        )
        for name, cost in sorted(costs.items(), key=lambda item: -item[1])
    ]


def _cost(data: dict[str, Any]) -> float:
    mean, calls = data.get("mean_ns"), data.get("calls")
    return float(mean) * float(calls) if isinstance(mean, int | float) and isinstance(calls, int | float) else 0.0


_TROUBLE = ("timeout", "exception", "wrong", "malformed", "late", "fail", "missed", "error", "refused", "junk")
_TROUBLE_ALSO = ("evicted", "stale", "back_pressure", "reconnect")


def buses_of(rec: Recording) -> list[Bus]:
    """What each device's bus counted; counters of trouble that are not zero carry the tone `warn`."""
    return [_bus(name, _table(data)) for name, data in _table(rec.manifest.get("buses")).items()]


def _bus(name: str, data: dict[str, Any]) -> Bus:
    numbers_of = {k: v for k, v in data.items() if isinstance(v, int) and not isinstance(v, bool)}
    codes = {f"exception_{code}": n for code, n in _table(data.get("exception_codes")).items()}
    counters = {**numbers_of, **codes}
    facts = [(_words(key), str(item)) for key, item in data.items() if isinstance(item, str)]
    drawn = [
        histogram(data.get("round_trip_ns"), "Round trip", "From a request sent to its answer received."),
        histogram(data.get("age_ns"), "Age at latch", "How old the newest process image was when a tick took it."),
    ]
    rows = []
    for key, number in counters.items():
        trouble = any(word in key for word in _TROUBLE + _TROUBLE_ALSO)
        rows.append((_words(key), numbers.count(number), "warn" if trouble and number else "" if number else "zero"))
    return Bus(name, facts, rows, [item for item in drawn if item])


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _words(name: str) -> str:
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]
