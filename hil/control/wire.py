"""Where control sockets lie, and lines on them."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

from hil import json_text
from hil.errors import BenchError

VERSION = 1
LONGEST_LINE = 64 * 1024  # of a request; answers may be longer
SUFFIX = ".sock"
# struct sockaddr_un has 108 bytes for a path with its final zero; 90 leave room for the rig's name and the pid.
LONGEST_PATH = 107
_NAME = re.compile(r"(?P<rig>[^.]+)\.(?P<pid>\d+)(?:-\d+)?\.sock")


def folders() -> list[Path]:
    """Folders in which this user's benches may listen, the preferred one first; HIL_RUNTIME_DIR names the only one."""
    if only := os.environ.get("HIL_RUNTIME_DIR", ""):
        return [Path(only)]
    uid = os.getuid()
    found = [Path(f"/tmp/hil-{uid}")]  # noqa: S108 - checked for its owner and mode before use
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and _is_ours(Path(runtime)):
        found.insert(0, Path(runtime) / "hil")
    return found


def own_folder(file_name: str) -> Path:
    """The folder for a new socket, made with mode 0700 when it is not there.

    Raises:
        BenchError: it cannot be made, or it belongs to somebody else.
    """
    fitting = [folder for folder in folders() if len(str(folder / file_name)) <= LONGEST_PATH]
    folder = fitting[0] if fitting else folders()[-1]
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise BenchError(f"cannot be made ({error.strerror})", where=str(folder), mend="Set XDG_RUNTIME_DIR") from None
    if not is_private(folder):
        mend = "Remove it, or set XDG_RUNTIME_DIR to a folder of yours"
        raise BenchError(
            "is not a folder that only you can open, so no control socket can lie there", where=str(folder), mend=mend
        )
    return folder


def is_private(folder: Path) -> bool:
    """True for a real folder (no link) of this user that nobody else can enter."""
    try:
        info = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(info.st_mode) and info.st_uid == os.getuid() and not info.st_mode & 0o077


def _is_ours(folder: Path) -> bool:
    try:
        info = folder.stat()
    except OSError:
        return False
    return stat.S_ISDIR(info.st_mode) and info.st_uid == os.getuid()


def parse_name(path: Path) -> tuple[str, int] | None:
    """(rig name, pid) of a socket's file name; None when it is none of ours."""
    match = _NAME.fullmatch(path.name)
    return (match["rig"], int(match["pid"])) if match else None


def line(message: dict[str, Any]) -> bytes:
    """A message as it goes over the socket."""
    return json_text.dumps({"hil": VERSION, **message}).encode() + b"\n"


def parse(data: bytes) -> dict[str, Any]:
    """A message from a line.

    Raises:
        BenchError: it is no JSON object, or of another version.
    """
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        raise BenchError(
            "the line is not JSON", mend='Send one object a line, such as {"hil": 1, "do": "status"}'
        ) from None
    if not isinstance(message, dict):
        raise BenchError(
            "the line is not a JSON object", mend='Send one object a line, such as {"hil": 1, "do": "status"}'
        )
    if message.get("hil") != VERSION:
        raise BenchError(
            f"version {message.get('hil')!r} of the control socket is not known",
            mend=f'This bench speaks version {VERSION}: send "hil": {VERSION}, or use the same HIL on both sides',
        )
    return message
