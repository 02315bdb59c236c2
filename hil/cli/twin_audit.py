"""`hil twin audit`: the ledger of a twin, its checkpoints and its proof."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil import json_text
from hil.cli import FAILED, output
from hil.cli.options import JsonOption
from hil.errors import HilError

if TYPE_CHECKING:
    from hil.twin.ledger import Audit, Entry

app = typer.Typer(no_args_is_help=True, help="The ledger of a twin: verify, checkpoint, export, erase.")

FolderArg = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the twin.")]
PointsOption = Annotated[
    Path | None, typer.Option("--checkpoints", metavar="FILE", help="Signed checkpoints; default: DIR.checkpoints.")
]
DAY_NS = 86_400_000_000_000


@app.command("verify")
def verify(
    folder: FolderArg,
    checkpoints: PointsOption = None,
    trusted: Annotated[
        Path | None,
        typer.Option(metavar="KEYS", help="A file of public keys, or a folder of .pub files; default: hil key show."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check that nothing in a ledger was changed, taken out or cut off, and say how much of it is anchored.

    Exit code 1 when something is wrong, or when KEYS are given and none of them signed the newest checkpoint.
    """
    from hil.signing.keys import read_public
    from hil.twin.ledger import audit

    found = audit(folder, checkpoints, None if trusted is None else read_public(trusted))
    if json:
        output.print_json({**_fields(found), "folder": folder})
    else:
        for line in _lines(found):
            output.console().print(line, soft_wrap=True, highlight=False, markup=False)
    if not found.verified:
        raise typer.Exit(FAILED)


@app.command("checkpoint")
def checkpoint(
    folder: FolderArg,
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="Private key that signs: hil key new makes one.")],
    checkpoints: PointsOption = None,
    json: JsonOption = False,
) -> None:
    """Sign what the ledger holds now, outside it."""
    from hil.cli.key import ask_passphrase
    from hil.signing.keys import signer
    from hil.twin.ledger import Ledger, write_checkpoint
    from hil.twin.ledger.checkpoint import default_file

    who = signer(key, ask=ask_passphrase)
    with Ledger(folder, write=False) as ledger:
        point = write_checkpoint(ledger, who, checkpoints)
    file = checkpoints or default_file(folder)
    if json:
        output.print_json({"count": point.count, "head": point.head, "file": file})
    else:
        output.console().print(f"{_entries(point.count)} signed by {point.name}: {file}", soft_wrap=True)


@app.command("export")
def export(
    folder: FolderArg,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Default: standard output.")] = None,
) -> None:
    """Write the entries as JSON Lines, in order."""
    from hil.twin.ledger import Ledger

    with Ledger(folder, write=False) as ledger:
        lines = (json_text.dumps(_entry(entry)) + "\n" for entry in ledger.entries())
        if out is None:
            for line in lines:
                typer.echo(line, nl=False)
            return
        try:
            with out.open("x", encoding="utf-8") as stream:
                stream.writelines(lines)
        except OSError as error:
            raise HilError(f"cannot be written ({error.strerror})", where=str(out), mend="Give another --out") from None


@app.command("erase")
def erase(
    folder: FolderArg,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; stays in the ledger.")],
    person: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only fields that hold just this, as the name of a person.")
    ] = None,
    older: Annotated[
        float | None, typer.Option("--older-than", metavar="DAYS", min=0, help="Only of entries older than this.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Erase personal data for good; the chain still verifies, and an entry tells of it."""
    import time

    from hil.twin.ledger import Ledger

    if person is None and older is None:
        raise HilError("nothing is named", where="hil twin audit erase", mend="Give --person or --older-than")
    before = None if older is None else time.time_ns() - round(older * DAY_NS)
    if not (folder / "ledger.sqlite").is_file():
        Ledger(folder, write=False)  # says what is missing, and makes nothing
    with Ledger(folder) as ledger:
        entry = ledger.erase(reason, before_ns=before, value=person)
    erased = len(entry.body["fields"]) if entry else 0
    if json:
        output.print_json({"erased": erased, "entry": entry.number if entry else None})
    else:
        output.console().print(f"{output.counted(erased, 'fields')} erased")


def _entries(n: int) -> str:
    return f"{n:,} entries" if n != 1 else "1 entry"


def _entry(entry: Entry) -> dict[str, Any]:
    own = {"number": entry.number, "time_ns": entry.time_ns, "kind": entry.kind, "body": entry.body}
    return {**own, "personal": entry.personal, "before": entry.before, "hash": entry.hash}


def _fields(found: Audit) -> dict[str, Any]:
    return {
        "verified": found.verified,
        "entries": found.entries,
        "anchored": found.anchored,
        "tail": found.tail,
        "signer": found.signer,
        "key_known": found.known,
        "findings": found.findings,
    }


def _lines(found: Audit) -> list[str]:
    lines = [f"{item.where}: {item.what}" for item in found.findings]
    lines.append(f"{'Verified' if found.verified else 'NOT as written'}: {_entries(found.entries)}")
    if found.signer:
        known = "" if found.known else "; the key is not known here"
        lines.append(f"Anchored: 1 to {found.anchored}, signed by {found.signer}{known}")
    if found.tail:
        lines.append(f"Not anchored: the newest {found.tail}, which could have been made anew together")
    return lines
