"""Where speed is measured: as `hil bench` does."""

from __future__ import annotations

from hil.latency.place import CPU, PRIORITY, measured_place, shallow_sleep

__all__ = ["CPU", "PRIORITY", "measured_place", "shallow_sleep"]
