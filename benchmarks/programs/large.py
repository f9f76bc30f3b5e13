"""Large results: made by one checkpoint, read by the next; and the disk alone.

`large.py BYTES TIMES`
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from floor import write_and_read

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


if __name__ == "__main__":
    size, reference = int(sys.argv[1]), []
    path = Path(os.environ["ZENML_CONFIG_PATH"]) / "floor.bin"
    for _ in range(int(sys.argv[2])):
        DATA[:] = [os.urandom(size)]
        reference.append(write_and_read(path, DATA[0]))
        assert large.run().wait() == size
    print(json.dumps({"flow": TAKEN, "floor": reference}))
