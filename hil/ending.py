"""The end of a run: what it came to, whether it is safe, and the last words of its recording."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil import result
from hil.engine import Engine
from hil.errors import HilError
from hil.realtime import verdict
from hil.recording import RecordingWriter
from hil.result import RunResult

if TYPE_CHECKING:
    from hil.bench import Bench


@dataclass
class Ending:
    """What a run came to, collected before it is made safe.

    Attributes:
        facts: the fields of RunResult that are known now.
        manifest: what the recording's manifest has beside them.
        unsafe: outputs that did not reach their safe values.
        reasons: why the run did not pass.
        released: events on faults that acted until the end.
    """

    rig: str
    time: str
    facts: dict[str, Any]
    manifest: dict[str, Any]
    unsafe: dict[str, float]
    reasons: list[str]
    released: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, bench: Bench, engine: Engine, failure: BaseException | None) -> Ending:
        """The ending of a bench that has stopped; `failure` is what ended it, if anything did."""
        counters = engine.loop.counters
        reasons = [
            str(failure) if failure else "",
            "the overrun policy ended the run" if engine.ended_by == "overrun" else "",
            f"{counters['lost_inputs']} inputs were lost" if counters["lost_inputs"] else "",
            str(bench.recorder.error) if bench.recorder.error else "",
            *bench.captures.errors(),
            *bench.failures,
        ]
        buses = result.readable_buses(engine.wires.counters())  # asks devices, which may tell of problems
        reasons += engine.wires.problems()
        facts = {
            "ticks": bench.tick,
            "duration_s": round(bench.tick * bench.period_s, 9),
            "state_hash": bench.state_hash,
            "verdict": verdict(bench.time, engine.grants, bench.watch),
            "overruns": counters["overruns"],
            "lost_samples": counters["lost_samples"],
            "buses": buses,
            "signals_hash": bench.recorder.hash.text() if bench.recorder.hash else None,
        }
        manifest = {
            "timing": result.timing(engine.loop, bench.built.entries, real=bench.time == "real"),
            "lost_inputs_from": counters["lost_inputs_from"],
            "lost_notes": bench.state.notes_lost,
            "faults": bench.armed_faults(),
            **({"captures": bench.captures.to_list()} if len(bench.captures) else {}),
            **({"steps": bench.stepped} if bench.stepped else {}),
            **({"played": bench.played} if bench.played else {}),
            **({"waveforms": bench.waveforms} if bench.waveforms else {}),
        }
        text = "released, as the run ended"
        released = [
            {"kind": "fault_off", "target": signal, "id": number, "a": bench[signal], "b": None, "text": text}
            for number, signal in bench.acting.items()
        ]
        return cls(bench.rig.name, bench.time, facts, manifest, {}, [text for text in reasons if text], released)

    def note_unsafe(self, unsafe: dict[str, float]) -> None:
        """Outputs that the teardown did not find at their safe values."""
        self.unsafe = unsafe
        if unsafe:
            self.reasons.append(f"not safe at the end: {', '.join(f'{n} = {v:g}' for n, v in unsafe.items())}")

    def close_recording(self, writer: RecordingWriter) -> None:
        """The last event and the manifest."""
        text = "not safe" if self.unsafe else "all outputs verified safe"
        place = {"tick": self.facts["ticks"], "time_s": self.facts["duration_s"]}
        verdict_of_run = {"result": "failed" if self.reasons else "passed", "reason": "; ".join(self.reasons)}
        try:
            teardown = {"kind": "teardown", "target": "", "id": 0, "text": text}
            writer.write_events([{**place, **event} for event in (*self.released, teardown)])
            writer.close({**self.facts, **self.manifest, **verdict_of_run})
        except HilError as error:
            self.reasons.append(str(error))

    def result(self, folder: Path | None) -> RunResult:
        """The whole result; the report is written by whoever wants one."""
        reason = "; ".join(self.reasons)
        return RunResult(
            rig=self.rig, time=self.time, recording=folder, report=None, passed=not reason, reason=reason, **self.facts
        )
