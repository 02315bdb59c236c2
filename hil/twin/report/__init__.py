"""The story of a twin's run as a page: read `story.py` (what is read), `plots.py`, `page.py`."""

from hil.twin.report.page import write_story

__all__ = ["write_story"]
