"""The process of one isolated checkpoint: `python -m kitaru._engine.programs.isolated_body`.

It reads the request from stdin and writes the reply to the pipe that its argument names.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import BinaryIO

from kitaru._engine.isolation import request
from kitaru._engine.open import stored_value


def main() -> None:
    """Serve one request."""
    source = sys.stdin.buffer
    received = request.receive(source)
    threading.Thread(target=_end_with_parent, args=(source,), daemon=True).start()
    reply = request.perform(request.unpack(*received), stored_value)
    with os.fdopen(int(sys.argv[1]), "wb") as pipe:
        pipe.write(request.dump_reply(reply))
    sys.stdout.flush()
    sys.stderr.flush()
    # Without the interpreter's own clean-up, which would wait for the thread that
    # reads stdin.
    os._exit(0)


def _end_with_parent(source: BinaryIO) -> None:
    source.read()
    os._exit(1)


if __name__ == "__main__":
    main()
