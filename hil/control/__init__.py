"""The control socket: how other processes watch and steer a running bench.

A bench listens on a Unix socket that only its owner can open. Requests and answers are JSON, one object a line:

    {"hil": 1, "id": 7, "do": "set", "name": "level1.setpoint", "value": 0.13}
    {"hil": 1, "id": 7, "ok": true, "tick": 8120, "time_s": 8.12}
    {"hil": 1, "id": 7, "ok": false, "error": {"message": "'level1.kq' cannot be set", "where": null, "mend": "..."}}

`hil.control.requests` lists what can be asked. Every act becomes an event in the bench's queue; only `stop` is a flag.
"""

from __future__ import annotations

from hil.control.client import ControlClient, Running, connect, running
from hil.control.server import ControlServer

__all__ = ["ControlClient", "ControlServer", "Running", "connect", "running"]
