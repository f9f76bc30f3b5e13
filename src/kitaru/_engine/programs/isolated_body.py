"""The process of one isolated checkpoint: `python -m kitaru._engine.programs.isolated_body`.

It reads the request from stdin and writes to the pipe that its first argument names. The
second names a folder for files that it saves.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from kitaru._core.secrecy import masking
from kitaru._engine.isolation import request
from kitaru._engine.isolation.channel import BodySide
from kitaru._engine.isolation.sent_values import SentValues


def main() -> None:
    """Serve one request."""
    source = sys.stdin.buffer
    received = request.receive(source)
    with os.fdopen(int(sys.argv[1]), "wb") as pipe:
        flow = BodySide(source, pipe)
        masking.tell(flow.remember)
        values = SentValues(Path(sys.argv[2]))
        reply = request.perform(request.unpack(*received), flow.find, values)
        flow.reply(request.dump_reply(reply))
    sys.stdout.flush()
    sys.stderr.flush()
    # Without the interpreter's own clean-up, which would wait for the thread that
    # reads stdin.
    os._exit(0)


if __name__ == "__main__":
    main()
