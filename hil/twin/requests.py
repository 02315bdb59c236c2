"""What can be asked of a running twin over the bench's socket, beside what any bench answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hil.errors import BenchError

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.control.requests import Request
    from hil.twin.service import Twin

Fields = Mapping[str, Any]
ACTS = ("acknowledge", "reset", "shelve", "unshelve")


# They need no lease: what only reads, and what only takes back, which nobody may be kept from.
FREE = frozenset({"twin_status", "twin_alarms", "twin_proposals", "twin_veto", "twin_lower"})


def requests_of(twin: Twin) -> dict[str, Request]:
    """Requests for `hil.control.ControlServer`."""

    def status(_bench: Bench, _: Fields) -> dict[str, Any]:
        return twin.status()

    def alarms(_bench: Bench, _: Fields) -> dict[str, Any]:
        with twin.lock:
            return twin.alarms.to_dict(twin.time_s)

    def alarm(_bench: Bench, fields: Fields) -> dict[str, Any]:
        act, name, person = (_text(fields, key) for key in ("act", "name", "person"))
        reason = _text(fields, "reason", "")
        if act not in ACTS:
            raise BenchError(f"'{act}' cannot be done to an alarm", mend=f"There are {', '.join(ACTS)}")
        if act == "shelve":
            twin.shelve(name, _number(fields, "for_s"), person, reason)
        else:
            getattr(twin, act)(name, person, reason)
        return twin.alarms.by_name[name].to_dict()

    return {"twin_status": status, "twin_alarms": alarms, "twin_alarm": alarm, **_of_desk(twin)}


def _of_desk(twin: Twin) -> dict[str, Request]:
    """Proposals, and what people say of them."""

    def proposals(_bench: Bench, _: Fields) -> dict[str, Any]:
        with twin.lock:
            return twin.desk.to_dict()

    def decided(fields: Fields, act: Callable[[int, str, str], None]) -> dict[str, Any]:
        number = fields.get("number")
        if isinstance(number, bool) or not isinstance(number, int):
            raise BenchError("number must be a whole number, that of a proposal")
        with twin.lock:
            act(number, _text(fields, "person"), _text(fields, "reason", ""))
            return twin.desk.proposals[number].to_dict()

    def approve(_bench: Bench, fields: Fields) -> dict[str, Any]:
        return decided(fields, twin.desk.approve)

    def veto(_bench: Bench, fields: Fields) -> dict[str, Any]:
        return decided(fields, twin.desk.veto)

    def promote(_bench: Bench, fields: Fields) -> dict[str, Any]:
        action, level, person = (_text(fields, key) for key in ("action", "level", "person"))
        with twin.lock:
            twin.desk.promote(action, level, person, _text(fields, "reason", ""), _text(fields, "envelope", "") or None)
            return {"action": action, **twin.desk.to_dict()["actions"][action]}

    def lower(_bench: Bench, fields: Fields) -> dict[str, Any]:
        action, level, person = (_text(fields, key) for key in ("action", "level", "person"))
        with twin.lock:
            twin.desk.lower(action, level, person, _text(fields, "reason", ""))
            return {"action": action, **twin.desk.to_dict()["actions"][action]}

    return {
        "twin_proposals": proposals,
        "twin_approve": approve,
        "twin_veto": veto,
        "twin_promote": promote,
        "twin_lower": lower,
    }


def _text(fields: Fields, key: str, otherwise: str | None = None) -> str:
    value = fields.get(key, otherwise)
    if not isinstance(value, str) or (not value and otherwise is None):
        raise BenchError(f"{key} is missing")
    return value


def _number(fields: Fields, key: str) -> float:
    value = fields.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BenchError(f"{key} must be a number")
    return float(value)
