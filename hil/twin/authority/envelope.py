"""Authority envelopes: what a person allows a twin, as a signed file. It can only narrow the rig.

The file is one JSON object. `signature` is Ed25519 (RFC 8032) over the canonical text of all other fields, so whatever
is changed in it is found. Who signed is trusted when their public key is known here (`hil key show`).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hil.errors import HilError
from hil.rig import Rig
from hil.rig.twin_schema import LADDER
from hil.signing.canonical import canonical
from hil.signing.keys import PublicKey, Signer, needed
from hil.twin.authority.limits import Limits, limits_of
from hil.twin.ledger.entry import sha256

FORMAT = "hil-envelope 1"
LONGEST_FILE = 48 * 1024  # fits into a line of the control socket
LONGEST = timedelta(days=31)  # what is forgotten ends by itself
TIME = "%Y-%m-%dT%H:%M:%SZ"
DAY = timedelta(days=1)

Level = Literal["APPROVE", "SEMI", "AUTO"]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]  # printed as it is
Moment = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
OfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Hex = Annotated[str, Field(pattern=r"^([0-9a-f]{2})*$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class Allowed(_Table):
    """What an envelope says of one action.

    Attributes:
        block: its block `authority`.
        low, high: range of the set point.
        rate_per_s: largest change in a second.
        level: the highest rung of the ladder that a person may promote it to.
        interlocks: signals that must be interlocks of the block; those that it has beside them act as well.
    """

    block: Name
    low: float
    high: float
    rate_per_s: Annotated[float, Field(gt=0)]
    level: Level
    interlocks: list[Name] = []

    def widens(self, rig: Limits) -> str | None:
        """How it is wider than the rig; None when it is not."""
        if self.block != rig.block:
            return f"its block is {self.block}, the rig's is {rig.block}"
        if not rig.low <= self.low <= self.high <= rig.high:
            return f"its range {self.low:g} to {self.high:g} is not within {rig.low:g} to {rig.high:g}"
        if self.rate_per_s > rig.rate_per_s:
            return f"its rate {self.rate_per_s:g} is above {rig.rate_per_s:g} in a second"
        if missing := set(self.interlocks) - set(rig.interlocks):
            return f"{', '.join(sorted(missing))} is no interlock of block {rig.block}"
        return None


class Envelope(_Table):
    """An envelope, as signed.

    Attributes:
        format: of the file.
        id: 32 hex digits, of no other envelope.
        rig: name of the rig that it is for.
        purpose: for people.
        issued, not_before, not_after: UTC.
        hours: times of day, UTC, [from, to], in which it may be used; over midnight with to before from; none: always.
        persons: who may promote and approve under it; none named: anybody.
        actions: by their names in [twin.actions].
        name, public_key: of the one who signed; 64 hex digits.
        signature: 128 hex digits.
    """

    format: Literal["hil-envelope 1"]
    id: Annotated[Hex, Field(min_length=32, max_length=32)]
    rig: Name
    purpose: Annotated[str, Field(max_length=1000)] = ""
    issued: Moment
    not_before: Moment
    not_after: Moment
    hours: list[Annotated[list[OfDay], Field(min_length=2, max_length=2)]] = []
    persons: list[Name] = []
    actions: Annotated[dict[Name, Allowed], Field(min_length=1)]
    name: Name
    public_key: Annotated[Hex, Field(min_length=64, max_length=64)]
    signature: Hex = ""

    @model_validator(mode="after")
    def _runs_forward(self) -> Envelope:
        if not _moment(self.not_before) < _moment(self.not_after):
            raise ValueError("not_after must be behind not_before")
        if _moment(self.not_after) - _moment(self.not_before) > LONGEST:
            raise ValueError(f"it lasts longer than {LONGEST.days} days")
        if any(begin == end for begin, end in self.hours):
            raise ValueError("hours must have a beginning and another end")
        return self

    @property
    def signed(self) -> bytes:
        """What the signature is over."""
        return canonical(self.model_dump(exclude={"signature"}))

    @property
    def hash(self) -> str:
        """SHA-256 over all of it, 64 hex digits."""
        return sha256(canonical(self.model_dump()))

    @property
    def key(self) -> PublicKey:
        """The signer's."""
        return PublicKey(bytes.fromhex(self.public_key), self.name)

    @property
    def text(self) -> str:
        """The file."""
        return json.dumps(self.model_dump(), indent=1, ensure_ascii=False) + "\n"

    def is_genuine(self) -> bool:
        """Whether the signature is the named key's, over what it says now."""
        needed()
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            key = Ed25519PublicKey.from_public_bytes(self.key.raw)
            key.verify(bytes.fromhex(self.signature), self.signed)
        except (InvalidSignature, ValueError):
            return False
        return True

    def ends_at(self, now: datetime) -> datetime | None:
        """Until when it may be used from `now` on without a break; None: not now."""
        begin, end = _moment(self.not_before), _moment(self.not_after)
        if not begin <= now < end:
            return None
        if not self.hours:
            return end
        ends = [stop for hours in self.hours if (stop := _end_of(hours, now)) is not None]
        return min(end, max(ends)) if ends else None


@dataclass(frozen=True)
class Loaded:
    """An envelope that was checked.

    Attributes:
        by: name of the trusted key that signed it, as it is known here.
    """

    envelope: Envelope
    by: str


def issue(signer: Signer, **fields: Any) -> Envelope:
    """Signs a new envelope; `fields` are those of `Envelope` that are not the signature's.

    Raises:
        HilError: they are none.
    """
    own = {"format": FORMAT, "id": secrets.token_hex(16), "name": signer.public.name}
    unsigned = _parse({**own, **fields, "public_key": signer.public.raw.hex()}, "envelope")
    return unsigned.model_copy(update={"signature": signer.sign(unsigned.signed).hex()})


def read(text: str | bytes, where: str) -> Envelope:
    """An envelope from its text. Nothing is verified yet: see `load`.

    Raises:
        HilError: it is none.
    """
    if len(text) > LONGEST_FILE:
        raise HilError(f"is longer than {LONGEST_FILE} bytes", where=where)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise HilError("is no JSON", where=where, mend="Make one with: hil twin envelope sign") from None
    return _parse(data, where)


def read_file(file: Path) -> str:
    """The text of an envelope's file; raises HilError when it cannot be read."""
    try:
        with file.open("rb") as stream:
            return stream.read(LONGEST_FILE + 1).decode("utf-8", "replace")
    except OSError as error:
        raise HilError(f"cannot be read ({error.strerror})", where=str(file)) from None


def load(
    text: str | bytes, rig: Rig, trusted: Sequence[PublicKey], now: datetime, where: str = "the envelope"
) -> Loaded:
    """An envelope that may be used now.

    Raises:
        HilError: it is unsigned, altered, signed by nobody who is trusted, for another rig, wider than the rig, expired
            or not valid yet.
    """
    envelope = read(text, where)
    if not envelope.signature:
        raise HilError("is not signed", where=where, mend="Sign it with: hil twin envelope sign")
    if not envelope.is_genuine():
        raise HilError(f"is not what {envelope.name} signed: it was altered", where=where, mend="Sign a new one")
    by = next((key.name for key in trusted if key.raw == envelope.key.raw), None)
    if by is None:
        mend = f"Put their public key ({envelope.key.fingerprint}) among those of: hil key show"
        raise HilError(f"is signed by {envelope.name}, who is not trusted here", where=where, mend=mend)
    check_narrows(envelope, rig, where)
    check_time(envelope, now, where)
    return Loaded(envelope, by or envelope.name)


def check_narrows(envelope: Envelope, rig: Rig, where: str = "the envelope") -> None:
    """Raises HilError when it is for another rig, or wider than this one."""
    if envelope.rig != rig.name:
        raise HilError(f"is for rig '{envelope.rig}', not '{rig.name}'", where=where)
    for action, allowed in envelope.actions.items():
        why = allowed.widens(limits_of(rig, action))
        if why is not None:
            mend = "An envelope can only narrow what the rig allows: sign another one"
            raise HilError(f"{action}: {why}", where=where, mend=mend)


def check_time(envelope: Envelope, now: datetime, where: str = "the envelope") -> None:
    """Raises HilError when it cannot be used now."""
    if now >= _moment(envelope.not_after):
        raise HilError(f"expired at {envelope.not_after}", where=where, mend="Sign a new one")
    if now < _moment(envelope.not_before):
        raise HilError(f"is valid from {envelope.not_before} on", where=where)
    if envelope.ends_at(now) is None:
        hours = ", ".join("-".join(pair) for pair in envelope.hours)
        raise HilError(f"is valid at {hours} UTC only", where=where)


def utc(moment: datetime) -> str:
    """As an envelope writes it."""
    return moment.astimezone(UTC).strftime(TIME)


def above(level: str, other: str) -> bool:
    """Whether a rung of the ladder is higher than another."""
    return LADDER.index(level) > LADDER.index(other)


def _moment(text: str) -> datetime:
    return datetime.strptime(text, TIME).replace(tzinfo=UTC)


def _end_of(hours: Sequence[str], now: datetime) -> datetime | None:
    """End of the stretch of the day that `now` lies in; None when it lies in none."""
    begin, end = (_of_day(text) for text in hours)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    since = now - midnight
    if begin < end:
        return midnight + end if begin <= since < end else None
    if since >= begin:
        return midnight + DAY + end
    return midnight + end if since < end else None


def _of_day(text: str) -> timedelta:
    hour, minute = text.split(":")
    return timedelta(hours=int(hour), minutes=int(minute))


def _parse(data: Any, where: str) -> Envelope:
    if not isinstance(data, Mapping):
        raise HilError("is no envelope", where=where, mend="Make one with: hil twin envelope sign")
    try:
        return Envelope.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        why = first["msg"].removeprefix("Value error, ")
        raise HilError(f"{place}: {why}" if place else why, where=where) from None
    except ValueError as error:  # a date such as 2026-02-31
        raise HilError(str(error), where=where) from None
