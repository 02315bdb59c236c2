"""What a check does to the bench, in words.

    sensor.h1 = 20cm at 1s for 500ms     a signal is forced from 1 s to 1.5 s of the item
    alarm1.reset = 1 for 100ms           a parameter, or a number on a port, is set and set back
    level1.manual_value = {pump.v1}      the value that pump.v1 has at that moment
    release sensor.h1 at 3s              a force ends, a parameter gets its old value back
    fault sensor.h1=wire_break(low) at 1s for 2s
    plc.ack = 1 for 100ms when plc.step == 3     once the condition holds; later acts count from that moment

Whatever is still held at the end of the item is given back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hil import units
from hil.errors import HilError, RigError
from hil.fault_times import quantity, read_time
from hil.faults import parse_fault
from hil.nearest import did_you_mean

if TYPE_CHECKING:
    from hil.rig import Rig

WORDS = {"on": 1.0, "true": 1.0, "off": 0.0, "false": 0.0}
FORM = "Write 'sensor.h1 = 20cm at 1s for 500ms', 'release sensor.h1' or 'fault sensor.h1=stuck'"
_CLAUSES = re.compile(
    r"(?P<body>.*?)(?:\s+at\s+(?P<at>\S+))?(?:\s+for\s+(?P<span>\S+))?(?:\s+when\s+(?P<when>.+))?\s*", re.DOTALL
)
_PRESENT = re.compile(r"\{\s*([^{}\s]+)\s*\}")


@dataclass(frozen=True)
class Act:
    """One act.

    Attributes:
        kind: "force", "set", "release" or "fault".
        target: signal or parameter; of a fault its text.
        value: a number, or the name of a signal whose present value it takes.
        at_s: from the item's start, or from the moment of the last condition.
        for_s: until it is taken back; None: to the end.
        when: condition that is waited for first; empty: none.
    """

    kind: str
    target: str
    value: float | str = 0.0
    at_s: float = 0.0
    for_s: float | None = None
    when: str = ""

    def __str__(self) -> str:
        body = {"release": f"release {self.target}", "fault": f"fault {self.target}"}.get(self.kind)
        if body is None:
            value = f"{{{self.value}}}" if isinstance(self.value, str) else f"{self.value:.12g}"
            body = f"{self.target} = {value}"
        body += f" at {self.at_s:.12g}s" if self.at_s else ""
        body += f" for {self.for_s:.12g}s" if self.for_s is not None else ""
        return body + (f" when {self.when}" if self.when else "")

    def later(self, seconds: float) -> Act:
        """The same, so much later; one that waits for a condition has no time of its own."""
        return self if self.when else replace(self, at_s=round(self.at_s + seconds, 12))


def read_act(text: str, rig: Rig) -> Act:
    """The act that a text means on this rig.

    Raises:
        RigError: it cannot be read, or nothing of that name can be forced or set.
    """
    match = _CLAUSES.fullmatch(text.strip())
    body = match["body"].strip() if match else ""
    if match is None or not body:
        raise RigError(f"'{text}' is no act", mend=FORM)
    at_s = 0.0 if match["at"] is None else seconds(match["at"])
    for_s = None if match["span"] is None else seconds(match["span"])
    times = (at_s, for_s, match["when"] or "")
    first, _, rest = body.partition(" ")
    if first == "fault":
        return Act("fault", _fault(rest.strip(), rig), 0.0, *times)
    if first == "release" and "=" not in rest:
        return Act("release", _known(rest.strip(), rig)[0], 0.0, *times)
    name, equals, value = body.partition("=")
    if not equals:
        raise RigError(f"'{text}' is no act", mend=FORM)
    target, kind = _known(name.strip(), rig)
    return Act(kind, target, _value(value.strip(), target, rig), *times)


def seconds(text: str) -> float:
    """A time such as 200ms.

    Raises:
        RigError: it is none; ticks are refused, as an item's times are those of the plant.
    """
    try:
        found, ticks = read_time(text, text)
    except HilError as error:
        raise RigError(error.message, mend=error.mend) from None
    if found is None or ticks is not None:
        raise RigError(f"'{text}' is not a time", mend="Write times as 8s, 200ms or 2min")
    return found


def number(text: str, unit: str | None) -> float:
    """A number or a quantity, in `unit`.

    Raises:
        RigError: it is neither, or of another kind of unit.
    """
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    try:
        value, given = quantity(text, text)
    except HilError:
        raise RigError(f"'{text}' is not a number, or a number and a unit", mend="Write 0.2 or 20cm") from None
    if given is None:
        return value
    if unit is None:
        raise RigError(f"'{text}' has a unit, and the value it is for has none", mend="Write the plain number")
    scale, offset = units.conversion(given, unit)
    return scale * value + offset


def _value(text: str, target: str, rig: Rig) -> float | str:
    present = _PRESENT.fullmatch(text)
    if present:
        name = present[1]
        if name.removesuffix(".raw") not in rig.signals and name not in rig.tunable():
            raise RigError(f"there is no signal '{name}'", mend=did_you_mean(name, rig.signals))
        return name
    signal = rig.signals.get(target)
    return number(text, signal.unit if signal else None)


def _known(name: str, rig: Rig) -> tuple[str, str]:
    signal = rig.signals.get(name)
    if signal is not None and signal.path:
        return name, "force"
    if name in rig.tunable():
        return name, "set"
    known = [*rig.faultable(), *rig.tunable()]
    raise RigError(f"'{name}' can neither be forced nor set", mend=did_you_mean(name, known))


def _fault(text: str, rig: Rig) -> str:
    try:
        parse_fault(text, rig.faultable())
    except HilError as error:
        raise RigError(error.message, mend=error.mend) from None
    if "@" in text:
        raise RigError(f"'{text}' has its own time", mend="Write 'fault ... at 1s for 2s'")
    return text
