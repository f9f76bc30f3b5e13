"""A flow whose isolated checkpoints meet the test that runs it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

_COME_SECONDS = 120.0

PROGRAM = """
    import json
    import os
    import socket
    import sys
    from pathlib import Path

    from kitaru import Resources, checkpoint, flow, log, save

    def here() -> str:
        return f"{os.uname().nodename} as {os.getpid()}"

    @checkpoint
    def inline() -> str:
        return here()

    @checkpoint(resources=Resources(cpu=0.5, gpu=1, memory="512MiB"))
    def apart(before: str, name: str, port: int) -> list[str]:
        print(f"{name} begins on {here()}")
        log(name=name)
        Path("note.txt").write_text(f"note of {name}")
        save("note", Path("note.txt"))
        if port:
            # Tell the test that we are here, and wait until it lets us go.
            with socket.create_connection(("127.0.0.1", port)) as line:
                line.recv(1)
        if name == "bad":
            raise LookupError("nothing there")
        return [name, here(), before]

    @flow(stack="rig", image="127.0.0.1:5000/kitaru:rig")
    def flat(names: list[str], port: int = 0, retries: int = 0) -> list[list[str]]:
        before = inline()
        one = apart.with_options(retries=retries)
        calls = [one.submit(before, name, port) for name in names]
        found = []
        for call in calls:
            try:
                found.append(call.result())
            except LookupError as error:
                found.append([str(error)])
        return found

    if __name__ == "__main__":
        print(flat.run(**json.loads(sys.argv[1])).exec_id)
"""


class Meeting:
    """Where isolated checkpoints tell that they run, and wait to be let go."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._lines: list[socket.socket] = []
        self.port: int = listener.getsockname()[1]

    def come(self, count: int) -> None:
        """Wait until so many more run at the same time."""
        self._lines += [self._listener.accept()[0] for _ in range(count)]

    def end(self) -> None:
        """Let all go that have come."""
        for line in self._lines:
            line.close()
        self._lines.clear()


@contextmanager
def meeting() -> Iterator[Meeting]:
    """Open a place to meet for the `with` body."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(_COME_SECONDS)
        place = Meeting(listener)
        try:
            yield place
        finally:
            place.end()
