"""One instrument: its model is checked, every value is checked before it is sent, its own errors are read back."""

from __future__ import annotations

import contextlib
import math
import re
import threading
from collections.abc import Mapping, Sequence

from hil.drivers.visa import Session
from hil.drivers.visa_dialect import Dialect
from hil.drivers.visa_resource import parse_resource
from hil.errors import BusError

NOT_A_NUMBER = 9.9e37  # SCPI-99, 7.2.1.4 and 7.2.1.5: 9.9E37 is infinity, 9.91E37 not a number


class LimitError(BusError):
    """A value beyond a limit: it was not sent."""


class AnswerError(BusError):
    """It answers, but no number."""


class InstrumentError(BusError):
    """Its own error, out of its queue: it answers, and did not take a command."""


class Instrument:
    """A dialect and a session. Calls from several threads wait for each other.

    Attributes:
        name: as in the rig.
        idn: what it answered to *IDN?; "" before the first connect.
        refused: values that were not sent.
        errors: texts of the instrument's own errors so far.
    """

    def __init__(
        self,
        name: str,
        url: str,
        dialect: Dialect,
        *,
        channel: int = 1,
        timeout_s: float = 1.0,
        limits: Mapping[str, tuple[float, float]] | None = None,
        watchdog_s: float | None = None,
    ) -> None:
        """Does not connect yet.

        Args:
            name: how messages call it.
            url: visa://...
            dialect: what it understands.
            channel: of an instrument with several.
            timeout_s: of each answer.
            limits: [low, high] by key of an output, beside the instrument's own.
            watchdog_s: it goes off by itself after so much silence, where its model can.

        Raises:
            BusError: no address.
        """
        self.name, self.url, self.dialect, self.channel = name, url, dialect, channel
        self.resource = parse_resource(url)
        self.timeout_s, self.watchdog_s = timeout_s, watchdog_s
        self.limits = dict(limits or {})
        self.idn, self.refused, self.errors = "", 0, 0
        self.lock = threading.RLock()
        self._session: Session | None = None

    @property
    def where(self) -> str:
        """How messages call it."""
        return f"{self.name} at {self.url}"

    @property
    def connected(self) -> bool:
        """It has been reached, and not been lost since."""
        return self._session is not None

    @property
    def longest_s(self) -> float:
        """The longest round trip since it was connected."""
        return self._session.longest_s if self._session else 0.0

    def connect(self) -> None:
        """Opens it and checks its model; what was in its queue of errors is taken out.

        Raises:
            BusError: it does not answer, answers something else, or is another model.
        """
        with self.lock:
            if self._session is not None:
                return
            line = self.dialect.line
            self._session = Session(
                self.resource,
                timeout_s=self.timeout_s,
                read_end=line.read_end,
                write_end=line.write_end,
                baud_rate=line.baud_rate,
            )
            try:
                self._identify()
                self.take_errors()
                for command in self._start():
                    self.tell(command)
            except BaseException:
                self.drop()
                raise

    def drop(self) -> None:
        """Closes the session and nothing else."""
        with self.lock:
            if self._session is not None:
                self._session.close()
                self._session = None

    def close(self) -> None:
        """Makes it safe and closes it; what fails on the way is not raised."""
        with self.lock:
            if self._session is not None:
                with contextlib.suppress(BusError):
                    self.make_safe()
                with contextlib.suppress(BusError):
                    for command in self.dialect.watchdog.disarm if self.dialect.watchdog and self.watchdog_s else ():
                        self.tell(command)
            self.drop()

    def make_safe(self) -> None:
        """Sends the dialect's commands for it; raises BusError when one of them is not taken."""
        for command in self.dialect.safe:
            self.tell(self._fill(command))

    def check(self, key: str, value: float) -> None:
        """Whether a value may be sent.

        Raises:
            LimitError: it is no number, or beyond the rig's or the instrument's limits.
        """
        sides = (
            (self.limits.get(key), "the rig's limits"),
            (self.dialect.limits(key, self.channel), f"the limits of {self.dialect.model.name}"),
        )
        unit = self.dialect.outputs[key].unit
        shown = f"{value:g}" if unit == "1" else f"{value:g} {unit}"
        for limits, whose in sides:
            if math.isfinite(value) and (limits is None or limits[0] <= value <= limits[1]):
                continue
            self.refused += 1
            low_high = f", {limits[0]:g} to {limits[1]:g}" if limits else ""
            why = f"{key} = {shown} was not sent: it is beyond {whose}{low_high}"
            raise LimitError(why, where=self.name)

    def set(self, key: str, value: float) -> None:
        """Sends a value.

        Raises:
            LimitError: it is beyond limits, and was not sent.
            BusError: the instrument has gone, or refuses it with an error of its own.
        """
        self.check(key, value)
        output = self.dialect.outputs[key]
        text = output.words[value >= 0.5] if output.words else format(value, output.format)
        self.tell(self._fill(output.command).replace("{value}", text))

    def read(self, key: str) -> float:
        """A reading in its unit; NaN when the instrument says that it has none (overload, invalid).

        Raises:
            BusError: it has gone, or answers something else than a number.
        """
        query = self._fill(self.dialect.readings[key].query)
        answer = self.ask(query)
        match = re.fullmatch(r"([-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)\s*[A-Za-z%]*", answer)
        if match is None:
            raise AnswerError(f"answers {answer[:60]!r} to {query}, which is no number", where=self.name)
        value = float(match[1])
        return value if abs(value) < NOT_A_NUMBER else math.nan

    def tell(self, command: str) -> None:
        """Sends a command and asks for errors.

        Raises:
            InstrumentError: there was one, in the instrument's own words.
            BusError: it has gone.
        """
        with self.lock:
            self._open().write(command)
            errors = self.take_errors()
        if errors:
            raise InstrumentError(f"answers {'; '.join(errors)} to {command}", where=self.name)

    def ask(self, query: str) -> str:
        """Its answer to a question."""
        with self.lock:
            return self._open().query(query)

    def block(self, query: str) -> bytes:
        """Its answer to a question, a block of bytes."""
        with self.lock:
            return self._open().block(query)

    def take_errors(self) -> list[str]:
        """All that is in its queue of errors, each a number and a text; the queue is empty then."""
        query, found = self.dialect.errors.query, []
        for _ in range(self.dialect.errors.most if query else 0):
            answer = self.ask(query)
            match = re.match(r"\s*([-+]?\d+)", answer)
            if match is None:
                raise BusError(f"answers {answer[:60]!r} to {query}, which begins with no number", where=self.name)
            if int(match[1]) == 0:
                break
            found.append(answer)
        self.errors += len(found)
        return found

    def fill(self, commands: Sequence[str], channel: int | None = None) -> list[str]:
        """Commands with the channel in its place."""
        return [self._fill(command, channel) for command in commands]

    def _open(self) -> Session:
        if self._session is None:
            raise BusError("is not connected", where=self.where)
        return self._session

    def _identify(self) -> None:
        try:
            self.idn = self.ask("*IDN?")
        except BusError as error:
            mend = "Check its cable, address and power; `hil scan visa` asks what is there"
            raise BusError(error.message, where=self.where, mend=mend) from None
        if not self.dialect.matches(self.idn):
            why = f"is another model than {self.dialect.model.name}: *IDN? says {self.idn[:80]!r}"
            mend = f"Correct instruments.{self.name}.model or .resource; `hil scan visa` lists what is there"
            raise BusError(why, where=self.where, mend=mend)

    def _start(self) -> list[str]:
        """The dialect's start, and the watchdog where one is asked for."""
        armed = self.dialect.watchdog.arm if self.dialect.watchdog and self.watchdog_s else []
        seconds = f"{self.watchdog_s:g}" if self.watchdog_s else ""
        return [self._fill(c).replace("{seconds}", seconds) for c in (*self.dialect.start, *armed)]

    def _fill(self, command: str, channel: int | None = None) -> str:
        return command.replace("{channel}", str(self.channel if channel is None else channel))
