"""Sleeps of 50 ms in a bare pool of threads, as wide as Kitaru's: `pool.py TIMES COUNT`."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from saying import say

WIDTH = 10


def nap(n: int) -> int:
    time.sleep(0.05)
    return n


def naps(count: int) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(WIDTH) as pool:
        assert sum(pool.map(nap, range(count))) == sum(range(count))
    return time.perf_counter() - began


def main(times: int, count: int) -> None:
    say(each=[naps(count) for _ in range(times + 1)][1:])


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
