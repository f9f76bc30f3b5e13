"""A flow of N checkpoints that do nothing, timed from inside the flow body.

`trivial.py N [RUNS]`; each run is an execution of its own.
"""

from __future__ import annotations

import sys
import time

from saying import say

from kitaru import checkpoint, flow

EACH: list[float] = []
BODIES: list[int] = []


@checkpoint
def step(n: int) -> int:
    BODIES.append(n)
    return n + 1


@flow
def trivial(count: int) -> int:
    value = 0
    for _ in range(count):
        began = time.perf_counter()
        value = step(value)
        EACH.append(time.perf_counter() - began)
    return value


def main(count: int, runs: int = 1) -> None:
    ends = [time.monotonic()]
    for _ in range(runs):
        handle = trivial.run(count)
        assert handle.wait() == count
        ends.append(time.monotonic())
    say(each=EACH, ends=ends, result_at=ends[-1], id=handle.exec_id)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
