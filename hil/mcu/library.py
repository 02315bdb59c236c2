"""SIL: a role's controller on the firmware's own sources, as a function that the loop calls.

`hil._firmware` is made of the C files that the board runs; here its tables are filled in memory, not by a compiler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hil._firmware import ffi, lib
from hil.errors import BenchError
from hil.mcu.spec_tables import Tables

if TYPE_CHECKING:
    from hil.built import Controller

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
