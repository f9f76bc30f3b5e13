"""What the process of a body and that of its flow say to each other on this machine.

A message is its kind, its length and its bytes. The body's process asks and waits for the
answer: only the flow's process knows the engine and what its execution has done so far.
The last message is the reply of the body.
"""

from __future__ import annotations

import json
import os
import queue
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import IO, Any, BinaryIO

from kitaru._core.calls import failures
from kitaru._core.calls.records import StoredFailure
from kitaru._core.secrecy import masking
from kitaru._core.values import pickling
from kitaru._core.values.tagging import anything
from kitaru._engine.port.execution import Find, Found
from kitaru.errors import KitaruRuntimeError, KitaruUsageError

_FIND, _SECRETS, _REPLY = b"?", b"!", b"="
_LENGTH = 8


def part(data: bytes) -> bytes:
    """Return bytes as `read_part` takes them."""
    return len(data).to_bytes(_LENGTH, "big") + data


def read_part(source: BinaryIO) -> bytes:
    """Return the bytes of one part; none if the source ends before they do."""
    size = int.from_bytes(source.read(_LENGTH), "big")
    data = source.read(size)
    return data if len(data) == size else b""


class BodySide:
    """The body's process: asks the flow's process, and ends when that does."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source, self._sink = source, sink
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        # Threads of a body may ask at the same time.
        self._asking = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    def find(self, execution_id: str, name: str, trust: bool) -> Found:
        """Return a stored value.

        Raises:
            Exception: What the flow's process says of it.
        """
        question = json.dumps([execution_id, name, trust])
        answer = self._ask(_FIND, question.encode())
        if isinstance(answer, StoredFailure):
            error = failures.rebuild(answer, anything)
            raise error or KitaruRuntimeError(answer.message)
        value, data, refusal = answer

        def permit(_action: str) -> None:
            if refusal is not None:
                raise KitaruUsageError(refusal)

        return Found(value, data, permit)

    def remember(self, values: Mapping[str, str]) -> None:
        """Tell the flow's process, which keeps what this one prints, of secrets."""
        self._ask(_SECRETS, json.dumps(dict(values)).encode())

    def reply(self, data: bytes) -> None:
        """Say what came of the body."""
        self._send(_REPLY, data)

    def _ask(self, kind: bytes, question: bytes) -> Any:
        with self._asking:
            self._send(kind, question)
            answer = self._answers.get()
        return pickling.loads(answer)

    def _send(self, kind: bytes, data: bytes) -> None:
        self._sink.write(kind + part(data))
        self._sink.flush()

    def _listen(self) -> None:
        while answer := read_part(self._source):
            self._answers.put(answer)
        os._exit(1)


def serve(source: BinaryIO, sink: IO[bytes], find: Find) -> bytes:
    """Answer the body's process until its reply, and return that.

    It is empty if the process ended without one.
    """
    while kind := source.read(1):
        data = read_part(source)
        if kind == _REPLY:
            return data
        if not data:
            break
        # Gone already: there is no reply, then.
        with suppress(BrokenPipeError):
            sink.write(part(pickling.dumps(_answer(kind, data, find))))
            sink.flush()
    return b""


def _answer(kind: bytes, data: bytes, find: Find) -> object:
    question = json.loads(data)
    if kind == _SECRETS:
        masking.remember(question)
        return None
    try:
        found = find(*question)
        refusal = None
        try:
            found.permit("loading it")
        except KitaruUsageError as error:
            refusal = str(error)
    # Raised again where it was asked for.
    except Exception as error:  # noqa: BLE001
        return failures.store(error, failures.origin_of(error))
    return replace(found.value, payload=None), found.data, refusal
