"""Replay an execution of `trivial.py`: `replaying.py ID ANCHOR`."""

from __future__ import annotations

import json
import sys
import time

import trivial

if __name__ == "__main__":
    began = time.perf_counter()
    handle = trivial.trivial.replay(sys.argv[1], from_=sys.argv[2])
    value = handle.wait()
    taken = time.perf_counter() - began
    print(
        json.dumps(
            {
                "result_at": time.monotonic(),
                "runs": [taken],
                "value": value,
                "id": handle.exec_id,
            }
        )
    )
