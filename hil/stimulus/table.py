"""A description as the core's table (core/src/blocks/stimulus_table.h)."""

from __future__ import annotations

import math

from hil.stimulus.compound import Sequence
from hil.stimulus.segment import Segment, StimulusError

LARGEST = 1 << 20  # numbers in a table: 8 MiB


def table_of(segment: Segment) -> tuple[float, ...]:
    """The numbers of a whole description.

    Raises:
        StimulusError: there are more than a million.
    """
    found = _node(segment)
    if len(found) > LARGEST:
        raise StimulusError(f"the stimulus has {len(found)} numbers", mend=f"At most {LARGEST}: thin out its data")
    return tuple(found)


def _node(segment: Segment) -> list[float]:
    children = [_node(child) for child in segment.children()]
    own = [float(number) for number in segment.numbers()]
    if isinstance(segment, Sequence):
        own = _places(segment, [len(child) for child in children])
    body = own + [number for child in children for number in child]
    duration = segment.duration_ns
    return [float(segment.number), 3.0 + len(body), math.inf if duration is None else float(duration), *body]


def _places(segment: Sequence, sizes: list[int]) -> list[float]:
    found, place = [float(len(sizes))], 4 + 2 * len(sizes)
    for begin, size in zip(segment.begins_ns, sizes, strict=True):
        found += [float(begin), float(place)]
        place += size
    return found
