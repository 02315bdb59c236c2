"""docs/plc_functions.md is what the tables say."""

from __future__ import annotations

from st_harness import ROOT

from hil.plc.functions import FUNCTIONS
from hil.plc.standard.page import page


def test_page_of_functions_is_current() -> None:
    written = (ROOT / "docs" / "plc_functions.md").read_text(encoding="utf-8")
    assert written == page(), "write it again: python -m hil.plc.standard.page docs/plc_functions.md"


def test_every_function_has_its_meaning_on_the_page() -> None:
    assert [f.name for f in FUNCTIONS.values() if not f.meaning.endswith(".")] == []
