"""The same as `trivial.py` in plain ZenML: a dynamic pipeline of N steps.

`stock.py N [RUNS]`, or `stock.py N replay ID` to replay a run but for its last five steps.
"""

from __future__ import annotations

import sys
import time

from saying import say
from zenml import pipeline, save_artifact, step

EACH: list[float] = []


@step(enable_cache=False)
def advance(n: int) -> int:
    return n + 1


@pipeline(dynamic=True, enable_cache=False)
def trivial(count: int) -> int:
    value = 0
    for _ in range(count):
        began = time.perf_counter()
        value = advance(value)
        value.load()
        EACH.append(time.perf_counter() - began)
    return value if count else save_artifact(0, name="nothing")


def run(count: int, runs: int) -> None:
    ends = [time.monotonic()]
    for _ in range(runs):
        done = trivial(count)
        ends.append(time.monotonic())
    say(each=EACH, ends=ends, result_at=ends[-1], id=str(done.id))


def replay(count: int, run_id: str) -> None:
    reused = ["advance", *(f"advance_{n}" for n in range(2, count - 4))]
    trivial.replay(pipeline_run=run_id, skip=reused)
    say(result_at=time.monotonic())


if __name__ == "__main__":
    count, *rest = sys.argv[1:]
    if rest[:1] == ["replay"]:
        replay(int(count), rest[1])
    else:
        run(int(count), int(rest[0]) if rest else 1)
