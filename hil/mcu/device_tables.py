"""A device's application as the firmware's `struct fw_app`, in memory."""

from __future__ import annotations

from math import inf
from typing import Any

from hil._firmware import lib
from hil.built import Controller
from hil.iomap import IoTag
from hil.mcu.description import Description
from hil.mcu.spec_tables import Tables
from hil.rig import Device, Rig
from hil.spec import TagSpec


class DeviceTables(Tables):
    """An application as C structures.

    Attributes:
        app: `struct fw_app *`, valid as long as this object lives.
    """

    def __init__(self, rig: Rig, device: Device, controller: Controller, description: Description) -> None:
        super().__init__(controller.spec)
        role, n_out = controller.spec.roles[0], len(description.outputs)
        self.app = app = self._new("struct fw_app *")
        app.name, app.description = self._text(description.app), self._text(description.text())
        app.spec, app.blocks, app.types = self.spec, self.blocks, self.types
        app.program_hash = controller.built.program.hash
        app.state_size = controller.built.program.state_size
        setattr(app, "in", self._array("struct hil_codec", role.outputs, _codec))
        app.out = self._array("struct hil_codec", role.inputs[:n_out], _codec)
        names = [self._text(signal.name) for signal in description.inputs]
        app.input_names = self._new("const char *[]", names or 1)
        app.outputs = self._array("struct fw_output", [rig.signals[s.name] for s in description.outputs], self._output)
        app.params = self._new("struct fw_param[]", [(b, k) for _, b, k in controller.params] or 1)
        app.n_in, app.n_out, app.n_params = len(role.outputs), n_out, len(controller.params)
        app.face = lib.fw_face_find(device.protocol.encode())  # NULL for the link alone
        if device.protocol == "modbus":
            app.map, app.unit = self._registers(rig, device), device.unit_id

    def _output(self, c: Any, signal: Any) -> None:
        c.name, c.safe = self._text(signal.name), signal.safe
        c.max_age_ns = round((signal.max_age_s or 0.0) * 1e9)

    def _registers(self, rig: Rig, device: Device) -> Any:
        """The register map with the wire's two sides exchanged: what the bench writes is the device's input."""
        role, c = rig.roles[device.role], self._new("struct hil_regmap *")
        for side, tags, order in (("in", device.writes, role.inputs), ("out", device.reads, role.outputs)):
            by_name = {tag.tag: tag for tag in tags}
            rows = [(by_name[t.signal], *t.bounds) for t in order]
            rows += [(tag, -inf, inf) for tag in tags if tag.wire_only]
            setattr(c, side, self._array("struct hil_reg_tag", rows, _register))
            setattr(c, f"n_{side}", len(rows))
        return c


def _codec(c: Any, tag: TagSpec) -> None:
    c.scale, c.offset, c.lo, c.hi, c.kind = tag.scale, tag.offset, tag.lo, tag.hi, tag.kind


def _register(c: Any, row: tuple[IoTag, float, float]) -> None:
    tag, c.codec.lo, c.codec.hi = row
    c.codec.scale, c.codec.offset, c.codec.kind = tag.scale, tag.offset, tag.kind
    c.address, c.table = tag.address, tag.table_number
    c.bit = lib.HIL_WHOLE_WORD if tag.bit is None else tag.bit
    c.word_little, c.byte_little = tag.word_order == "little", tag.byte_order == "little"
    c.heartbeat, c.latch = tag.heartbeat, tag.of_latch
