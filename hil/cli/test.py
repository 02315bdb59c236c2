"""`hil test`: a rig's own tests at each level, and the levels compared back to back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import FAILED, output
from hil.cli.options import ControllerOption, JsonOption, RigArg, controllers_of
from hil.errors import HilError

if TYPE_CHECKING:
    from hil.back_to_back import BackToBack
    from hil.level_tests import LevelTests

SHORTEST_S, FEWEST_TICKS = 2.0, 500  # of the run that is compared
MOST_TOLD = 10  # failed tests of a level that are named on the screen


def test(
    rig: RigArg,
    levels: Annotated[
        str | None,
        typer.Option(metavar="LEVELS", help="mil, sil, pil: any of them; default: all that the rig can have."),
    ] = None,
    controller: ControllerOption = None,
    duration: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", help="Bench time of the run that is compared; default 2 s, 500 ticks at least."
        ),
    ] = None,
    select: Annotated[str, typer.Option("-k", metavar="EXPRESSION", help="Only tests that match, as in pytest.")] = "",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep recordings and pytest's output here, a folder a level.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all results as JUnit XML.")] = None,
    json: JsonOption = False,
) -> None:
    """Run a rig's own tests once at each level, and compare the levels back to back.

    At mil the controllers are blocks in the loop, at sil their firmware in this process (both in virtual time), at pil
    an emulated board or device (in lock-step). The same run at each level has to give the same bits: the first tick and
    signal that differ are named, or it is "identical".
    """
    from hil import back_to_back as comparing
    from hil import level_tests
    from hil.rig import load_rig

    if duration is not None and not 0 < duration < 1e9:
        raise typer.BadParameter("must be larger than 0", param_hint="--duration")
    asked = None if levels is None else [level.strip().lower() for level in levels.split(",") if level.strip()]
    if asked is not None:
        comparing.check_levels(asked)
    controllers = controllers_of(controller)
    loaded = load_rig(rig, controllers=controllers)
    chosen = comparing.possible_levels(loaded) if asked is None else asked
    duration = duration or max(SHORTEST_S, FEWEST_TICKS * loaded.period_s)
    bindings = {level: comparing.bindings_at(loaded, level) for level in chosen}
    assert loaded.folder is not None
    tests = level_tests.find_tests(loaded.folder)
    if tests is None and len(chosen) == 1:
        raise HilError("there are no tests, and one level alone has nothing to be compared with", where=rig)
    with _place(out) as place, output.working("back to back", quiet=json) as say:
        compared = comparing.back_to_back(loaded, chosen, duration, place, say) if len(chosen) > 1 else None
        done = []
        if tests is not None:
            for level in chosen:
                say(f"tests at {level}")
                done.append(level_tests.run_tests(tests, level, bindings[level], select, place / level, controllers))
    if junit is not None:
        from hil.junit import write_junit

        write_junit(junit, loaded.name, done, compared)
    passed = all(found.passed for found in done) and (compared is None or compared.identical)
    if json:
        output.print_json(_object(loaded.name, passed, done, compared, out))
    else:
        _show(loaded.name, done, compared, passed=passed)
    raise typer.Exit(0 if passed else FAILED)


@contextmanager
def _place(out: Path | None) -> Iterator[Path]:
    """The given folder, which has to be new or empty, or a temporary one."""
    if out is None:
        with tempfile.TemporaryDirectory(prefix="hil-test-") as folder:
            yield Path(folder)
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise HilError("is there already and not an empty folder", where=str(out), mend="Name another one with --out")
    out.mkdir(parents=True, exist_ok=True)
    yield out


def _object(
    rig: str, passed: bool, done: list[LevelTests], compared: BackToBack | None, out: Path | None
) -> dict[str, Any]:
    found = compared.to_dict() if compared else None
    if found and compared and out:
        found["recordings"] = compared.recordings
    return {"rig": rig, "passed": passed, "levels": {t.level: t.to_dict() for t in done}, "back_to_back": found}


def _show(rig: str, done: list[LevelTests], compared: BackToBack | None, *, passed: bool) -> None:
    out = output.console()
    if done:
        out.print(_table(done))
    for tests in done:
        for name, text in _told(tests):
            out.print(f"{tests.level}: {name}: {text}", soft_wrap=True)
    if not done:
        out.print("The rig has no tests of its own")
    if compared:
        out.print(f"Back to back: {back_to_back_text(compared)}", soft_wrap=True)
        if compared.not_compared:
            out.print(f"Not compared, inside a controller: {', '.join(compared.not_compared)}", soft_wrap=True)
    out.print(f"{'PASSED' if passed else 'FAILED'}  {rig}", style="bold green" if passed else "bold red")


def _told(tests: LevelTests) -> Iterator[tuple[str, str]]:
    if tests.reason:
        yield "tests", tests.reason
    for name in (name for name, outcome in tests.tests.items() if outcome == "skipped"):
        yield name, f"skipped: {tests.messages.get(name, 'without a reason')}"
    bad = [name for name, outcome in tests.tests.items() if outcome in ("failed", "error")]
    for name in bad[:MOST_TOLD]:
        yield name, tests.messages.get(name, "failed")
    if len(bad) > MOST_TOLD:
        yield "tests", f"{len(bad) - MOST_TOLD} more failed"


def back_to_back_text(compared: BackToBack) -> str:
    """One line: identical, or the first tick and signal that differ, with both values and their bits."""
    first = compared.first_difference
    if first is None:
        rows, signals = compared.to_dict()["rows"], compared.to_dict()["signals"]
        return f"identical ({', '.join(compared.levels)}; {signals} signals, {rows:,} ticks)"
    what = first["signal"] + ("" if first["what"] == "value" else f" ({first['what']})")
    sides = [
        f"{level} {'no row' if first[side] is None else repr(first[side])} {first[f'{side}_bits']}".rstrip()
        for level, side in zip(first["levels"], ("a", "b"), strict=True)
    ]
    return f"differs from tick {first['tick']:,} ({first['time_s']:g} s) on: {what}: {', '.join(sides)}"


def _table(done: list[LevelTests]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("Level", "Roles", "Passed", "Failed", "Skipped", "Time"):
        table.add_column(column)
    for tests in done:
        roles = ", ".join(f"{role}: {level}" for role, level in tests.bindings.items())
        failed = tests.count("failed") + tests.count("error")
        counts = [str(n) for n in (tests.count("passed"), failed, tests.count("skipped"))]
        table.add_row(tests.level, roles, *counts, output.time_text(tests.seconds))
    return table
