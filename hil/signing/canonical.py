"""One text for one value, so that a hash or a signature over it means the value."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hil import json_text


def canonical(value: Any) -> bytes:
    """JSON in UTF-8 with sorted keys and no white space but a line end: one text for one value."""
    text = json.dumps(
        json_text.plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode() + b"\n"


def now() -> str:
    """UTC to the second, ISO 8601."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
