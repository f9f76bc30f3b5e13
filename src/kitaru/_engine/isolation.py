"""Run a checkpoint body in a process of its own, with the semantics of inline ones.

`python -m kitaru._engine.isolation` is that process: it reads the pickled call from
stdin and answers on a pipe. It ends when its parent does, so that a retry never runs
beside a left-over body.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from kitaru._core import failures, scope, sources
from kitaru._core.records import StoredFailure
from kitaru._core.scope import RunningCall, Scope
from kitaru._core.specs import CheckpointSpec
from kitaru._engine import flows, timeouts
from kitaru.errors import KitaruRuntimeError, KitaruUsageError
from kitaru.models import FailureOrigin, Usage

_MODULE = "kitaru._engine.isolation"
_OUTPUT_SECONDS = 1.0


@dataclass
class _Request:
    """What the process is asked to do."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    execution_id: str
    invocation_id: str
    name: str


@dataclass
class _Reply:
    """What came of it."""

    value: Any = None
    failure: StoredFailure | None = None
    metadata: dict[str, Any] | None = None
    saved: tuple[tuple[str, Any, str, tuple[str, ...]], ...] = ()
    usages: tuple[Usage, ...] = ()


def run(
    spec: CheckpointSpec,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    call: RunningCall,
    *,
    execution_id: str,
) -> Any:
    """Run the body elsewhere and return its value.

    What the body logs and saves is added to `call` and to the scope's runtime; what it
    prints is printed here.

    Raises:
        KitaruUsageError: If function or arguments cannot be sent.
        KitaruRuntimeError: If the process died.
        TimeoutError: If it took longer than the checkpoint's timeout; it was killed.
        Exception: Whatever the body raised.
    """
    request = _Request(
        spec.function, args, kwargs, execution_id, call.invocation_id, spec.name
    )
    reply = _exchange(_dumps(request, spec.name), spec, call.invocation_id)
    call.metadata.update(reply.metadata or {})
    call.usages.extend(reply.usages)
    here = scope.current()
    assert here is not None  # the caller entered the checkpoint's scope
    for name, value, save_type, tags in reply.saved:
        here.runtime.save(call, name, value, save_type=save_type, tags=tags)
    if reply.failure is not None:
        raise _error_of(reply.failure)
    return reply.value


def _error_of(failure: StoredFailure) -> BaseException:
    """Return what the body raised, or its description if this code cannot rebuild it."""
    error = failures.rebuild(failure)
    if error is None:
        return KitaruRuntimeError(
            f"the body raised {failure.exception_type}: {failure.message}"
        )
    error.add_note(f"In the process of the checkpoint:\n\n{failure.traceback}")
    return error


def _exchange(request: bytes, spec: CheckpointSpec, invocation_id: str) -> _Reply:
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", _MODULE, str(write_end)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(write_end,),
        text=False,
    )
    os.close(write_end)
    output = threading.Thread(
        target=_print_output, args=(process, scope.current()), daemon=True
    )
    output.start()
    killed = threading.Event()

    def kill() -> None:
        killed.set()
        process.kill()

    timer = None
    if spec.timeout is not None:
        timer = threading.Timer(spec.timeout, kill)
        timer.daemon = True
        timer.start()
    try:
        data = _send_and_receive(process, request, read_end)
    finally:
        if timer is not None:
            timer.cancel()
        if process.poll() is None and sys.exc_info()[0] is not None:
            process.kill()
        process.wait()
        # A process that the body left behind may hold the stream for ever.
        output.join(_OUTPUT_SECONDS)
    if killed.is_set() and spec.timeout is not None:
        raise timeouts.overdue(f"checkpoint {invocation_id!r}", spec.timeout)
    if not data:
        raise KitaruRuntimeError(
            f"the process of isolated checkpoint {invocation_id!r} died "
            f"(exit status {process.returncode}); its output is in the log"
        )
    reply = importlib.import_module("cloudpickle").loads(data)
    assert isinstance(reply, _Reply)
    return reply


def _send_and_receive(
    process: subprocess.Popen[bytes], request: bytes, read_end: int
) -> bytes:
    assert process.stdin is not None
    try:
        # The request may need these to be unpickled.
        before = {"path": sys.path, "scripts": _scripts()}
        for part in (json.dumps(before).encode(), request):
            process.stdin.write(len(part).to_bytes(8, "big") + part)
        # Left open: its end tells the process that we are gone.
        process.stdin.flush()
    except BrokenPipeError:
        pass
    with os.fdopen(read_end, "rb") as pipe:
        return pipe.read()


def _scripts() -> dict[str, str]:
    """Return the files of scripts that were loaded as modules, by module name."""
    loaded = {name: sys.modules.get(name) for name in sources.script_modules}
    return {name: str(module.__file__) for name, module in loaded.items() if module}


def _print_output(process: subprocess.Popen[bytes], where: Scope | None) -> None:
    assert process.stdout is not None
    with scope.entered(where):
        for line in process.stdout:
            sys.stdout.write(line.decode("utf-8", "replace"))


def _dumps(request: _Request, name: str) -> bytes:
    try:
        data: bytes = importlib.import_module("cloudpickle").dumps(request)
    # Arguments may raise anything while they are pickled.
    except Exception as error:
        raise KitaruUsageError(
            f"isolated checkpoint {name!r}: its function or arguments cannot be sent to "
            f"another process ({type(error).__name__}: {error})"
        ) from error
    return data


class _Runtime:
    """The runtime of the one checkpoint that this process runs."""

    def __init__(self, execution_id: str) -> None:
        self.execution_id = execution_id
        self.saved: list[tuple[str, Any, str, tuple[str, ...]]] = []

    def save(
        self, call: RunningCall, name: str, value: object, *, save_type: str, tags: Any
    ) -> None:
        """Send a named value along with the result."""
        if any(known[0] == name for known in self.saved):
            raise KitaruUsageError(
                f"checkpoint {call.invocation_id!r} has saved {name!r} already; "
                "artifact names are unique within a call"
            )
        self.saved.append((name, value, save_type, tuple(tags)))

    def load(
        self, execution_id: str, name: str, call: RunningCall, *, trust: bool
    ) -> object:
        """Return a stored value."""
        for known, value, _, _ in self.saved:
            if known == name and execution_id == self.execution_id:
                return value
        from kitaru._engine.open import current_engine

        for ref in current_engine().artifacts(
            current_engine().resolve_id(execution_id)
        ):
            if ref.name == name:
                return ref.load(trust=trust)
        raise KitaruUsageError(f"execution {execution_id} has no artifact {name!r}")


def main() -> None:
    """Serve one request."""
    source = sys.stdin.buffer
    before = json.loads(_read_part(source))
    data = _read_part(source)
    threading.Thread(target=_end_with_parent, args=(source,), daemon=True).start()
    sys.path[:] = before["path"]
    flows.only_loading()
    for name, file in before["scripts"].items():
        flows.load_script(name, Path(file))
    pickling: Any = importlib.import_module("cloudpickle")
    # The request is unpickled by this module's public name, not as `__main__`.
    request = pickling.loads(data)
    reply = importlib.import_module(_MODULE).perform(request)
    with os.fdopen(int(sys.argv[1]), "wb") as pipe:
        pipe.write(_dump_reply(pickling, reply))
    sys.stdout.flush()
    sys.stderr.flush()
    # Without the interpreter's own clean-up, which would wait for the thread that
    # reads stdin.
    os._exit(0)


def _read_part(source: BinaryIO) -> bytes:
    return source.read(int.from_bytes(source.read(8), "big"))


def perform(request: _Request) -> _Reply:
    """Run the body of a request."""
    runtime = _Runtime(request.execution_id)
    call = RunningCall(request.invocation_id, request.name)
    reply = _Reply()
    with scope.entered(Scope(runtime, call)):  # type: ignore[arg-type]  # a part of it
        try:
            reply.value = request.function(*request.args, **request.kwargs)
            if hasattr(reply.value, "__await__"):
                import asyncio

                reply.value = asyncio.run(_awaited(reply.value))
        # Raised again in the flow's process, exit() included.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            reply.failure = failures.store(error, FailureOrigin.USER_CODE)
    reply.metadata, reply.saved = call.metadata, tuple(runtime.saved)
    reply.usages = tuple(call.usages)
    return reply


async def _awaited(value: Any) -> Any:
    return await value


def _dump_reply(pickling: Any, reply: _Reply) -> bytes:
    try:
        data: bytes = pickling.dumps(reply)
    # Values and exceptions may raise anything while they are pickled.
    except Exception as error:  # noqa: BLE001
        kind = type(reply.value)
        reply.value, reply.saved = None, ()
        refused = KitaruUsageError(
            f"the result of an isolated checkpoint is a {kind.__module__}."
            f"{kind.__qualname__}, which cannot be sent back ({error})"
        )
        reply.failure = failures.store(refused, FailureOrigin.USER_CODE)
        data = pickling.dumps(reply)
    return data


def _end_with_parent(source: Any) -> None:
    source.read()
    os._exit(1)


if __name__ == "__main__":
    main()
