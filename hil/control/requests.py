"""What can be asked of a running bench. Each request is a function of the bench and the fields of the message."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hil.control.lease import Access, person_of, user_name
from hil.errors import BenchError, HilError

if TYPE_CHECKING:
    from hil.bench import Bench

Fields = Mapping[str, Any]
Answer = dict[str, Any]


def status(bench: Bench, _: Fields) -> Answer:
    """Who runs and how it goes: rig, pid, kind of time, bindings, and all of `Bench.health()`."""
    who = {"rig": bench.rig.name, "pid": os.getpid(), "time": bench.time, "bindings": bench.bindings}
    return {**who, "period_s": bench.period_s, **bench.health()}


def values(bench: Bench, fields: Fields) -> Answer:
    """Newest values with status bits and units; of the signals in `names`, or of all.

    `away` names those that are internal to a controller on a device or in its library: their value is null.
    """
    names = fields.get("names")
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise BenchError("names must be a list of signal names")
    if names is None:
        now = bench.snapshot_values()
    else:
        now = {name: bench[name] for name in names}
    away = [name for name in now if not bench.is_here(name)]
    return {
        "tick": bench.tick,
        "time_s": bench.time_s,
        "values": {name: None if name in away else value for name, value in now.items()},
        "away": away,
        "status": {name: bench.status(name) for name in now},
        "units": {name: bench.units.get(name) for name in now},
    }


def set_value(bench: Bench, fields: Fields) -> Answer:
    """Sets the parameter or constant `name` to `value`, at bench time `at_s` or at the next tick."""
    name = _name(fields)
    bench.set(name, _value(bench, name, fields), at=_at(fields))
    return _accepted(bench)


def force(bench: Bench, fields: Fields) -> Answer:
    """Holds the signal `name` at `value` until it is released."""
    name = _name(fields)
    bench.force(name, _value(bench, name, fields), at=_at(fields))
    return _accepted(bench)


def release(bench: Bench, fields: Fields) -> Answer:
    """Ends a force on the signal `name`."""
    bench.release(_name(fields), at=_at(fields))
    return _accepted(bench)


def fault(bench: Bench, fields: Fields) -> Answer:
    """Arms the fault that `fault` describes, such as "sensor.h1=stuck@8s..14s"; answers with its id."""
    text = fields.get("fault")
    if not isinstance(text, str) or not text:
        raise BenchError("fault is missing", mend="Write it as in 'sensor.h1=stuck@8s..14s'")
    return {"fault_id": bench.fault(text), **_accepted(bench)}


def clear(bench: Bench, fields: Fields) -> Answer:
    """Clears the fault with `fault_id`, or all of them."""
    number = fields.get("fault_id")
    if number is not None and (isinstance(number, bool) or not isinstance(number, int)):
        raise BenchError("fault_id must be a whole number", mend="Leave it out to clear all faults")
    bench.clear_fault(number)
    return _accepted(bench)


def enable(bench: Bench, fields: Fields) -> Answer:
    """The master enable of faults: with `on` false none has any effect."""
    on = fields.get("on", True)
    if not isinstance(on, bool):
        raise BenchError("on must be true or false")
    bench.enable_faults(on)
    return _accepted(bench)


def safe(bench: Bench, fields: Fields) -> Answer:
    """All gated outputs to their safe values; `on` false ends it."""
    on = fields.get("on", True)
    if not isinstance(on, bool):
        raise BenchError("on must be true or false")
    bench.safe(on)
    return _accepted(bench)


def mark(bench: Bench, fields: Fields) -> Answer:
    """Puts a note `text` into the recording."""
    text = fields.get("text")
    if not isinstance(text, str) or not text:
        raise BenchError("text is missing")
    bench.mark(text)
    return _accepted(bench)


def note(bench: Bench, fields: Fields) -> Answer:
    """A mark that names who wrote it: `text`, and `person` where it is not the user."""
    text = fields.get("text")
    if not isinstance(text, str) or not text.strip():
        raise BenchError("text is missing")
    person = person_of(fields) or user_name(os.getuid())
    bench.mark(f"{person}: {text}")
    return {"person": person, **_accepted(bench)}


def capture(bench: Bench, fields: Fields) -> Answer:
    """Arms a capture: `signals` (list), `trigger`, `pre`, `post`, `timeout` in s, `name`, `count`, `stop_trigger`."""
    signals, trigger = fields.get("signals"), fields.get("trigger")
    if not (isinstance(signals, list) and signals and all(isinstance(name, str) for name in signals)):
        raise BenchError("signals must be a list of signal names")
    if not isinstance(trigger, str) or not trigger:
        raise BenchError("trigger is missing", mend="As in 'sensor.h1 > 0.2'")
    texts: list[str | None] = []
    for key in ("name", "stop_trigger"):
        text = fields.get(key)
        if text is not None and not isinstance(text, str):
            raise BenchError(f"{key} must be a text")
        texts.append(text)
    pre, post, timeout = (fields.get(key, preset) for key, preset in (("pre", 0.5), ("post", 2.0), ("timeout", 10.0)))
    count = fields.get("count", 1)
    made = bench.capture(signals, trigger, pre, post, timeout, name=texts[0], count=count, stop_trigger=texts[1])
    return {"capture": made.to_dict(), **_accepted(bench)}


def abort(bench: Bench, fields: Fields) -> Answer:
    """Ends the capture `name` at the next tick; what its window has so far is kept."""
    made = bench.captures[_name(fields)]
    made.abort()
    return {"capture": made.to_dict(), **_accepted(bench)}


def captures(bench: Bench, _: Fields) -> Answer:
    """All captures of this run with their states, in the order in which they were armed."""
    return {"captures": bench.captures.to_list(), **_accepted(bench)}


def stop(bench: Bench, _: Fields) -> Answer:
    """Ends the run after the tick that runs now."""
    answer = _accepted(bench)
    bench.request_stop()
    return answer


def twin_stop(bench: Bench, _: Fields) -> Answer:
    """Revokes all authorities of twins in the next tick that begins; answers with their blocks."""
    answer = _accepted(bench)
    bench.stop_twin()
    return {"rig": bench.rig.name, "authorities": bench.authorities(), **answer}


Request = Callable[["Bench", Fields], Answer]
REQUESTS: Mapping[str, Request] = {
    "status": status,
    "values": values,
    "set": set_value,
    "force": force,
    "release": release,
    "fault": fault,
    "clear": clear,
    "enable": enable,
    "safe": safe,
    "mark": mark,
    "note": note,
    "capture": capture,
    "abort": abort,
    "captures": captures,
    "stop": stop,
    "twin_stop": twin_stop,
}
# They need no lease: what only reads, and the two stops, which nobody may be kept from. All others write.
FREE = frozenset({"status", "values", "captures", "lease", "stop", "twin_stop"})
# Any write may name a `person`; it then stands in the recording as a mark. These two are marks themselves.
OWN_MARK = frozenset({"mark", "note"})
UNTOLD = frozenset({"hil", "id", "do", "lease", "person"})
PLAIN = frozenset({"act", "name", "value", "fault", "text", "signals"})  # what needs no word before it
LONGEST_TOLD = 400


def answer(
    bench: Bench,
    message: Fields,
    more: Mapping[str, Request] = MappingProxyType({}),
    access: Access | None = None,
) -> Answer:
    """The answer to a parsed message. Never raises: whatever goes wrong becomes an error for the one who asked.

    Args:
        more: requests that this bench knows beside REQUESTS, as those of its twin.
        access: who asks, and the lease; None: whoever asks may.
    """
    number = {"id": message["id"]} if "id" in message else {}
    try:
        return {**number, "ok": True, **_carried_out(bench, message, {**REQUESTS, **more}, access)}
    except HilError as error:
        return {**number, **refusal(error)}
    except Exception as error:  # the bench must not suffer from a request
        return {**number, **refusal(BenchError(f"the bench could not answer ({type(error).__name__}: {error})"))}


def _carried_out(bench: Bench, message: Fields, known: Mapping[str, Request], access: Access | None) -> Answer:
    handler = _handler(message, known)
    if access is None:
        return handler(bench, message)
    access.check(message)
    writes = message["do"] not in access.free
    marked = writes and message["do"] in REQUESTS and message["do"] not in OWN_MARK  # a twin's acts have its ledger
    person = person_of(message) if marked else None
    done = handler(bench, message)
    access.done(message)
    if person is not None:
        bench.mark(f"{person}: {told(message)}")
    return done


def told(message: Fields) -> str:
    """A request in words, as it stands in the recording behind the person's name: "force sensor.h1 0.3"."""
    words = [str(message["do"])]
    for key, value in message.items():
        if key in UNTOLD or value is None:
            continue
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        words.append(text if key in PLAIN else f"{key} {text}")
    return " ".join(words)[:LONGEST_TOLD]


def refusal(error: HilError) -> Answer:
    """An error as the other side gets it."""
    return {"ok": False, "error": {"message": error.message, "where": error.where, "mend": error.mend}}


def _handler(message: Fields, known: Mapping[str, Request]) -> Request:
    do = message.get("do")
    handler = known.get(do) if isinstance(do, str) else None
    if handler is None:
        raise BenchError(f"request {do!r} is not known", mend=f"There are {', '.join(known)}")
    return handler


def _accepted(bench: Bench) -> Answer:
    return {"tick": bench.tick, "time_s": bench.time_s}


def _name(fields: Fields) -> str:
    name = fields.get("name")
    if not isinstance(name, str) or not name:
        raise BenchError("name is missing")
    return name


def _value(bench: Bench, name: str, fields: Fields) -> float:
    """A number, or a quantity such as "13 cm" in the unit of the signal."""
    value = fields.get("value")
    if isinstance(value, str):
        value = _converted(bench.units.get(name), value, name)
    if isinstance(value, bool):
        return float(value)
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise BenchError("value must be a finite number", where=name)
    return float(value)


def _converted(unit: str | None, text: str, name: str) -> float:
    from hil import units
    from hil.faults import parse_quantity

    value, given = parse_quantity(text)
    if given is None:
        return value
    if unit is None:
        raise BenchError(f"'{text}' has a unit, {name} has none that is known", mend=f"Write {value:g} alone")
    if not units.compatible(given, unit):
        raise BenchError(f"{given} cannot become {unit}", where=name)
    scale, offset = units.conversion(given, unit)
    return value * scale + offset


def _at(fields: Fields) -> float | None:
    at_s = fields.get("at_s")
    if at_s is None:
        return None
    if isinstance(at_s, bool) or not isinstance(at_s, int | float) or not math.isfinite(at_s) or at_s < 0:
        raise BenchError("at_s must be a bench time in seconds")
    return float(at_s)
