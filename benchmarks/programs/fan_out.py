"""Sleeps of 50 ms by `.map`: `fan_out.py TIMES COUNT`."""

from __future__ import annotations

import sys
import time

from saying import say

from kitaru import checkpoint, flow

EACH: list[float] = []


@checkpoint
def nap(n: int) -> int:
    time.sleep(0.05)
    return n


@flow
def naps(count: int) -> int:
    began = time.perf_counter()
    results = nap.map(range(count)).results()
    EACH.append(time.perf_counter() - began)
    return sum(results)


def main(times: int, count: int) -> None:
    for _ in range(times + 1):
        assert naps.run(count).wait() == sum(range(count))
    # The first one imports what the others have.
    say(each=EACH[1:])


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
