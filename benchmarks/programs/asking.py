"""A flow that asks, and answers to it: `asking.py ask TIMES SECONDS`, `answer ID TIMES`.

Times are of `time.monotonic()`, which all processes of a machine share.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from saying import answered, say

import kitaru
from kitaru import KitaruClient, flow

HEARD: list[float] = []
ID = Path(os.environ["BENCH_FOLDER"]) / "asking.id"


@flow
def asking(times: int, seconds: float) -> int:
    ID.write_text(kitaru.current_execution_id() or "")
    for _ in range(times):
        kitaru.wait(schema=bool, question="Go on?", timeout=seconds)
        HEARD.append(time.monotonic())
    return times


def answer(execution_id: str, times: int) -> None:
    client = KitaruClient()

    def asked() -> None:
        while not client.executions.pending_waits(execution_id):
            time.sleep(0.02)

    def one() -> None:
        client.executions.input(execution_id, value=True)

    say(given=answered(times, asked, one))


if __name__ == "__main__":
    if sys.argv[1] == "ask":
        asking.run(int(sys.argv[2]), float(sys.argv[3]))
        say(heard=HEARD)
    else:
        answer(sys.argv[2], int(sys.argv[3]))
