"""Runs a bench and resumes a generator between its ticks."""

from __future__ import annotations

import hashlib
import inspect
import linecache
import traceback
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from operator import index
from types import GeneratorType
from typing import TYPE_CHECKING, Any, SupportsIndex

from hil.errors import BenchError, HilError
from hil.steps.step import Step

if TYPE_CHECKING:
    from hil.bench import Bench

Steps = Generator[int | None, None, Any]
StepFunction = Callable[[Step], Steps]
MOST_TICKS = 10**12  # of a wait: 31 years at 1 kHz
MOST_LETTERS = 60  # of a value in a message
TICKS_A_LOOK = 50  # how long a run goes on when nothing is to be resumed, before somebody may stop it


class StepError(BenchError):
    """A generator that cannot be resumed, or did what cannot be done; `where` is its file and line."""


@dataclass(frozen=True)
class Stepped:
    """What a run with a generator came to.

    Attributes:
        finished: the generator came to its end.
        value: what it returned; None when it did not come to its end.
        ticks: how many the bench ran.
        steps: how often it was resumed.
    """

    finished: bool
    value: Any
    ticks: int
    steps: int


def run_steps(
    bench: Bench,
    steps: StepFunction | Steps,
    *,
    every: int = 1,
    duration_s: float | None = None,
    stopped: Callable[[], bool] | None = None,
) -> Stepped:
    """Runs the bench, and resumes a generator before its first tick and then every `every` ticks.

    `yield` waits for the next step, `yield n` for n of them. What the generator does takes effect at the top of the
    next tick, as an event of the recording; a replay needs no generator. When it does something and ends, one more
    tick is run for it.

    Args:
        bench: at rest, in virtual time or lock-step.
        steps: a generator function that takes a `Step`, or a generator that closes over one.
        every: ticks between two steps, 1 or more.
        duration_s: bench time to run; the generator is closed there if it has not come to its end, and the run goes on
            to there if it has. None: until the generator's end.
        stopped: asked between steps; True ends the run as the duration does.

    Raises:
        StepError: the bench runs in real time or already, the generator yields what is no number of steps, or an act of
            it was refused; with file and line.
        BusError: a device broke the lock-step off.
        AssertionError: of the generator, with a note of tick and time.
    """
    player = _Player(bench, _generator(bench, steps), every)
    return player.play(None if duration_s is None else bench.tick + round(duration_s / bench.period_s), stopped)


def _generator(bench: Bench, steps: StepFunction | Steps) -> GeneratorType[Any, None, Any]:
    if bench.time == "real":
        mend = "Use --time lockstep or virtual; in real time a timed script or bench.set(..., at=) does it"
        raise StepError("a run in real time does not wait for steps", where=bench.rig.name, mend=mend)
    if bench.running:
        raise StepError("the bench runs already", where=bench.rig.name, mend="Call stop() first")
    made = steps(Step(bench)) if callable(steps) and inspect.isgeneratorfunction(inspect.unwrap(steps)) else steps
    if isinstance(made, GeneratorType):
        return made
    what = f"{getattr(steps, '__name__', type(steps).__name__)} is no generator function"
    raise StepError(what, where=bench.rig.name, mend="Write def name(step): with a yield in it")


def told(error: AssertionError, place: str) -> str:
    """A failed assertion in one line: where, what, when."""
    file, _, line = place.rpartition(":")
    source = linecache.getline(file, int(line)).strip() if line.isdigit() else ""
    message = str(error).partition("\n")[0]
    what = ": ".join(text for text in (source, message if message not in source else "") if text)
    return f"{place}: {what or 'assertion failed'}, {error.__notes__[-1]}"


def _mend(why: str) -> str | None:
    return "At most 64 events wait at once: do less in one step" if "capacity" in why else None


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]} ..."


class _Player:
    """One generator on one bench."""

    def __init__(self, bench: Bench, generator: GeneratorType[Any, None, Any], every: int) -> None:
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise StepError(f"every = {every} is no number of ticks", where=bench.rig.name, mend="Give 1 or more")
        self.bench, self.generator, self.every = bench, generator, every
        self.place, self.seen = "", len(bench.events)
        self.sent: set[int] = set()  # ids of what the generator sent
        self.steps, self.finished, self.value = 0, False, None

    def play(self, end: int | None, stopped: Callable[[], bool] | None) -> Stepped:
        """To the generator's end, or to the tick `end`."""
        first = self.bench.tick
        try:
            try:
                for ticks in self._waits():
                    if not self._run(ticks, end, stopped):
                        break
                if self.finished and end is not None:
                    self._run(end - self.bench.tick, end, stopped)
            finally:
                self.bench.stepped.append(self._facts(first))
                self._close()
        except StepError as error:
            self.bench.fail(str(error))
            raise
        return Stepped(self.finished, self.value, self.bench.tick - first, self.steps)

    def _facts(self, first: int) -> dict[str, Any]:
        """Which generator it was: replay needs it not, a reader may want it."""
        code = self.generator.gi_code
        source = "".join(linecache.getlines(code.co_filename))
        return {
            "generator": code.co_qualname,
            "file": code.co_filename,
            "sha256": hashlib.sha256(source.encode()).hexdigest() if source else None,
            "every": self.every,
            "first_tick": first,
            "ticks": self.bench.tick - first,
            "steps": self.steps,
            "finished": self.finished,
        }

    def _waits(self) -> Iterator[int]:
        """Ticks to be run behind each step."""
        while True:
            try:
                self.steps += 1
                sent = len(self.sent)
                waited = self._resume()
            except StopIteration as ended:
                self.finished, self.value = True, ended.value
                if len(self.sent) > sent:
                    yield 1  # else what the last step did would be in no tick and in no recording
                return
            yield self._ticks(waited)

    def _resume(self) -> Any:
        before = self.bench.last_event_id
        try:
            return self._told(lambda: next(self.generator))
        finally:
            self.sent |= set(range(before + 1, self.bench.last_event_id + 1))
            self.place = self._standing() or self.place

    def _close(self) -> None:
        """Lets the generator clean up; one that has come to its end has nothing to do."""
        self._told(self.generator.close)

    def _told(self, work: Callable[[], Any]) -> Any:
        """Lets the generator go on; what comes out of it is told with file, line and tick."""
        try:
            return work()
        except AssertionError as error:
            error.add_note(f"at tick {self.bench.tick}, {self.bench.time_s:g} s")
            self.bench.fail(told(error, self._place_of(error)))
            raise
        except HilError as error:
            raise StepError(str(error), where=self._place_of(error), mend=_mend(str(error))) from error
        except StopIteration:
            raise
        except (Exception, SystemExit) as error:  # a test that leaves has not passed
            text = " ".join(str(error).split())
            what = f"{type(error).__name__} at tick {self.bench.tick}" + (f": {text}" if text else "")
            raise StepError(what, where=self._place_of(error)) from error

    def _ticks(self, waited: Any) -> int:
        if waited is None:
            return self.every
        if isinstance(waited, bool) or not isinstance(waited, SupportsIndex) or not 1 <= index(waited) <= MOST_TICKS:
            mend = "Write yield, or yield n with 1 or more steps"
            raise StepError(f"yields {_short(waited)}, which is no number of steps", where=self.place, mend=mend)
        return index(waited) * self.every

    def _run(self, ticks: int, end: int | None, stopped: Callable[[], bool] | None) -> bool:
        """False when the run has come to its end before these ticks."""
        whole = ticks if end is None else min(ticks, end - self.bench.tick)
        left = whole
        while left > 0:
            if stopped is not None and stopped():
                return False
            n = left if stopped is None else min(left, TICKS_A_LOOK)
            before = self.bench.tick
            self.bench.run_ticks(n)
            self._see_refusals()
            if self.bench.tick < before + n:  # somebody asked it to stop
                return False
            left -= n
        return whole == ticks and (end is None or self.bench.tick < end or ticks == 0)

    def _see_refusals(self) -> None:
        """An act that was refused at its tick is a mistake of the test, not of the plant."""
        new = self.bench.events[self.seen :]
        self.seen += len(new)
        for event in new:
            if event["kind"] == "refused" and event["id"] in self.sent:
                what = f"{event['target']} was refused at tick {event['tick']}: {event['text']}"
                raise StepError(what, where=self.place, mend=_mend(what))

    def _standing(self) -> str:
        frame = self.generator.gi_frame
        return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else ""

    def _place_of(self, error: BaseException) -> str:
        """File and line of the generator that the error came out of."""
        name = self.generator.gi_code.co_filename
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == name]
        return f"{name}:{lines[-1]}" if lines else self._standing() or name
