"""The same as `trivial.py` in plain ZenML: a dynamic pipeline of N steps.

`stock.py N [RUNS]`, or `stock.py N replay ID` to replay a run but for its last steps.
"""

from __future__ import annotations

import json
import sys
import time

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


def main() -> None:
    count, runs = int(sys.argv[1]), []
    if sys.argv[2:3] == ["replay"]:
        reused = ["advance", *(f"advance_{n}" for n in range(2, count - 4))]
        began = time.perf_counter()
        run = trivial.replay(pipeline_run=sys.argv[3], skip=reused[: count - 5])
        runs.append(time.perf_counter() - began)
    else:
        for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 1):
            began = time.perf_counter()
            run = trivial(count)
            runs.append(time.perf_counter() - began)
    print(
        json.dumps(
            {
                "each": EACH,
                "runs": runs,
                "result_at": time.monotonic(),
                "id": str(run.id),
            }
        )
    )


if __name__ == "__main__":
    main()
