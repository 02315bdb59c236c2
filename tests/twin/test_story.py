"""The story of a twin's run as a page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hil.cli import main
from hil.twin.ledger import Ledger
from hil.twin.report import write_story
from hil.twin.run import TwinRequest, TwinRun

RIG = Path(__file__).resolve().parents[2] / "rigs" / "incubator"
EFFECT = {"figure": "mean(heater.on)", "horizon_s": 300.0, "expected": 0.5, "low": 0.4, "high": 0.6, "limits": {}}
LIFE = {"limit": 10.5, "unit": "W", "time_s": {"0.05": 3000.0, "0.5": 4000.0, "0.95": None}}
AHEAD = {"at_end": {"box.air": {"0.05": 30.0, "0.5": 35.0, "0.95": 45.0}}, "horizon_s": 300.0, "limits": {}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("story") / "twin"
    with TwinRun(TwinRequest(RIG, out, time="virtual", duration_s=900.0)) as run:
        run.go()
        run.result()
    proposal = {"proposal": 1, "hash": "0" * 64}
    with Ledger(out) as ledger:
        ledger.append("detection", {"time_s": 500.0, "detector": "heater_weak", "text": "weak <heater>"})
        ledger.append("forecast", {"time_s": 500.0, "degradation": "heater", "ended": False, "life": LIFE, "wear": {}})
        ledger.append("forecast", {"time_s": 500.0, "forecast": "temperature", **AHEAD})
        ledger.append("model", {"time_s": 510.0, "what": "in use", "version": 1, "reason": "better"})
        ledger.append("decision", {"time_s": 520.0, "act": "approved", **proposal}, {"person": "Ada Lovelace"})
        ledger.append("action", {"time_s": 520.0, **proposal, "before": 40.0, "value": 39.0, "predicted": EFFECT})
        outcome = {"time_s": 820.0, **proposal, "actual": 0.55, "failed": "", "predicted": EFFECT}
        ledger.append("outcome", outcome)
        ledger.append("authority", {"time_s": 830.0, "action": "temperature", "act": "demoted", "to": "ADVISE"})
    return out


def test_every_kind_is_told_with_its_plot(folder: Path) -> None:
    page = write_story(folder).read_text(encoding="utf-8")
    for title in ("Set point temperature", "Parameter P", "Life of heater", "Forecast temperature: box.air", "Actions"):
        assert f"<b>{title}</b>" in page, title
    for text in ("weak &lt;heater&gt;", "proposal 1 verified: 0.55 measured", "demoted to ADVISE", "Ada Lovelace"):
        assert text in page, text
    assert "Ledger verifies" in page
    assert "1 of 1 within" in page
    assert not re.findall(r'(?:src|href)="(?!#)', page), "it needs nothing from elsewhere"


def test_a_period_is_cut_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "part.html"
    assert main(["twin", "report", str(folder), "--out", str(out), "--from", "815", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == out.stat().st_size
    page = out.read_text(encoding="utf-8")
    assert "demoted to ADVISE" in page
    assert "heater_weak" not in page


def test_an_erased_name_is_gone_and_a_run_without_recording_has_no_plots(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "twin"
    copy.mkdir()
    (copy / "ledger.sqlite").write_bytes((folder / "ledger.sqlite").read_bytes())
    with Ledger(copy) as ledger:
        ledger.erase("asked for", value="Ada Lovelace")
    page = write_story(copy).read_text(encoding="utf-8")
    assert "Ada Lovelace" not in page
    assert "not recorded: no plots" in page
    assert "<svg" not in page
    assert "Ledger verifies" in page


def test_what_is_no_twin_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["twin", "report", str(tmp_path)]) == 2
    assert "has no ledger" in capsys.readouterr().err
    with Ledger(tmp_path / "empty"):
        pass
    assert main(["twin", "report", str(tmp_path / "empty")]) == 2
    assert "tells of no run" in capsys.readouterr().err
