"""`hil key`: keys that sign acceptance records and authority envelopes."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli import output
from hil.cli.options import JsonOption
from hil.errors import HilError

if TYPE_CHECKING:
    from hil.signing.keys import PublicKey

app = typer.Typer(no_args_is_help=True, help="Keys that sign acceptance records and authority envelopes: new, show.")


def ask_passphrase() -> str:
    """Of a key that has one, from whoever sits at the terminal."""
    return str(typer.prompt("Passphrase", hide_input=True, err=True))


@app.command("new")
def new(
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Who signs with it; default: the user.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The private key; its public key becomes FILE.pub.")
    ] = None,
    passphrase: Annotated[bool, typer.Option("--passphrase", help="Ask for one that encrypts the key.")] = False,
    json: JsonOption = False,
) -> None:
    """Make an Ed25519 key. A file that is there is never overwritten."""
    from hil.signing import keys

    owner = keys.check_name(name if name is not None else getpass.getuser(), "--name")
    file = out if out is not None else keys.default_file(owner)
    secret = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True) if passphrase else None
    public = keys.new_key(file, owner, secret)
    if json:
        output.print_json({"private": file, "public": keys.public_file(file), **_fields(public)})
        return
    output.console().print(f"Private key: {file} (keep it to yourself)", soft_wrap=True)
    output.console().print(f"Public key:  {keys.public_file(file)} (give it to those who verify)", soft_wrap=True)
    output.console().print(f"{public.name}, {public.fingerprint}", soft_wrap=True)


@app.command("show")
def show(
    keys_: Annotated[
        Path | None, typer.Argument(metavar="[KEYS]", help="A key, a file of public keys, or a folder of them.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show names and fingerprints of public keys; without KEYS those that are known on this machine."""
    from hil.signing import keys

    path = keys_ if keys_ is not None else keys.keys_folder()
    if keys_ is None and not keys.known_keys():
        raise HilError("no keys yet", where=str(path), mend="Make one with: hil key new")
    if path.is_file() and keys.public_file(path).is_file():
        path = keys.public_file(path)
    found = keys.read_public(path)
    if json:
        output.print_json([_fields(key) for key in found])
        return
    for key in found:
        output.console().print(f"{key.name or '(no name)'}  {key.fingerprint}", soft_wrap=True)


def _fields(key: PublicKey) -> dict[str, str]:
    return {"name": key.name, "fingerprint": key.fingerprint, "key": key.line}
