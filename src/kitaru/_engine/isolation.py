"""Run a checkpoint body in a process of its own, with the semantics of inline ones.

On this machine `python -m kitaru._engine.isolation` is that process: it reads the pickled
call from stdin and answers on a pipe. It ends when its parent does, so that a retry never
runs beside a left-over body. On a remote stack a pod reads the same request from the
artifact store and leaves the same reply there (`_engine/zenml/isolated.py`).
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
from typing import Any, BinaryIO, cast

from kitaru._core import codec, failures, scope, sources
from kitaru._core.records import OUTPUT, StoredArtifact, StoredFailure, StoredValue
from kitaru._core.scope import RunningCall, Scope
from kitaru._core.specs import CheckpointSpec
from kitaru._engine import flows, saving, timeouts
from kitaru._engine.port import IsolatedCall, Values
from kitaru.errors import KitaruRuntimeError, KitaruUsageError, KitaruUserCodeError
from kitaru.models import FailureOrigin, Usage

_MODULE = "kitaru._engine.isolation"
_OUTPUT_SECONDS = 1.0


@dataclass
class Request:
    """What the process is asked to do."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    execution_id: str
    invocation_id: str
    name: str


@dataclass
class Reply:
    """What came of it.

    A process of this machine sends `value` and `saved` back; a pod has stored them, and
    says where: `output` and `artifacts`.
    """

    value: Any = None
    failure: StoredFailure | None = None
    metadata: dict[str, Any] | None = None
    saved: tuple[tuple[str, Any, str, tuple[str, ...]], ...] = ()
    usages: tuple[Usage, ...] = ()
    output: StoredValue | None = None
    artifacts: tuple[StoredArtifact, ...] = ()


def run(call: IsolatedCall) -> Any:
    """Run the body in a process of this machine and return its value.

    What the body prints is printed here.

    Raises:
        KitaruUsageError: If function or arguments cannot be sent.
        KitaruRuntimeError: If the process died.
        TimeoutError: If it took longer than the checkpoint's timeout; it was killed.
        Exception: Whatever the body raised.
    """
    reply = _exchange(pack(call), call.spec, call.running.invocation_id)
    return outcome(reply, call.running)


def pack(call: IsolatedCall) -> bytes:
    """Return what another process needs to run a body; see `receive` and `unpack`.

    Raises:
        KitaruUsageError: If function or arguments cannot be sent.
    """
    here = scope.current()
    assert here is not None  # the caller entered the checkpoint's scope
    spec = call.spec
    request = Request(
        spec.function,
        call.args,
        call.kwargs,
        here.runtime.execution_id,
        call.running.invocation_id,
        spec.name,
    )
    # The request may need these to be unpickled.
    before = {"path": sys.path, "scripts": _scripts()}
    parts = (json.dumps(before).encode(), _dumps(request, spec.name))
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def receive(source: BinaryIO) -> tuple[bytes, bytes]:
    """Read what `pack` wrote."""
    return _read_part(source), _read_part(source)


def unpack(before: bytes, packed: bytes) -> Request:
    """Return a received request, after making its modules importable."""
    known = json.loads(before)
    sys.path[:] = known["path"]
    flows.only_loading()
    for name, file in known["scripts"].items():
        flows.load_script(name, Path(file))
    return cast(Request, importlib.import_module("cloudpickle").loads(packed))


def read_reply(data: bytes) -> Reply:
    """Return the reply that `dump_reply` wrote."""
    return cast(Reply, importlib.import_module("cloudpickle").loads(data))


def outcome(reply: Reply, call: RunningCall) -> Any:
    """Return the value of a body that ran elsewhere, or raise what it raised.

    What the body logged, spent and saved is added to `call`, as if it had run here.

    Raises:
        Exception: Whatever the body raised.
    """
    call.metadata.update(reply.metadata or {})
    call.usages.extend(reply.usages)
    call.artifacts.extend(reply.artifacts)
    call.output = reply.output
    here = scope.current()
    assert here is not None  # the caller entered the checkpoint's scope
    for name, value, save_type, tags in reply.saved:
        here.runtime.save(call, name, value, save_type=save_type, tags=tags)
    if reply.failure is not None:
        raise _error_of(reply.failure, here.runtime.execution_id)
    return reply.value


def _error_of(failure: StoredFailure, execution_id: str) -> BaseException:
    """Return what the body raised, or its description if this code cannot rebuild it."""
    error = failures.rebuild(failure)
    if error is None:
        return KitaruUserCodeError(
            f"the body raised {failure.exception_type}: {failure.message}",
            exec_id=execution_id,
            status="failed",
            failure_origin=failure.origin,
        )
    error.add_note(f"In the process of the checkpoint:\n\n{failure.traceback}")
    return error


def _exchange(request: bytes, spec: CheckpointSpec, invocation_id: str) -> Reply:
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
    return read_reply(data)


def _send_and_receive(
    process: subprocess.Popen[bytes], request: bytes, read_end: int
) -> bytes:
    assert process.stdin is not None
    try:
        process.stdin.write(request)
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


def _dumps(request: Request, name: str) -> bytes:
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
    """The runtime of the one checkpoint that this process runs.

    Args:
        execution_id: The execution that the checkpoint belongs to.
        values: Where to store what is saved; `None`: it is sent along with the result.
    """

    def __init__(self, execution_id: str, values: Values | None) -> None:
        self.execution_id = execution_id
        self.saved: list[tuple[str, Any, str, tuple[str, ...]]] = []
        self._values = values

    def save(
        self, call: RunningCall, name: str, value: object, *, save_type: str, tags: Any
    ) -> None:
        """Keep a named value."""
        saving.check_name(name, call.invocation_id, [saved[0] for saved in self.saved])
        self.saved.append((name, value, save_type, tuple(tags)))
        if self._values is not None:
            artifact = saving.store(
                value,
                self._values,
                execution_id=self.execution_id,
                owner=call.invocation_id,
                name=name,
                save_type=save_type,
                tags=tags,
            )
            call.artifacts.append(artifact)

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
    # The request is unpickled by this module's public name, not as `__main__`.
    public: Any = importlib.import_module(_MODULE)
    received = public.receive(source)
    threading.Thread(target=_end_with_parent, args=(source,), daemon=True).start()
    reply = public.perform(public.unpack(*received))
    with os.fdopen(int(sys.argv[1]), "wb") as pipe:
        pipe.write(public.dump_reply(reply))
    sys.stdout.flush()
    sys.stderr.flush()
    # Without the interpreter's own clean-up, which would wait for the thread that
    # reads stdin.
    os._exit(0)


def _read_part(source: BinaryIO) -> bytes:
    return source.read(int.from_bytes(source.read(8), "big"))


def perform(request: Request, values: Values | None = None) -> Reply:
    """Run the body of a request.

    Args:
        request: What to do.
        values: Where to store result and saved values; `None`: they come with the reply.
    """
    runtime = _Runtime(request.execution_id, values)
    call = RunningCall(request.invocation_id, request.name)
    reply = Reply()
    with scope.entered(Scope(runtime, call)):  # type: ignore[arg-type]  # a part of it
        try:
            reply.value = request.function(*request.args, **request.kwargs)
            if hasattr(reply.value, "__await__"):
                import asyncio

                reply.value = asyncio.run(_awaited(reply.value))
            if values is not None:
                reply.output = _stored(reply.value, call, values)
        # Raised again in the flow's process, exit() included.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            reply.failure = failures.store(error, failures.origin_of(error))
    reply.metadata, reply.usages = call.metadata, tuple(call.usages)
    if values is None:
        reply.saved = tuple(runtime.saved)
    else:
        reply.value, reply.artifacts = None, tuple(call.artifacts)
    return reply


def _stored(value: object, call: RunningCall, values: Values) -> StoredValue:
    what = f"the result of checkpoint {call.invocation_id!r}"
    encoded = codec.encode(value, what=what)
    return values.put(encoded, owner=call.invocation_id, name=OUTPUT)


async def _awaited(value: Any) -> Any:
    return await value


def dump_reply(reply: Reply) -> bytes:
    """Return a reply as bytes; one that cannot be sent says so instead."""
    pickling: Any = importlib.import_module("cloudpickle")
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
