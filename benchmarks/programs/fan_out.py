"""Fifty sleeps of 50 ms: by `.map`, and in a bare pool of threads of equal width."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from kitaru import checkpoint, flow

COUNT, PAUSE, WIDTH = 50, 0.05, 10
TAKEN: list[float] = []


def nap(n: int) -> int:
    time.sleep(PAUSE)
    return n


@checkpoint
def rest(n: int) -> int:
    return nap(n)


@flow
def fan_out() -> int:
    began = time.perf_counter()
    results = rest.map(range(COUNT)).results()
    TAKEN.append(time.perf_counter() - began)
    return sum(results)


def bare() -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(WIDTH) as pool:
        assert sum(pool.map(nap, range(COUNT))) == sum(range(COUNT))
    return time.perf_counter() - began


if __name__ == "__main__":
    reference = []
    for _ in range(int(sys.argv[1])):
        reference.append(bare())
        assert fan_out.run().wait() == sum(range(COUNT))
    print(json.dumps({"map": TAKEN, "bare": reference}))
