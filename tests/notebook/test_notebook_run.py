"""The notebook of the documentation, run by a real kernel."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed")
pytest.importorskip("pandas", reason="pandas is not installed")
nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebooks" / "stuck_sensor.ipynb"


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    place = tmp_path_factory.mktemp("notebook")
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(place)}}).execute()
    assert (place / "stuck" / "manifest.json").is_file()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cells: list[Any], source: str, kind: str) -> list[str]:
    """What the cells with this source show of one MIME type."""
    found = [output for cell in cells if source in cell.source for output in cell.outputs]
    return [output.data[kind] for output in found if kind in output.get("data", {})]


def test_plots_of_a_live_bench_and_of_a_recording_are_shown_inline(cells: list[Any]) -> None:
    for source in ("bench.plot", "recording.plot"):
        (image,) = shown(cells, source, "image/png")  # one, not two
        data = base64.b64decode(image)
        assert data.startswith(b"\x89PNG")
        assert len(data) > 10_000


def test_bench_and_recording_show_themselves_as_tables(cells: list[Any]) -> None:
    (bench,) = shown(cells, "bench = hil.open_bench", "text/html")
    assert "<h4>Bench quad_tank</h4>" in bench
    assert "virtual, 12 s, tick 12,000" in bench
    (recording,) = shown(cells, "recording = hil.Recording", "text/html")
    assert "12 s, 12,000 ticks of 0.001 s" in recording
    assert "1 fault_on" in recording


def test_its_figures_are_those_of_the_run(cells: list[Any]) -> None:
    (text,) = (output.text for cell in cells for output in cell.outputs if output.output_type == "stream")
    assert text.startswith("largest error while stuck: 0.00")
    assert text.endswith(" m\n")
    assert float(text.split()[4]) > 0.001
    assert shown(cells, "bench.finish", "text/plain") == ["True"]
