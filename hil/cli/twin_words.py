"""Words for what a twin has done, as the ledger tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Body = Mapping[str, Any]


def acted(kind: str, body: Body) -> str:
    """A line for an entry of the kinds proposal, decision, authority, action and outcome."""
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
