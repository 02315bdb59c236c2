"""Measured data that take the plant's place: a CSV file or a recording, cleaned, and played through the loop.

Whatever is wrong with the data is named, marked and survived: `clean.py` has the list. Read `series.py` first.
"""

from hil.twin.sources.opening import open_source
from hil.twin.sources.replaced import with_series, with_start
from hil.twin.sources.series import Mark, Series

__all__ = ["Mark", "Series", "open_source", "with_series", "with_start"]
