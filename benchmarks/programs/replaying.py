"""Replay an execution of `trivial.py`: `replaying.py ID ANCHOR`."""

from __future__ import annotations

import sys
import time

from saying import say
from trivial import BODIES, trivial

if __name__ == "__main__":
    handle = trivial.replay(sys.argv[1], from_=sys.argv[2])
    handle.wait()
    say(result_at=time.monotonic(), bodies=len(BODIES), id=handle.exec_id)
