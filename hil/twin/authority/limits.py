"""What a rig allows a twin at most: its block `authority`, narrowed by [twin.actions]."""

from __future__ import annotations

from dataclasses import dataclass

from hil.errors import HilError
from hil.nearest import did_you_mean
from hil.rig import Rig
from hil.twin.spec import ActionTable, twin_of


@dataclass(frozen=True)
class Limits:
    """Of one action.

    Attributes:
        action: its name in [twin.actions].
        block: its block `authority`.
        low, high: range of the set point, in its unit.
        rate_per_s: largest change in a second.
        interlocks: signals that are 0 while the twin may act; the block has them in C.
        desired: signal of the person's set point.
        effective: signal of the effective one.
    """

    action: str
    block: str
    low: float
    high: float
    rate_per_s: float
    interlocks: tuple[str, ...]
    desired: str
    effective: str


def actions_of(rig: Rig) -> dict[str, ActionTable]:
    """[twin.actions]; none without [twin]."""
    return twin_of(rig).actions if rig.twin else {}


def limits_of(rig: Rig, action: str) -> Limits:
    """The rig's own limits of an action.

    Raises:
        HilError: the rig has no such action.
    """
    known = actions_of(rig)
    if action not in known:
        mend = did_you_mean(action, known) if known else "Add [twin.actions]: docs/authority.md"
        raise HilError(f"there is no action '{action}'", where=f"{rig.name}: twin", mend=mend)
    table = known[action]
    block = rig.blocks[table.block]
    (low,), (high,), (rate,) = (block.config[key] for key in ("low", "high", "rate_per_s"))
    ports = [(wire.port, wire.signal) for wire in block.inputs]
    outputs = {wire.port: wire.signal for wire in block.outputs}
    return Limits(
        action=action,
        block=table.block,
        low=max(low, table.range[0]),
        high=min(high, table.range[1]),
        rate_per_s=min(rate, table.rate),
        interlocks=tuple(signal for port, signal in ports if port == "interlock"),
        desired=next(signal for port, signal in ports if port == "u"),
        effective=outputs["y"],
    )
