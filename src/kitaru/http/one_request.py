"""One request on standard input, its answer on standard output, and the end.

The server itself holds no code of users and is no client of its store; what a request
needs is done here, and ends with the process.
"""

from __future__ import annotations

import contextlib
import json
import sys

from kitaru.http import answers


def main() -> None:
    """Answer the request that stands on standard input."""
    asked = json.load(sys.stdin)
    # Whatever is told on the way belongs into the log of the server.
    with contextlib.redirect_stdout(sys.stderr):
        status, body = answers.answer(asked)
    json.dump({"status": status, "body": body}, sys.stdout)


if __name__ == "__main__":
    main()
