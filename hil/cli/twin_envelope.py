"""`hil twin envelope`: signed files that say what a twin may do."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import output
from hil.cli.options import JsonOption, RigArg
from hil.errors import HilError

if TYPE_CHECKING:
    from hil.twin.authority.envelope import Envelope

app = typer.Typer(no_args_is_help=True, help="Signed files that say what a twin may do: sign, show, verify.")
EXISTS, OTHER = "exists", "Give another --out"
FileArg = Annotated[Path, typer.Argument(metavar="FILE", help="An envelope.")]


@app.command("sign")
def sign(
    rig: RigArg,
    action: Annotated[str, typer.Argument(metavar="ACTION", help="Of the rig's [twin.actions].")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The envelope; never overwritten.")],
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="Your private key; default: hil key new.")] = None,
    level: Annotated[str, typer.Option(metavar="LEVEL", help="Highest rung: APPROVE, SEMI or AUTO.")] = "APPROVE",
    limits: Annotated[
        tuple[float, float] | None, typer.Option("--range", metavar="LOW HIGH", help="Default: the rig's.")
    ] = None,
    rate: Annotated[float | None, typer.Option(metavar="PER_S", help="Largest change in a second.")] = None,
    hours: Annotated[
        list[str] | None, typer.Option(metavar="HH:MM-HH:MM", help="Times of day, UTC; default: all day.")
    ] = None,
    valid_for: Annotated[float, typer.Option("--for", metavar="HOURS", min=0.01, max=744.0, help="From now.")] = 8.0,
    person: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Who may promote and approve; default: anybody.")
    ] = None,
    purpose: Annotated[str, typer.Option(metavar="TEXT", help="For people.")] = "",
    json: JsonOption = False,
) -> None:
    """Sign an envelope. It can only narrow what the rig allows; what is left out is the rig's."""
    from hil.cli.key import ask_passphrase
    from hil.rig import load_rig
    from hil.signing import keys
    from hil.twin.authority import envelope as envelopes
    from hil.twin.authority.limits import limits_of

    described = load_rig(rig)
    own = limits_of(described, action)
    low, high = limits if limits is not None else (own.low, own.high)
    allowed = {
        "block": own.block,
        "low": low,
        "high": high,
        "rate_per_s": rate if rate is not None else own.rate_per_s,
        "level": level.upper(),
    }
    if out.exists():
        raise HilError(EXISTS, where=str(out), mend=OTHER)
    now = datetime.now(UTC)
    made = envelopes.issue(
        keys.signer(key if key is not None else _own_key(), ask=ask_passphrase),
        rig=described.name,
        purpose=purpose,
        issued=envelopes.utc(now),
        not_before=envelopes.utc(now),
        not_after=envelopes.utc(now + timedelta(hours=valid_for)),
        hours=[part.split("-") for part in hours or []],
        persons=person or [],
        actions={action: allowed},
    )
    envelopes.check_narrows(made, described)
    _write_new(out, made.text)
    _show(made, "signed", json=json, file=out)


def _write_new(out: Path, text: str) -> None:
    """The whole file or none, and never over another one."""
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=out.parent, prefix=f".{out.name}-") as fresh:
            fresh.write(text)
            fresh.flush()
            os.fchmod(fresh.fileno(), 0o644)
            os.link(fresh.name, out)
    except FileExistsError:
        raise HilError(EXISTS, where=str(out), mend=OTHER) from None
    except OSError as error:
        raise HilError(f"cannot be written ({error.strerror})", where=str(out), mend=OTHER) from None


@app.command("show")
def show(file: FileArg, json: JsonOption = False) -> None:
    """Show what an envelope says; nothing is verified."""
    from hil.twin.authority.envelope import read, read_file

    _show(read(read_file(file), str(file)), "not verified", json=json, file=file)


@app.command("verify")
def verify(
    file: FileArg,
    rig: RigArg,
    keys_: Annotated[
        Path | None, typer.Option("--keys", metavar="KEYS", help="Trusted public keys; default: those known here.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Say whether an envelope may be used now: signature, trust, limits of the rig, times. Exit code 2 if not."""
    from hil.rig import load_rig
    from hil.signing import keys
    from hil.twin.authority.envelope import load, read_file

    trusted = keys.read_public(keys_) if keys_ is not None else keys.known_keys()
    found = load(read_file(file), load_rig(rig), trusted, datetime.now(UTC), str(file))
    _show(found.envelope, f"may be used now, trusted by the key of {found.by}", json=json, file=file)


def _own_key() -> Path:
    import getpass

    from hil.signing import keys

    return keys.default_file(getpass.getuser())


def _show(envelope: Envelope, said: str, *, json: bool, file: Path) -> None:
    if json:
        fields: dict[str, Any] = envelope.model_dump()
        output.print_json({"file": file, "state": said, "hash": envelope.hash, **fields})
        return
    out = output.console()
    out.print(f"{file}: {said}", soft_wrap=True, highlight=False)
    out.print(
        f"  for {envelope.rig}, {envelope.not_before} to {envelope.not_after}, by {envelope.name}", soft_wrap=True
    )
    for begin, end in envelope.hours:
        out.print(f"  only from {begin} to {end} UTC")
    if envelope.persons:
        out.print(f"  persons: {', '.join(envelope.persons)}", soft_wrap=True)
    for name, one in envelope.actions.items():
        bounds = f"{one.low:g} to {one.high:g}, at most {one.rate_per_s:g} in a second"
        out.print(f"  {name} ({one.block}): {bounds}, up to {one.level}", soft_wrap=True)
