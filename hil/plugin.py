"""pytest plugin: the fixture `bench`, and a teardown that always ends in a verified safe state.

    pytest rigs/quad_tank --rig quad_tank --bind plc=pil --time lockstep
    pytest rigs/dc_motor --bind controller=sil

The rig of a test is `--rig`, else the one named by `@pytest.mark.rig("name or path")` on the test, class or module,
else the folder above the test that has a rig.toml.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.latency.in_pytest import BenchLatency

_BENCH: pytest.StashKey[Bench] = pytest.StashKey()
_CALL_FAILED: pytest.StashKey[bool] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """--rig, --bind, --controller, --time, --record and --hil-gate."""
    group = parser.getgroup("hil", "hardware in the loop")
    group.addoption("--rig", default=None, help="rig of all bench tests: a path or the name of a shipped rig")
    group.addoption(
        "--bind", action="append", default=[], metavar="ROLE=LEVEL", help="mil, sil, pil or hil; repeatable"
    )
    group.addoption(
        "--controller",
        action="append",
        default=[],
        metavar="ROLE=SOURCE",
        dest="hil_controller",
        help="blocks or program, instead of the rig's choice; repeatable",
    )
    group.addoption(
        "--time", default=None, choices=["virtual", "lockstep", "real"], help="kind of time (default virtual)"
    )
    group.addoption(
        "--record", default=None, metavar="DIR", dest="hil_record", help="records each bench test below DIR"
    )
    group.addoption(
        "--hil-gate", default=None, metavar="BASELINE", help="result of hil bench that `bench_latency` compares with"
    )


def pytest_configure(config: pytest.Config) -> None:
    """The marker `bench`."""
    config.addinivalue_line("markers", "rig(name): the rig of a bench test, a path or the name of a shipped rig")
    config.addinivalue_line("markers", "bench_options(**options): options of hil.open_bench for a test's bench")


@pytest.fixture(scope="session")
def bench_binding(request: pytest.FixtureRequest) -> dict[str, str]:
    """Level by role, from --bind."""
    return _pairs(request.config.getoption("--bind"), "--bind", "ROLE=LEVEL, as in plc=pil")


def _pairs(texts: list[str], option: str, form: str) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for role, sign, value in pairs:
        if not (role and sign and value):
            raise pytest.UsageError(f"{option} {role}{sign}{value}: write {form}")
    return {role: value for role, _, value in pairs}


@pytest.fixture
def bench(request: pytest.FixtureRequest, bench_binding: Mapping[str, str], tmp_path: Path) -> Iterator[Bench]:
    """A bench of the test's rig. Whatever the test does, it ends with all outputs verified safe, or the test fails.

    Captures of a test that does not record lie in its `tmp_path`; each becomes a property of the test in its reports.
    """
    from hil.bench import open_bench

    with open_bench(_rig_of(request), **_options(request, bench_binding)) as opened:
        opened.captures.place = tmp_path / "captures"
        request.node.stash[_BENCH] = opened
        yield opened
        result = opened.finish()
    _attach_captures(request.node)
    told = request.node.stash.get(_CALL_FAILED, False) and result.reason == "; ".join(opened.failures)
    if not result.passed and not told:  # what made the test itself fail is no second failure
        pytest.fail(f"the bench did not end well: {result.reason}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Lets the fixture know how the test itself went. Captures go into the report of the call too: of a test that fails
    twice, JUnit XML has one case for each failure.
    """
    if call.when == "call":
        _attach_captures(item)
    report = yield
    if call.when == "call":
        item.stash[_CALL_FAILED] = report.failed
    return report


def _attach_captures(item: pytest.Item) -> None:
    """Each capture as a property of the test: how it is and where its recording lies. Replaces what was said before."""
    bench = item.stash.get(_BENCH, None)
    if bench is None:
        return
    found = {
        f"capture {c.name}": c.sentence() + (f" in {c.folder.resolve()}" if c.folder else "") for c in bench.captures
    }
    item.user_properties[:] = [pair for pair in item.user_properties if pair[0] not in found] + list(found.items())


@pytest.fixture
def bench_latency(request: pytest.FixtureRequest) -> BenchLatency:
    """Measures the test's rig beside yardsticks, and fails a test that is slower than it may be: docs/bench.md."""
    from hil.latency.in_pytest import BenchLatency

    return BenchLatency(_rig_of(request), request.config.getoption("--hil-gate"))


def _rig_of(request: pytest.FixtureRequest) -> str | Path:
    named = request.config.getoption("--rig")
    marker = request.node.get_closest_marker("rig")
    if named or (marker and marker.args):
        return str(named or marker.args[0])
    for folder in request.path.parents:
        if (folder / "rig.toml").is_file():
            return folder
    raise pytest.UsageError(f"{request.node.nodeid}: no rig.toml above this test. Name a rig with --rig")


def _options(request: pytest.FixtureRequest, binding: Mapping[str, str]) -> dict[str, Any]:
    from hil.bindings import HERE

    marker = request.node.get_closest_marker("bench_options")
    options: dict[str, Any] = {
        "time": request.config.getoption("--time") or "virtual",
        **(marker.kwargs if marker else {}),
    }
    # A test that insists on virtual time keeps its simulated roles when others go over a wire.
    without_wire = marker is not None and marker.kwargs.get("time") == "virtual"
    chosen = {role: level for role, level in binding.items() if not without_wire or level in HERE}
    options["bind"] = {**options.get("bind", {}), **chosen}
    given = request.config.getoption("hil_controller")
    controllers = _pairs(given, "--controller", "ROLE=SOURCE, as in plc=program")
    options["controllers"] = {**options.get("controllers", {}), **controllers}
    record = request.config.getoption("hil_record")
    if record:
        options["record"] = Path(record) / "".join(c if c.isalnum() else "_" for c in request.node.name)
    return options
