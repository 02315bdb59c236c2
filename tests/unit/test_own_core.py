"""Whether a core has one owner: the ratio that tells is learnt once and kept for later processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ASK = """
import sys
from hil.latency import own_core
from hil.latency.place import measured_place
with measured_place():  # as all that asks is pinned
    own_core.on_our_own()
alone = any(own_core.on_our_own() for _ in range(int(sys.argv[1])))
own_core.remember()
print(alone, own_core.core_ratio(), own_core._file())
"""
PATIENT = 1_000_000  # looks of 10 us: a neighbour may stay for seconds


def asked(folder: Path, looks: int = PATIENT) -> tuple[bool, float, Path]:
    """Of a new process: whether it was alone in one of so many looks, the ratio it knows, the file that keeps it."""
    env, command = {**os.environ, "HIL_CACHE_DIR": str(folder)}, [sys.executable, "-c", ASK, str(looks)]
    alone, ratio, file = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.split()
    return alone == "True", float(ratio), Path(file)


def test_a_ratio_is_learnt_kept_and_known_to_the_next_process(tmp_path: Path) -> None:
    alone, ratio, file = asked(tmp_path)
    assert alone
    assert float(file.read_text()) == ratio > 0
    tiny = ratio / 8  # as if no later process were ever alone
    file.write_text(repr(tiny))
    assert asked(tmp_path, 2000) == (False, tiny, file)
    assert float(file.read_text()) == tiny


def test_what_the_cache_cannot_tell_is_learnt_anew(tmp_path: Path) -> None:
    _, _, file = asked(tmp_path)
    for text in ("", "0", "-1", "inf", "nan", "what"):
        file.write_text(text)
        alone, ratio, _ = asked(tmp_path)
        assert alone
        assert float(file.read_text()) == ratio > 0
    file.unlink()
    file.mkdir()  # it cannot be written
    assert asked(tmp_path)[0]
