"""A rig reserved over the network with labgrid's own coordinator, exporter and client, and opened."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

labgrid = pytest.importorskip("labgrid", reason="labgrid is not installed: pip install 'hil[labgrid]', docs/labgrid.md")

from labgrid import Environment  # noqa: E402

import hil.labgrid  # noqa: E402
from hil.errors import HilError  # noqa: E402


def tool(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"labgrid.remote.{name}", *arguments]


@pytest.fixture
def place(tmp_path: Path, rig_copy: Callable[..., Path]) -> Iterator[Path]:
    """The environment file of one who has reserved the place `bench1`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    env = {**os.environ, "LG_COORDINATOR": address}
    export = tmp_path / "exporter.yaml"
    export.write_text(f"bench1:\n  HilRig:\n    rig: '{rig_copy('quad_tank')}'\n    bind: plc=pil\n")
    environment = tmp_path / "env.yaml"
    environment.write_text(
        f"imports: [hil.labgrid]\noptions:\n  coordinator_address: '{address}'\n"
        "targets:\n  main:\n    resources:\n      RemotePlace: {name: bench1}\n    drivers:\n      HilBench: {}\n"
    )
    started = [subprocess.Popen(tool("coordinator", "-l", address), cwd=tmp_path, env=env)]
    try:
        client = tool("client", "-x", address)
        end = time.monotonic() + 20
        while subprocess.run([*client, "places"], env=env, capture_output=True, check=False).returncode:
            assert time.monotonic() < end, "no coordinator"
            time.sleep(0.3)
        started.append(
            subprocess.Popen(tool("exporter", "-c", address, "-n", "lab", str(export)), cwd=tmp_path, env=env)
        )
        for words in ("create", "add-match lab/bench1/*", "acquire"):
            act, *rest = words.split()
            while subprocess.run([*client, "-p", "bench1", act, *rest], env=env, check=False).returncode:
                assert time.monotonic() < end, act
                time.sleep(0.5)
        yield environment
        subprocess.run([*client, "-p", "bench1", "release"], env=env, check=True)
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(timeout=10)


@pytest.mark.realtime
def test_a_reserved_rig_is_opened_with_the_places_bindings(place: Path) -> None:
    target = Environment(str(place)).get_target("main")
    driver = target.get_driver("HilBench")
    with driver.open(history=False) as bench:
        assert bench.bindings["plc"] == "pil"
        bench.run(0.5)
        assert bench.finish().passed
    target.cleanup()


def test_what_is_no_pair_is_said() -> None:
    assert hil.labgrid.pairs("plc=pil a=b=c", "bind") == {"plc": "pil", "a": "b=c"}
    with pytest.raises(HilError, match="'plc' is not NAME=VALUE"):
        hil.labgrid.pairs("plc", "bind")
