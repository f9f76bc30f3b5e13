"""Sleeps of 50 ms as steps of a dynamic pipeline: `stock_fan_out.py TIMES COUNT`."""

from __future__ import annotations

import sys
import time

from saying import say
from zenml import pipeline, step

EACH: list[float] = []


@step(enable_cache=False)
def nap(n: int) -> int:
    time.sleep(0.05)
    return n


@pipeline(dynamic=True, enable_cache=False)
def naps(count: int) -> None:
    began = time.perf_counter()
    futures = [nap.submit(n=n) for n in range(count)]
    assert sum(future.load() for future in futures) == sum(range(count))
    EACH.append(time.perf_counter() - began)


def main(times: int, count: int) -> None:
    for _ in range(times):
        naps(count)
    say(each=EACH)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
