"""Large results: made by one checkpoint, read by the next; and the disk alone, in turns.

`large.py BYTES TIMES`
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from floor import write_and_read
from saying import say

from kitaru import checkpoint, flow

DATA: list[bytes] = []
TAKEN: list[float] = []


@checkpoint
def produce() -> bytes:
    return DATA[-1]


@checkpoint
def consume(data: bytes) -> int:
    return len(data)


@flow
def large() -> int:
    began = time.perf_counter()
    size = consume(produce())
    TAKEN.append(time.perf_counter() - began)
    return size


def main(size: int, times: int) -> None:
    floor = []
    path = Path(os.environ["BENCH_FOLDER"]) / "floor.bin"
    for _ in range(times + 1):
        DATA[:] = [os.urandom(size)]
        floor.append(write_and_read(path, DATA[0]))
        assert large.run().wait() == size
    # The first one imports what the others have.
    say(flow=TAKEN[1:], floor=floor[1:])


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
