"""Files of a recording as they are written: whole batches or nothing, one message when the disk is full."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa

from hil import json_text
from hil.errors import RecordingError
from hil.whole_file import written_whole

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_error(path: Path, error: OSError) -> RecordingError:
    """The one line for a file that cannot be written."""
    if error.errno in _FULL:
        why, mend = "the disk is full", "Free some space or record to another disk with --record DIR"
    else:
        why = f"cannot be written ({error.strerror or error})"
        mend = "Check the folder and its permissions, or record elsewhere with --record DIR"
    return RecordingError(why, where=str(path), mend=mend)


class AppendFile:
    """An append-only file whose end is always the end of a whole piece, unless the process is killed in mid-write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise write_error(path, error) from None
        self.size = 0

    def append(self, data: bytes | memoryview) -> None:
        """Writes all of `data`, or cuts the file back to its old end and raises RecordingError."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            # A reader may be mapping the file: only bytes that are no part of a whole piece go.
            os.ftruncate(self._fd, self.size)
            raise write_error(self.path, error) from None
        self.size += len(data)

    def close(self, *, sync: bool = True) -> None:
        """Closes; `sync` puts the data on the disk first. A second call does nothing."""
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        try:
            if sync:
                os.fsync(fd)
        except OSError as error:
            raise write_error(self.path, error) from None
        finally:
            os.close(fd)


class StreamFile:
    """An Arrow IPC stream; every batch reaches the operating system in one piece."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file = AppendFile(path)
        self._pieces: list[bytes] = []
        self._open = True
        # lz4: noisy doubles hardly shrink under anything, and it costs a third of zstd's time on the quiet ones.
        options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
        self._stream = pa.ipc.new_stream(pa.PythonFile(self, mode="w"), schema, options=options)
        # Arrow writes the schema with the first batch: an empty one makes the file readable from the start.
        try:
            self.batch(pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema))
        except RecordingError:
            self.close(whole=False)
            raise

    def write(self, data: bytes) -> int:
        """Called by Arrow with parts of a message: kept until the message is whole."""
        piece = bytes(data)
        self._pieces.append(piece)
        return len(piece)

    def flush(self) -> None:
        """Nothing is held back by this object beyond a message: called by Arrow."""

    @property
    def closed(self) -> bool:
        """Asked by Arrow."""
        return not self._open

    def batch(self, batch: pa.RecordBatch) -> None:
        """Appends one batch, or nothing of it and raises RecordingError."""
        self._stream.write_batch(batch)
        self._push()

    def close(self, *, whole: bool) -> None:
        """Closes the file; with the end mark of the stream when it is `whole`."""
        try:
            if whole:
                self._stream.close()
                self._push()
        finally:
            self._open = False
            self._file.close(sync=whole)

    def _push(self) -> None:
        data = b"".join(self._pieces)
        self._pieces.clear()
        self._file.append(data)


def reserve(path: Path, size: int) -> None:
    """Makes a file that holds `size` bytes of the disk."""
    file = AppendFile(path)
    try:
        file.append(bytes(size))  # written, not allocated: not every file system can do that
    finally:
        file.close(sync=False)


def json_lines(items: list[dict[str, Any]]) -> bytes:
    """One strict JSON object a line."""
    return "".join(json_text.dumps(item) + "\n" for item in items).encode()


def replace_json(path: Path, value: dict[str, Any]) -> None:
    """Replaces a file at once, a key a line: a reader sees the old or the new one, also after a crash."""
    lines = (f"{json.dumps(str(key))}: {json.dumps(item, default=str)}" for key, item in value.items())
    data = ("{\n" + ",\n".join(lines) + "\n}\n").encode()
    try:
        with written_whole(path, durable=True) as part:
            part.write_bytes(data)
    except OSError as error:
        raise write_error(path, error) from None
