"""Versions of a model's parameters in a twin's folder: which one is in use, where each comes from, and the way back.

`models/0001.json` ... never change once written; `models/champion` names the one in use. 0 are the rig's own values.
Every version, promotion and way back is an entry `model` of the twin's ledger.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hil.errors import HilError
from hil.signing.canonical import canonical, now
from hil.twin.ledger import Ledger
from hil.twin.recalibrate.calibration import Calibration
from hil.whole_file import written_whole

FOLDER, CHAMPION = "models", "champion"
RIGS_OWN = 0
FORM = re.compile(r"\d{4,}\.json")


@dataclass(frozen=True)
class Version:
    """Values of a model's parameters.

    Attributes:
        number: 1, 2, 3 ...
        parent: the version that it was judged against.
        block, values: "box", {"P": 15.2}; whatever the parent had otherwise than the rig is among them.
        fitted: names of those that were fitted; covariance: of these, in this order, nested lists.
        reason: why it was made.
        made: UTC, ISO 8601.
        data, data_hash, from_s, to_s: what it was fitted to.
        judged: the contest over the hold-out, see `hil.twin.recalibrate.contest`.
    """

    number: int
    parent: int
    block: str
    values: dict[str, float]
    fitted: list[str]
    covariance: list[list[float]]
    reason: str
    made: str
    data: str
    data_hash: str
    from_s: float
    to_s: float
    judged: dict[str, Any] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """SHA-256 of its canonical text, 64 hex digits."""
        return hashlib.sha256(canonical(asdict(self))).hexdigest()

    def named(self) -> dict[str, float]:
        """Values by the names that `bench.set` takes, "box.P"."""
        return {f"{self.block}.{name}": value for name, value in self.values.items()}


class Versions:
    """The versions of a twin's folder."""

    def __init__(self, folder: Path, ledger: Ledger | None = None, time_s: Callable[[], float] | None = None) -> None:
        """Args:
        folder: the twin's.
        ledger: gets an entry for whatever is done here; None: nothing is written, only read.
        time_s: bench time, told in the entries; None: no bench runs.
        """
        self.folder, self.ledger, self._time_s = folder / FOLDER, ledger, time_s

    # ---- reading ----

    def all(self) -> list[Version]:
        """All, in the order they were made."""
        files = sorted(f for f in self.folder.glob("*.json") if FORM.fullmatch(f.name)) if self.folder.is_dir() else []
        return [self._read(file) for file in files]

    def __getitem__(self, number: int) -> Version:
        file = self._file(number)
        if not file.is_file():
            known = ", ".join(str(v.number) for v in self.all()) or "none yet"
            mend = f"There are: {known}; 0 are the rig's own values"
            raise HilError(f"there is no version {number}", where=str(self.folder), mend=mend)
        return self._read(file)

    @property
    def champion(self) -> int:
        """Number of the version in use; 0: the rig's own values."""
        try:
            return int((self.folder / CHAMPION).read_text())
        except FileNotFoundError:
            return RIGS_OWN
        except (OSError, ValueError) as error:
            raise HilError(
                f"does not name the version in use ({error})",
                where=str(self.folder / CHAMPION),
                mend="Write the number of a version into it; 0 are the rig's own values",
            ) from None

    @property
    def challenger(self) -> Version | None:
        """The newest version, when it was made behind the one in use."""
        versions = self.all()
        return versions[-1] if versions and versions[-1].number > self.champion else None

    def own(self, number: int) -> dict[str, float]:
        """Values of a version by the names of the model's parameters; {} for the rig's own."""
        return {} if number == RIGS_OWN else self[number].values

    # ---- acts ----

    def add(self, found: Calibration, reason: str) -> Version:
        """Keeps an accepted calibration as the newest version; it is the challenger now.

        Raises:
            HilError: it was refused, or it cannot be written.
        """
        if not found.accepted:
            raise HilError("the calibration was refused", where=found.data, mend=found.refused[0])
        versions, parent = self.all(), self.champion
        version = Version(
            number=versions[-1].number + 1 if versions else 1,
            parent=parent,
            block=found.block,
            values={**self.own(parent), **found.values},
            fitted=list(found.values),
            covariance=found.covariance,
            reason=reason,
            made=now(),
            data=found.data,
            data_hash=found.data_hash,
            from_s=found.from_s,
            to_s=found.to_s,
            judged=found.judged.to_dict(),
        )
        self._write(self._file(version.number), canonical(asdict(version)))
        self._tell(
            "challenger", version.number, reason, hash=version.hash, values=version.named(), judged=version.judged
        )
        return version

    def refuse(self, found: Calibration, reason: str) -> None:
        """Writes a refused calibration into the ledger: that it was tried belongs to the story."""
        body = {"what": "refused", "reason": reason, "refused": list(found.refused), "values": found.values}
        if self.ledger is not None:
            self.ledger.append(
                "model", {**self._when(), **body, "data_hash": found.data_hash, "judged": found.judged.to_dict()}
            )

    def promote(
        self, number: int, reason: str, person: str | None = None, evidence: Mapping[str, Any] | None = None
    ) -> None:
        """Puts a version into use.

        Args:
            number: of the version; 0: the rig's own values.
            reason: why.
            person: who decided; None: the shadow's result did.
            evidence: the contest that it won.
        """
        if number != RIGS_OWN:
            _ = self[number]
        before = self.champion
        self._write(self.folder / CHAMPION, f"{number}\n".encode())
        self._tell("in use", number, reason, person, before=before, evidence=dict(evidence or {}))

    def rollback(self, reason: str, person: str | None = None) -> int:
        """Back to the version that the one in use was judged against; returns its number.

        Raises:
            HilError: the rig's own values are in use.
        """
        if self.champion == RIGS_OWN:
            raise HilError(
                "the rig's own values are in use", where=str(self.folder), mend="There is nothing behind them"
            )
        parent = self[self.champion].parent
        self.promote(parent, reason, person)
        return parent

    # ---- files ----

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:04}.json"

    def _read(self, file: Path) -> Version:
        try:
            return Version(**json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise HilError(f"is no version of a model ({error})", where=str(file)) from None

    def _write(self, file: Path, data: bytes) -> None:
        """Whole or not at all."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with written_whole(file, durable=True) as part:
                part.write_bytes(data)
        except OSError as error:
            raise HilError(f"cannot be written ({error.strerror})", where=str(file)) from None

    def _when(self) -> dict[str, float]:
        return {"time_s": self._time_s()} if self._time_s is not None else {}

    def _tell(self, what: str, number: int, reason: str, person: str | None = None, **more: Any) -> None:
        if self.ledger is not None:
            personal = {"person": person} if person else None
            self.ledger.append(
                "model", {**self._when(), "what": what, "version": number, "reason": reason, **more}, personal
            )
