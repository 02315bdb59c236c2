"""What a few values of a bench depend on; all other blocks may stand still in runs that are asked for these alone."""

from __future__ import annotations

from collections.abc import Iterable

from hil.built import Built
from hil.spec import Spec


def resting(built: Built, names: Iterable[str], *, granted: bool = True) -> bytes | None:
    """A byte for each block, then each path, 1 where nothing that is named depends on it; None when all are needed.

    Roles count as a whole: whatever they read is needed, and so are all their blocks.

    Args:
        names: signals, block states and parameters, which exist.
        granted: a twin has an envelope, or may get one; without one nothing reads the interlocks of its set points.
    """
    spec = built.spec
    if spec is None:
        return None
    writers = _writers(spec)
    needed = {i for i, block in enumerate(spec.blocks) if block.role}
    wanted = [tag.outer for role in spec.roles for tag in role.inputs] + [role.steps for role in spec.roles]
    for name in names:
        if name in built.numbers:
            wanted.append(built.numbers[name])
        elif name in built.states:
            needed |= {i for i, block in enumerate(spec.blocks) if name.startswith(f"{block.name}.")}
    waiting = [*needed, *(writers[signal] for signal in wanted if signal in writers)]
    while waiting:
        entry = waiting.pop()
        needed.add(entry)
        read = (writers[signal] for signal in _inputs(spec, entry, granted) if signal in writers)
        waiting += [other for other in read if other not in needed]
    count = len(spec.blocks) + len(spec.paths)
    return None if len(needed) == count else bytes(entry not in needed for entry in range(count))


def _writers(spec: Spec) -> dict[int, int]:
    """The entry that writes a signal: the number of a block, or of a path behind the blocks."""
    found = {signal: i for i, block in enumerate(spec.blocks) for signal in block.outputs if signal}
    return found | {path.signal: len(spec.blocks) + i for i, path in enumerate(spec.paths)}


def _inputs(spec: Spec, entry: int, granted: bool) -> list[int]:
    if entry >= len(spec.blocks):
        return [spec.paths[entry - len(spec.blocks)].raw]
    block = spec.blocks[entry]
    return block.inputs if granted or block.type != "authority" else block.inputs[:1]
