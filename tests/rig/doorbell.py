"""A port on the laptop that checkpoints ring; who rings waits for what it says."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

from tests.support.polling import eventually

_COME_SECONDS = 180.0


class Doorbell:
    """Notes who rang, in order; lets everybody in who is not held or sent away."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._lock = threading.Lock()
        self._held: set[str] = set()
        self._refused: set[str] = set()
        self._outside: dict[str, list[socket.socket]] = {}
        self.heard: list[str] = []
        self.port: int = listener.getsockname()[1]

    def hold(self, name: str) -> None:
        """Let those of a name wait outside."""
        with self._lock:
            self._held.add(name)

    def refuse(self, name: str) -> None:
        """Send those of a name away, which fails their checkpoint."""
        with self._lock:
            self._refused.add(name)

    def rings(self, name: str, times: int = 1) -> None:
        """Wait until somebody of a name has rung so often."""
        eventually(
            lambda: self.heard.count(name) >= times,
            what=lambda: f"{name} to ring {times} times; heard: {self.heard}",
            within=_COME_SECONDS,
        )

    def let_in(self, name: str) -> None:
        """Let those of a name in, who wait and who come."""
        with self._lock:
            self._held.discard(name)
            self._refused.discard(name)
            for line in self._outside.pop(name, []):
                _say(line, b"yes")

    def serve(self) -> None:
        """Answer until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                self._answer(line, line.makefile().readline().strip())

    def _answer(self, line: socket.socket, name: str) -> None:
        with self._lock:
            self.heard.append(name)
            if name in self._held:
                self._outside.setdefault(name, []).append(line)
            else:
                _say(line, b"no" if name in self._refused else b"yes")

    def end(self) -> None:
        """Send away who still waits."""
        for name in list(self._outside):
            self.let_in(name)


def _say(line: socket.socket, answer: bytes) -> None:
    with contextlib.suppress(OSError), line:
        line.sendall(answer)


@contextlib.contextmanager
def doorbell(*, hold: str = "", refuse: str = "") -> Iterator[Doorbell]:
    """Listen for the `with` body; hold or refuse those of a name from the beginning."""
    listener = socket.create_server(("127.0.0.1", 0))
    bell = Doorbell(listener)
    if hold:
        bell.hold(hold)
    if refuse:
        bell.refuse(refuse)
    thread = threading.Thread(target=bell.serve, name="doorbell")
    thread.start()
    try:
        yield bell
    finally:
        # Closing alone would not wake the thread up.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        bell.end()
