"""What all tests share: counts that shrink in a normal run, and say so at the end; and which run beside each other.

`make test` (tools/run_tests.sh) runs the tests of one mark after the other or beside each other: each test has one of
`all_cores`, `alone`, `soak`, `waiting` and `computing`.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
FULL = os.environ.get("HIL_FULL", "") not in ("", "0")
# (test, reduced count, complete count) and how many cases of that test said so.
REDUCED = pytest.StashKey[Counter[tuple[str, int, int]]]()

# They measure what all cores do together, or count the ticks that a loop misses beside its own services: nothing else
# runs beside them.
ALL_CORES = (
    "tests/bench/test_batch_speed.py",
    "tests/bench/test_campaign_speed.py",
    "tests/bench/test_captures_beside_the_loop.py",
    "tests/bench/test_instruments_beside_the_loop.py",
    "tests/bench/test_twin_beside_the_loop.py",
    "tests/bench/test_watch_load.py",
    "tests/twin/test_forecast.py::test_an_ensemble_costs",
    "tests/twin/test_whatif.py::test_five_scenarios_cost",
)
# Counts over minutes, in which neighbours change nothing.
SOAK = ("tests/bench/test_soak.py",)
# They measure time: beside them only those run that compute, in the time that they leave. Or, at the end, they open a
# serial line again that has gone: in the meantime its name may have become another test's pseudo-terminal.
ALONE = (
    "tests/bench/",
    "tests/campaign/test_live.py::test_a_board_in_real_time",
    "tests/firmware/test_real_time_board.py",
    "tests/loop/test_bench_api.py",
    "tests/unit/test_doctor.py::test_a_loop_with_priority",
    "tests/unit/test_doctor.py::test_what_is_measured",
    "rigs/quad_tank/tests/test_over_the_wire.py",
    "tests/firmware/test_bad_boards.py",
    "tests/firmware/test_link_bus_lines.py",
    "tests/firmware/test_scan_serial.py",
    "tests/firmware/test_stm32_board.py::test_a_sleep_lasts_no_less_than_asked",
    "tests/firmware/test_tclab_driver.py",
    "tests/wire/test_proxy_network.py",
    "tests/wire/test_proxy_serial.py",
    "tests/wire/test_proxy_through.py",
    "tests/wire/test_rtu_client_line.py::test_a_line_that",
    "tests/wire/test_rtu_server_line.py::test_a_line_that",
)
# Those marked `realtime` among them are alone too: their board, in another process, may starve beside others.
TALKING = ("tests/firmware/", "tests/wire/test_rtu_firmware.py", "tests/wire/test_rtu_latch.py")
# Except these, whose bounds are wide: a wire's time-outs, and a board that heats for seconds.
PATIENT = (
    "tests/firmware/test_tclab_peer.py::test_the_package",
    "tests/firmware/test_tclab_peer.py::test_clock_and_historian",
)
# They wait for boards, lines and signals, with bounds that another one of them beside does not break.
WAITING = (
    "tests/campaign/test_live.py",
    "tests/capture/test_command.py",
    "tests/capture/test_in_pytest.py",
    "tests/capture/test_over_the_wire.py",
    "tests/capture/test_states.py::test_lost_rows",
    "tests/commission/test_commissioning.py",
    "tests/firmware/",
    "tests/instruments/",
    "tests/labgrid/",
    "tests/wire/",
    "tests/fmi/test_fmu_failures.py",
    "tests/loop/test_crash.py",
    "tests/loop/test_lease_live.py",
    "tests/loop/test_live_fork.py",
    "tests/loop/test_plugin.py::test_over_the_wire_in_real_time",
    "tests/loop/test_replay.py::test_a_full_input_ring",
    "tests/loop/test_replay.py::test_overruns_replay",
    "tests/loop/test_watch_pages.py",
    "tests/plc/block/test_program_alone.py",
    "tests/plc/block/test_program_wires.py",
    "tests/loop/test_script.py::test_the_start_up_test_is_played_on_an_open_bench_in_every_kind_of_time[real]",
    "tests/loop/test_script.py::test_the_start_up_test_runs_unchanged_in_every_kind_of_time[real]",
    "tests/rigs/test_test_command.py",
    "tests/twin/test_desk_socket.py::test_a_stop_does_not_wait",
    "tests/twin/test_twin_stop.py",
    "tests/unit/test_cli.py::test_a_running_bench",
    "tests/unit/test_cli.py::test_a_signal_ends_the_run",
    "tests/unit/test_cli.py::test_after_kill_9",
    "tests/unit/test_recording.py::test_kill_9",
)
# They only compile and compute, as all others do, though they lie in a folder of WAITING.
COMPUTING = (
    "tests/firmware/test_build.py",
    "tests/firmware/test_levels.py",
    "tests/wire/test_modbus_fuzz.py",
    "tests/wire/test_rtu_fuzz.py",
)
# Those that take longest begin, so that no worker is left with one of them when the other has done.
FIRST = (
    "tests/firmware/test_build.py",
    "tests/twin/test_incubator_twin.py",
    "tests/campaign/test_campaign.py",
    "tests/rigs/test_quad_tank_levels.py",
    "tests/loop/test_compilers.py",
    "tests/loop/test_replay.py",
    "tests/unit/test_core_symbols.py",
    "tests/loop/test_plugin.py",
    "tests/commission/test_tank_mistakes.py",
    "tests/unit/test_models_cache.py",
    "tests/unit/test_models.py",
    "tests/unit/test_cli.py",
    "tests/commission/test_written_tests.py",
    "tests/loop/test_bad_input.py",
)

settings.register_profile("reduced", max_examples=50, deadline=None)
settings.register_profile("full", max_examples=2000, deadline=None)
settings.load_profile("full" if FULL else "reduced")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[REDUCED] = Counter()
    # A folder of its own for control sockets: a test that says `hil stop` must not find the bench of somebody's lab.
    os.environ["HIL_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="hilt")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `-m GROUP` alone: files without tests of that group are not even imported."""
    place = collection_path.relative_to(ROOT).as_posix()
    wanted = config.option.markexpr
    if wanted == "computing":
        elsewhere = place.startswith((*SOAK, *ALONE, *WAITING)) and not place.startswith(COMPUTING)
        return True if elsewhere and collection_path.is_file() else None
    among = {"all_cores": ALL_CORES, "soak": SOAK, "alone": (*ALONE, *TALKING), "waiting": WAITING}.get(wanted)
    if among is None or any(place.startswith(name) or name.startswith(place) for name in among):
        return None
    return True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(_group(item))
    items.sort(key=lambda item: not item.nodeid.startswith(FIRST))


def _group(item: pytest.Item) -> str:
    """The mark that says what may run beside it."""
    if item.nodeid.startswith(ALL_CORES):
        return "all_cores"
    if item.nodeid.startswith(SOAK):
        return "soak"
    talks = item.get_closest_marker("realtime") and item.nodeid.startswith(TALKING)
    if item.nodeid.startswith(ALONE) or (talks and not item.nodeid.startswith(PATIENT)):
        return "alone"
    if item.nodeid.startswith(WAITING) and not item.nodeid.startswith(COMPUTING):
        return "waiting"
    return "computing"


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):  # one of two processes of pytest-xdist: the other end prints
        session.config.workeroutput["reduced"] = list(session.config.stash[REDUCED].items())


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    for (test, reduced, complete), cases in getattr(node, "workeroutput", {}).get("reduced", ()):
        node.config.stash[REDUCED][test, reduced, complete] += cases


def pytest_unconfigure() -> None:
    shutil.rmtree(os.environ.pop("HIL_RUNTIME_DIR", ""), ignore_errors=True)


@pytest.fixture
def full(request: pytest.FixtureRequest) -> Callable[[int, int], int]:
    """`n = full(2000, 100_000)` is 100,000 with HIL_FULL=1, else 2,000 and a line in the summary of the run."""

    def count(reduced: int, complete: int) -> int:
        if FULL or reduced >= complete:
            return complete
        test = request.node.nodeid.partition("[")[0]
        request.config.stash[REDUCED][test, reduced, complete] += 1
        return reduced

    return count


def free_port() -> int:
    """A TCP port that nobody listens on, outside the range from which the kernel gives ports to clients."""
    for _ in range(100):
        port = random.randint(20_000, 30_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free TCP port")


@pytest.fixture(scope="session")
def rig_copy(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`rig_copy("quad_tank", ("old", "new"), ...)`: a shipped rig in a folder of the test's own, with TCP ports of its
    own and texts of rig.toml replaced; each text has to be there."""

    def copy(name: str, *replaced: tuple[str, str]) -> Path:
        place = tmp_path_factory.mktemp("rig") / name
        shutil.copytree(Path(__file__).parents[1] / "rigs" / name, place, ignore=shutil.ignore_patterns("tests", "__*"))
        toml = place / "rig.toml"
        text = re.sub(r"(modbus-tcp://127\.0\.0\.1:)\d+", rf"\g<1>{free_port()}", toml.read_text())
        for old, new in replaced:
            assert old in text, old
            text = text.replace(old, new)
        toml.write_text(text)
        return place

    return copy


@pytest.fixture(scope="session")
def hil() -> Callable[..., subprocess.CompletedProcess[str]]:
    """`hil("run", rig, "--virtual", env={...}, timeout=60)`: the command line in a process of its own."""

    def run(
        *args: object, env: Mapping[str, str] | None = None, timeout: float = 60.0, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hil", *map(str, args)]
        options = {
            "capture_output": True,
            "text": True,
            "timeout": timeout,
            "env": {**os.environ, **(env or {})},
            **options,
        }
        return subprocess.run(command, check=False, **options)

    return run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.stash[REDUCED]:
        return
    terminalreporter.section("reduced counts (make test-full runs all)")
    for (test, reduced, complete), cases in config.stash[REDUCED].items():
        times = f" in each of {cases} cases" if cases > 1 else ""
        terminalreporter.line(f"reduced: {test}: {reduced:,} of {complete:,}{times}")
