"""SIL: a role's controller on the firmware's own sources, as a function that the loop calls.

`hil._firmware` is made of the C files that the board runs; here its tables are filled in memory, not by a compiler.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hil._firmware import ffi, lib
from hil.errors import BenchError
from hil.spec import BlockSpec, PathSpec, RoleSpec, Spec, TagSpec

if TYPE_CHECKING:
    from hil.program import Controller

ALIGNMENT = 64


class Library:
    """A controller in this process.

    Attributes:
        address: of its `struct hil_library`, for a role of the bench's program; valid as long as this object lives.
    """

    def __init__(self, controller: Controller) -> None:
        """Build the controller's program on the firmware's sources.

        Raises:
            BenchError: the firmware's core refuses it, or makes another program than this one.
        """
        tables = Tables(controller.spec)
        self._keep: list[Any] = [tables]
        self._library = ffi.new("struct fw_library *")
        params = self._kept("uint32_t[]", max(1, sum(len(b.params) for b in controller.spec.blocks)))
        size = lib.fw_library_size(tables.spec, tables.blocks, tables.types)
        error = ffi.new("struct hil_build_error *")
        failed = lib.fw_library_init(
            self._library, tables.spec, tables.blocks, tables.types, params, self._memory(size), size, error
        )
        if failed:
            why = ffi.string(error.why or lib.hil_err_text(failed)).decode()
            raise BenchError(f"the firmware cannot build this controller: {why}")
        if self._library.table.hash != controller.built.program.hash:
            raise BenchError("the firmware's sources make another program of this controller", mend="Build HIL again")

    @property
    def address(self) -> int:
        """For `RoleSpec.library_address`."""
        return int(ffi.cast("uintptr_t", ffi.addressof(self._library[0], "table")))

    def state_hash(self, context: bytes) -> int:
        """The hash that a board tells of the same state; `context` is the library's part of the bench's state."""
        memory = self._memory(len(context))
        ffi.memmove(memory, context, len(context))
        return int(lib.hil_state_hash(self._library.program, memory))

    def _kept(self, kind: str, value: Any) -> Any:
        self._keep.append(ffi.new(kind, value))
        return self._keep[-1]

    def _memory(self, size: int) -> Any:
        """`size` bytes, aligned."""
        raw = self._kept("unsigned char[]", size + ALIGNMENT)
        skip = -int(ffi.cast("uintptr_t", raw)) % ALIGNMENT
        return raw + skip


class Tables:
    """A Spec as C structures.

    Attributes:
        spec: `struct hil_spec *`.
        blocks: its blocks, whose types the firmware fills in by name.
        types: names of their types.
    """

    def __init__(self, spec: Spec) -> None:
        self._keep: list[Any] = []
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
        self._keep.append(ffi.new(kind, value))
        return self._keep[-1]

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
