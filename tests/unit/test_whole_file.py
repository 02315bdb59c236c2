"""A file is there whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from hil.whole_file import written_whole


@pytest.mark.parametrize("durable", [False, True])
def test_a_reader_sees_the_old_one_until_the_new_one_is_whole(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with written_whole(path, durable=durable) as part:
        assert part.suffix == ".json", "some writers look at it"
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_after_an_error_the_old_one_is_there_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(error):
        half_written(path, error)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_of_that_name_is_the_writers_error(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="Is a directory"), written_whole(tmp_path / "a") as part:
        part.write_text("new")
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_its_rights_are_those_of_any_new_file(tmp_path: Path) -> None:
    with written_whole(tmp_path / "a") as part:
        part.write_text("new")
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~mask


def half_written(path: Path, error: type[BaseException]) -> None:
    with written_whole(path) as part:
        part.write_text("ne")
        raise error
