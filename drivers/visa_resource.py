"""Addresses of instruments: visa://RESOURCE[?library=...], or visa://NAME for an alias of this computer.

    visa://TCPIP::192.168.1.5::5025::SOCKET       a raw SCPI socket, over pyvisa-py
    visa://USB0::0x1AB1::0x0E11::DP8C1::INSTR     USB (pyvisa-py needs pyusb for it)
    visa://TCPIP::192.168.1.5::INSTR?library=@ivi the same over an installed VISA library (NI, Keysight, R&S)
    visa://bench_psu                              an alias: hil/visa.toml in the user's configuration, or the library's

The aliases of a computer stand in $XDG_CONFIG_HOME/hil/visa.toml (else ~/.config/hil/visa.toml), as
bench_psu = "TCPIP::192.168.1.5::5025::SOCKET".
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import NamedTuple

from hil.errors import BusError

SCHEME = "visa://"
LIBRARY = "@py"
EXAMPLE = "Write visa://TCPIP::192.168.1.5::5025::SOCKET"


class Resource(NamedTuple):
    """A VISA resource name (or an alias that the library resolves) and the library that opens it."""

    name: str
    library: str


def parse_resource(url: str) -> Resource:
    """Resource of an address.

    Raises:
        BusError: no address, or a file of aliases that cannot be read.
    """
    if not url.startswith(SCHEME):
        raise BusError("is no instrument's address", where=url, mend=EXAMPLE)
    name, _, query = url.removeprefix(SCHEME).partition("?")
    key, _, library = query.partition("=")
    if not name.strip() or any(c.isspace() for c in name):
        raise BusError("names no resource", where=url, mend=EXAMPLE)
    if query and (key != "library" or not library):
        raise BusError(f"'{query}' is not known in an instrument's address", where=url, mend="There is ?library=@ivi")
    if "::" not in name:
        name = aliases().get(name, name)
    return Resource(name, library or LIBRARY)


def alias_file() -> Path:
    """Where the aliases of this computer stand."""
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "hil" / "visa.toml"


def aliases() -> dict[str, str]:
    """Resources by alias; empty without a file."""
    path = alias_file()
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BusError(f"the aliases cannot be read: {error}", where=str(path)) from None
    for name, resource in found.items():
        if not isinstance(resource, str):
            raise BusError("an alias is a resource's name in quotes", where=f"{path}:{name}")
    return found
