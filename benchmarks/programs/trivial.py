"""A flow of N checkpoints that do nothing, timed from inside the flow body.

`trivial.py N [RUNS]`; each run is an execution of its own.
"""

from __future__ import annotations

import json
import sys
import time

from kitaru import checkpoint, flow

EACH: list[float] = []


@checkpoint
def step(n: int) -> int:
    return n + 1


@flow
def trivial(count: int) -> int:
    value = 0
    for _ in range(count):
        began = time.perf_counter()
        value = step(value)
        EACH.append(time.perf_counter() - began)
    return value


if __name__ == "__main__":
    runs = []
    for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 1):
        began = time.perf_counter()
        handle = trivial.run(int(sys.argv[1]))
        assert handle.wait() == int(sys.argv[1])
        runs.append(time.perf_counter() - began)
    moment = time.monotonic()
    print(
        json.dumps(
            {"each": EACH, "runs": runs, "result_at": moment, "id": handle.exec_id}
        )
    )
