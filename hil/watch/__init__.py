"""A running bench in the terminal, read and steered through its control socket.

`look.py` says what is asked of the bench, `plain.py` prints it with rich, `app.py` shows it on pages with Textual.
"""

from __future__ import annotations

from hil.watch.look import View, look
from hil.watch.plain import frame, show

__all__ = ["View", "frame", "look", "show"]
