"""Events fire together at the top of their tick, in the order in which they came."""

from hil import _core
from hil.events import EventKind, encode
from hil.frames import NOTES, Frame, split

from .conftest import TYPES


def bench(hand_bench):
    b = hand_bench()
    b.block("c", "constant", [], ["x.raw"], value=1.0)
    b.path("x")
    return b, b.start()


def test_a_parameter_changes_exactly_at_its_tick(hand_bench):
    b, state = bench(hand_bench)
    loop = b.loop(state, ["x"])
    offset = state.program.offset_param(0, 0)
    loop.push(encode(EventKind.PARAM, target=offset, values=[7.0], due=5))
    loop.push(encode(EventKind.PARAM, target=offset, values=[8.0], due=5))
    loop.run(8)
    values = _core.unpack_samples(loop.read_samples(), 0, 1, 1)[3][:, 0]
    assert list(values) == [1, 1, 1, 1, 1, 8, 8, 8]


def test_a_late_event_is_refused_and_reported_never_run(hand_bench):
    b, state = bench(hand_bench)
    loop = b.loop(state, ["x"])
    loop.run(10)
    loop.push(encode(EventKind.FORCE, target=0, values=[3.0], due=4))
    loop.run(10)
    kinds = [kind for kind, *_ in split(loop.read_inputs())]
    assert Frame.REFUSED in kinds
    assert Frame.EVENT not in kinds
    assert b.get(state, "x") == 1.0


def test_more_events_than_there_is_room_for_are_refused_and_counted(hand_bench):
    b, state = bench(hand_bench)
    loop = b.loop(state, ["x"])
    for i in range(70):
        loop.push(encode(EventKind.MARK, due=1000, event_id=i))
    loop.run(1)
    kinds = [kind for kind, *_ in split(loop.read_inputs())]
    assert kinds.count(Frame.EVENT) == 64
    assert kinds.count(Frame.REFUSED) == 6


def test_force_and_release_are_noted_with_the_value_before(hand_bench):
    b, state = bench(hand_bench)
    loop = b.loop(state, ["x"])
    loop.push(encode(EventKind.FORCE, target=0, values=[3.0], due=2))
    loop.push(encode(EventKind.RELEASE, target=0, due=4))
    loop.run(6)
    _, _, _, values, status = _core.unpack_samples(loop.read_samples(), 0, 1, 1)
    assert list(values[:, 0]) == [1, 1, 3, 3, 1, 1]
    assert list(status[:, 0]) == [0, 0, 2, 2, 0, 0]


def test_a_parameter_outside_the_table_or_not_a_number_is_refused(hand_bench):
    _, state = bench(hand_bench)
    offset = state.program.offset_param(0, 0)
    for target, value in ((8, 1.0), (offset + 8, 1.0), (offset + 1, 1.0), (offset, float("nan"))):
        assert state.push(encode(EventKind.PARAM, target=target, values=[value])) != 0


def test_an_event_whose_tick_was_skipped_is_refused_not_run_late(hand_bench):
    b, state = bench(hand_bench)
    loop = b.loop(state, ["x"])
    state.push(encode(EventKind.FORCE, target=0, values=[3.0], due=4))
    loop.run(2)
    state.skip(5)
    loop.run(1)
    notes = [
        NOTES[int.from_bytes(p[8:10], "little")] for kind, _, _, p in split(loop.read_inputs()) if kind == Frame.NOTE
    ]
    assert notes == ["refused"]
    assert b.get(state, "x") == 1.0


def test_a_full_table_cannot_keep_a_bench_from_becoming_safe(hand_bench):
    b = hand_bench()
    b.block("c", "constant", [], ["x.raw"], value=1.0)
    b.path("x", gated=True, lo=0.0, hi=2.0, safe=0.5, start=1.0)
    state = b.start()
    while state.push(encode(EventKind.MARK, due=1000)) == 0:
        pass
    assert state.push(encode(EventKind.SAFE, values=[1.0])) == 0
    state.run(1)
    assert b.get(state, "x") == 0.5


def test_a_parameter_outside_its_range_is_refused_by_the_core(hand_bench):
    b = hand_bench()
    b.block("lag", "lag", ["x"], ["y"], time_constant_s=0.1)
    state = b.start()
    names = [p["name"] for p in TYPES["lag"]["params"]]
    offset = state.program.offset_param(0, names.index("time_constant_s"))
    assert state.push(encode(EventKind.PARAM, target=offset, values=[-1.0])) != 0
    assert state.push(encode(EventKind.PARAM, target=offset, values=[0.2])) == 0
