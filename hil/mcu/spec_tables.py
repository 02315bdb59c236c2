"""A Spec as the core's C structures, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hil._firmware import ffi
from hil.spec import BlockSpec, PathSpec, RoleSpec, Spec, TagSpec


class Tables:
    """A Spec as C structures.

    Attributes:
        spec: `struct hil_spec *`.
        blocks: its blocks, whose types the firmware fills in by name.
        types: names of their types.
        kept: every array and structure that a pointer in them leads to.
    """

    def __init__(self, spec: Spec) -> None:
        self.kept: list[Any] = []
        self.blocks = self._array("struct hil_block_spec", spec.blocks, self._block)
        self.types = self._new("const char *[]", [self._text(b.type) for b in spec.blocks] or 1)
        self.spec = self._new("struct hil_spec *")
        c = self.spec
        c.seed, c.period_ns = spec.seed, spec.period_ns
        c.signals = self._array("struct hil_signal_spec", spec.signals, self._signal)
        c.blocks = self.blocks
        c.paths = self._array("struct hil_path_spec", spec.paths, _path)
        c.roles = self._array("struct hil_role_spec", [RoleSpec("", [], []), *spec.roles], self._role)
        c.n_signals, c.n_blocks, c.n_paths = len(spec.signals), len(spec.blocks), len(spec.paths)
        c.n_roles = len(spec.roles) + 1
        c.max_events, c.max_faults, c.fault_memory = spec.max_events, spec.max_faults, spec.fault_memory

    def _new(self, kind: str, value: Any = None) -> Any:
        self.kept.append(ffi.new(kind, value))
        return self.kept[-1]

    def _text(self, text: str) -> Any:
        return self._new("char[]", text.encode())

    def _array(self, kind: str, items: Sequence[Any], fill: Any) -> Any:
        array = self._new(f"{kind}[]", max(1, len(items)))
        for i, item in enumerate(items):
            fill(array[i], item)
        return array

    def _doubles(self, values: Sequence[float]) -> Any:
        return self._new("double[]", [float(v) for v in values] or 1)

    def _signal(self, c: Any, signal: tuple[str, float]) -> None:
        c.name, c.start = self._text(signal[0]), signal[1]

    def _block(self, c: Any, block: BlockSpec) -> None:
        c.name = self._text(block.name)
        c.model = ffi.cast("struct hil_model *", block.model_address)
        config = self._new("struct hil_array[]", max(1, len(block.config)))
        for i, values in enumerate(block.config):
            config[i].data, config[i].n = self._doubles(values), len(values)
        c.cfg, c.params = config, self._doubles(block.params)
        setattr(c, "in", self._new("uint16_t[]", block.inputs or 1))
        c.out = self._new("uint16_t[]", block.outputs or 1)
        c.n_in, c.n_out, c.n_params = len(block.inputs), len(block.outputs), len(block.params)
        c.role, c.every, c.phase = block.role, block.every, block.phase

    def _role(self, c: Any, role: RoleSpec) -> None:
        c.name = self._text(role.name)
        setattr(c, "in", self._array("struct hil_tag_spec", role.inputs, _tag))
        c.out = self._array("struct hil_tag_spec", role.outputs, _tag)
        c.n_in, c.n_out = len(role.inputs), len(role.outputs)
        c.delay, c.binding, c.every, c.phase = role.delay, role.binding, role.every, role.phase


def _path(c: Any, path: PathSpec) -> None:
    c.raw, c.signal, c.gated, c.safe_rate = path.raw, path.signal, path.gated, path.safe_rate
    c.lo, c.hi, c.rate, c.safe = path.lo, path.hi, path.rate, path.safe
    c.range_lo, c.range_hi = path.range_lo, path.range_hi


def _tag(c: Any, tag: TagSpec) -> None:
    c.outer, c.inner = tag.outer, tag.inner
    c.codec.kind, c.codec.scale, c.codec.offset = tag.kind, tag.scale, tag.offset
    c.codec.lo, c.codec.hi = tag.lo, tag.hi
    c.start, c.max_age_ns = tag.start, tag.max_age_ns
