"""What the steps of reading one rig share: its tables, its folder, the mistakes and the files used so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hil.blocks import BlockType
from hil.rig.controllers import LeftOut
from hil.rig.messages import KeyPath, Mistakes
from hil.rig.schema import RigFile

if TYPE_CHECKING:
    from hil.fmi.describe import FmuInfo
    from hil.rig.estimators import Names


@dataclass
class Reading:
    """One rig while it is read.

    Attributes:
        table: rig.toml as written.
        folder: the rig's folder; no file outside of it is used.
        mistakes: all that was found wrong so far.
        types: block types of the core.
        model_type: describes a model class as a block type: (file, class name, estimated parameters) -> BlockType.
            Raises RigError.
        files: text of every file used, by its path within the folder; for an FMU the line that stands for it.
        fmus: FMUs by the names of their blocks.
        left_out: controllers that this run does not have.
        estimators: names of what an estimator's vectors consist of, by the names of their blocks.
    """

    table: RigFile
    folder: Path
    mistakes: Mistakes
    types: Mapping[str, BlockType]
    model_type: Callable[[Path, str, Sequence[str]], BlockType]
    files: dict[str, str] = field(default_factory=dict)
    fmus: dict[str, FmuInfo] = field(default_factory=dict)
    estimators: dict[str, Names] = field(default_factory=dict)
    left_out: LeftOut = field(default_factory=LeftOut)

    def read(self, name: str, path: KeyPath) -> str | None:
        """Text of a file of the rig; None after noting at `path` why it cannot be read."""
        if name in self.files:
            return self.files[name]
        file = self.locate(name, path)
        if file is None:
            return None
        try:
            self.files[name] = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = "is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error.strerror)
            self.mistakes.add(path, f"the file cannot be read: {why}", value=name)
        return self.files.get(name)

    def locate(self, name: str, path: KeyPath) -> Path | None:
        """A file of the rig; None after noting at `path` that it lies outside its folder, or is not there."""
        file = self.folder / name
        if not file.resolve().is_relative_to(self.folder.resolve()):
            self.mistakes.add(
                path, "the file lies outside the rig's folder", value=name, mend="Copy it into the folder"
            )
            return None
        if not file.exists():
            self.mistakes.add(path, "there is no such file", value=name, mend=self._files_like(file))
            return None
        return file

    def _files_like(self, file: Path) -> str:
        present = sorted(p.name for p in self.folder.glob(f"*{file.suffix}"))
        return f"The folder has {', '.join(present)}" if present else f"The folder has no {file.suffix or 'such'} file"
