"""`hil new`: a small rig that runs at once, to be changed into one's own."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from hil.errors import RigError

TEMPLATE = Path(__file__).parent / "templates" / "new"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")


def make_rig(name: str, folder: Path) -> Path:
    """Make the folder `folder/name` with rig.toml, I/O map, README and tests.

    It appears whole or not at all.

    Raises:
        RigError: the name is none, the folder exists, or nothing can be written there.
    """
    if not _NAME.fullmatch(name):
        mend = "Use letters, digits and _, beginning with a letter"
        raise RigError("is not a name for a rig", where=name, mend=mend)
    target = folder / name
    if target.exists() or target.is_symlink():
        raise RigError("exists already", where=str(target), mend="Choose another name, or another folder with --dir")
    try:
        _make(name, folder, target)
    except OSError as error:
        raise RigError(
            f"cannot be made ({error.strerror})", where=str(target), mend="Choose another folder with --dir"
        ) from None
    return target


def _make(name: str, folder: Path, target: Path) -> None:
    if not folder.is_dir():
        raise RigError("there is no such folder", where=str(folder), mend="Make it, or choose another one with --dir")
    part = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder))
    try:
        for source in sorted(path for path in TEMPLATE.rglob("*.j2")):
            file = part / str(source.relative_to(TEMPLATE)).removesuffix(".j2").replace("test_rig", f"test_{name}")
            file.parent.mkdir(exist_ok=True)
            file.write_text(_filled(source.read_text(encoding="utf-8"), name), encoding="utf-8")
        part.chmod(0o755)
        part.rename(target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _filled(text: str, name: str) -> str:
    import jinja2

    template = jinja2.Template(text, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    return str(template.render(name=name))
