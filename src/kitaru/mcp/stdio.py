"""Stdin and stdout as the protocol's own: nobody else reads or writes there."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastmcp import FastMCP

# Work that is under way when the end comes may finish within so many seconds: a cancel
# takes ten. After a signal somebody waits for us.
_AFTER_THE_CLIENT_LEFT = 15.0
_AFTER_A_SIGNAL = 2.0


@dataclass(frozen=True, slots=True)
class Wire:
    """File descriptors of the protocol, which no child process inherits."""

    incoming: int
    outgoing: int


def claim() -> Wire:
    """Take descriptors 0 and 1 for the protocol.

    What is written to descriptor 1 after this, by Python, C code or child processes,
    goes to stderr. Descriptor 0 is empty.

    Raises:
        OSError: If the process was started without one of them.
    """
    if sys.stdout is not None:
        sys.stdout.flush()
    wire = Wire(*(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3) for fd in (0, 1)))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    try:
        os.dup2(2, 1)
    except OSError:
        os.dup2(nothing, 1)  # Started without stderr.
    if nothing > 2:
        os.close(nothing)
    return wire


def run(server: FastMCP[Any], wire: Wire) -> None:
    """Serve until the client closes its end, or SIGINT or SIGTERM comes."""
    asyncio.run(_serve(server, wire))
    _leave_within(_AFTER_A_SIGNAL)  # A thread of the user's code may never end.


async def _serve(server: FastMCP[Any], wire: Wire) -> None:
    from mcp.server.stdio import stdio_server

    incoming = _Incoming(wire.incoming)
    _end_on_signals(incoming)
    # FastMCP has no public way to serve streams of one's own.
    low_level = server._mcp_server
    streams: Any = (incoming, _Outgoing(wire.outgoing))
    async with server._lifespan_manager(), stdio_server(*streams) as (read, write):
        await low_level.run(read, write, low_level.create_initialization_options())


def _end_on_signals(incoming: _Incoming) -> None:
    """Take a signal for the end of the input: one way to end is enough."""

    def end() -> None:
        _leave_within(_AFTER_A_SIGNAL)
        incoming.end()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)


def _leave_within(seconds: float) -> None:
    """End the process by then, whatever still runs; all that is stored is durable."""
    timer = threading.Timer(seconds, os._exit, args=(0,))
    timer.daemon = True
    timer.start()


class _Incoming:
    """Lines of a descriptor, read by a thread that keeps no process alive."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        threading.Thread(target=self._read, name="mcp-stdin", daemon=True).start()

    def _read(self) -> None:
        with suppress(OSError), os.fdopen(self._descriptor, "rb") as stream:
            for line in stream:
                self._put(line.decode("utf-8", "replace"))
        _leave_within(_AFTER_THE_CLIENT_LEFT)
        self.end()

    def end(self) -> None:
        """Give nothing more out."""
        self._put(None)

    def _put(self, line: str | None) -> None:
        with suppress(RuntimeError):  # The loop is closed: the server has ended.
            self._loop.call_soon_threadsafe(self._lines.put_nowait, line)

    def __aiter__(self) -> _Incoming:
        return self

    async def __anext__(self) -> str:
        line = await self._lines.get()
        if line is None:
            raise StopAsyncIteration
        return line


class _Outgoing:
    """Writes whole messages to a descriptor, beside the event loop."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    async def write(self, text: str) -> None:
        import anyio

        try:
            await anyio.to_thread.run_sync(self._write, text.encode())
        except OSError as error:
            # The client has gone; its end of stdin tells the reader.
            raise anyio.ClosedResourceError from error

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(self._descriptor, left) :]

    async def flush(self) -> None:
        """Do nothing: what was written is out."""
