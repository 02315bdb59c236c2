"""Words for what a twin has done, as the ledger tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Body = Mapping[str, Any]


def said(kind: str, body: Body) -> str:
    """A line for an entry of any kind."""
    if kind == "alarm":
        return f"{body['alarm']}: {body['state']} ({body['priority']}): {body['text']}"
    if kind == "diagnosis":
        return f"{body['cause']} {body['probability'][body['cause']]:.0%}: {body['text']}"
    if kind == "detection":
        return f"{body['detector']}: {body['text']}"
    if kind == "quality":
        place = body.get("signal") or body.get("column") or ""
        return f"{place} {body['kind']}: {body['text']}".strip()
    if kind == "model":
        version = f" version {body['version']}" if "version" in body else ""
        return f"{body.get('act') or body.get('what')}{version}: {body.get('reason', '')}".removesuffix(": ")
    if kind == "forecast":
        return _foreseen(body)
    if kind in ("proposal", "authority", "decision", "action", "outcome"):
        return _acted(kind, body)
    return str(body.get("text") or body.get("act") or "")


def _foreseen(body: Body) -> str:
    name = body.get("forecast") or body.get("degradation")
    if "refused" in body:
        return f"{name}: {body['refused']}"
    if "life" in body:
        limit = f"the limit {body['life']['limit']:g} {body['life']['unit']}"
        if body["ended"]:
            return f"{name}: {limit} is reached, {body['wear']['level']['mean']:.3g} {body['life']['unit']} are left"
        low, middle, high = hours_of(body["life"]["time_s"])
        return f"{name}: {limit} is crossed in {middle} ({low} to {high} with 90 %)"
    crossed = [f"{key} {one['probability']:.0%}" for key, one in body["limits"].items()]
    return f"{name}, {_hours(body['horizon_s'])} ahead: limits crossed: {', '.join(crossed)}"


def hours_of(times: Mapping[str, float | None]) -> tuple[str, str, str]:
    """The 5, 50 and 95 % quantiles of a time, for people."""
    low, middle, high = (_hours(times[share]) for share in ("0.05", "0.5", "0.95"))
    return low.removesuffix(" h"), middle, high


def _hours(time_s: float | None) -> str:
    return "never" if time_s is None else f"{time_s / 3600.0:.1f} h"


def _acted(kind: str, body: Body) -> str:
    if "refused" in body:
        return str(body["refused"])
    words = {"proposal": _proposal, "decision": _decision, "authority": _authority, "action": _action}
    return words.get(kind, _outcome)(body)


def _proposal(body: Body) -> str:
    if "none" in body:
        return f"{body['action']}: {body['none']}"
    return f"{body['number']} ({body['kind']}, {body['level']}) {body['text']}"


def _decision(body: Body) -> str:
    return f"proposal {body['proposal']} {body['act']}"


def _authority(body: Body) -> str:
    until = f", until {body['until_s']:g} s" if "until_s" in body else ""
    return f"{body['action']} {body['act']} to {body['to']}{until}{_because(body)}"


def _action(body: Body) -> str:
    change = f"{body['before']:g} -> {body['value']:g}"
    return f"proposal {body['proposal']} applied: {change}, {body['predicted']['expected']:.4g} expected"


def _outcome(body: Body) -> str:
    if "predicted" not in body:
        return f"proposal {body['proposal']} {body['state']}{_because(body)}"
    predicted = body["predicted"]
    foretold = f"{predicted['expected']:.4g} ({predicted['low']:.4g} to {predicted['high']:.4g}) foretold"
    measured = "nothing" if body["actual"] is None else f"{body['actual']:.4g}"
    verdict = f"rolled back, {body['failed']}" if body["failed"] else "verified"
    return f"proposal {body['proposal']} {verdict}: {measured} measured, {foretold}"


def _because(body: Body) -> str:
    return f": {body['why']}" if body.get("why") else ""
