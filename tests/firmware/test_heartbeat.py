"""In lock-step a host may rest between two runs for longer than a board waits for one that was killed."""

from __future__ import annotations

import time

from hil import open_bench

REST_S = 5.6  # FW_LOCKSTEP_AGE is 5 s


def test_a_board_waits_for_a_host_that_rests_and_nothing_differs():
    hashes = []
    for rest_s in (REST_S, 0.0):
        with open_bench("incubator", time="lockstep", bind={"controller": "pil"}, history=False) as bench:
            bench.run(60)
            time.sleep(rest_s)
            bench.run(60)
            hashes.append(bench.state_hash)
    assert hashes[0] == hashes[1]
