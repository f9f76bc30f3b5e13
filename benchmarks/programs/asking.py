"""A flow that asks, and answers to it. `asking.py ask TIMES SECONDS`, `answer ID TIMES`.

Times are of `time.monotonic()`, which all processes of a machine share.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import kitaru
from kitaru import KitaruClient, flow

HEARD: list[float] = []
ID = Path(__file__).with_name("asking.id")


@flow
def asking(times: int, seconds: float) -> int:
    ID.write_text(kitaru.current_execution_id() or "")
    for _ in range(times):
        kitaru.wait(schema=bool, question="Go on?", timeout=seconds)
        HEARD.append(time.monotonic())
    return times


def answer(execution_id: str, times: int) -> list[float]:
    """Answer so many waits; return when each answer was begun."""
    client, given = KitaruClient(), []
    for _ in range(times):
        while not client.executions.pending_waits(execution_id):
            time.sleep(0.02)
        # Past the moment the question is put, as a person is.
        time.sleep(0.3)
        given.append(time.monotonic())
        client.executions.input(execution_id, value=True)
    return given


if __name__ == "__main__":
    if sys.argv[1] == "ask":
        asking.run(int(sys.argv[2]), float(sys.argv[3]))
        print(json.dumps({"heard": HEARD}))
    else:
        print(json.dumps({"given": answer(sys.argv[2], int(sys.argv[3]))}))
