"""The request that runs a checkpoint body in another process, and the reply it gives.

On this machine that process is `programs/isolated_body`; on a remote stack it is a pod,
which reads the request from the artifact store and leaves the reply there
(`zenml/programs/checkpoint_pod`).
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from kitaru._core import sources
from kitaru._core.calls import failures
from kitaru._core.calls.records import (
    OUTPUT,
    StoredArtifact,
    StoredFailure,
    StoredValue,
)
from kitaru._core.flows import scope
from kitaru._core.flows.scope import RunningCall, Scope
from kitaru._core.values import codec
from kitaru._engine import flow_loading
from kitaru._engine.port.execution import IsolatedCall, Values
from kitaru._engine.session import saved_values
from kitaru.errors import KitaruUsageError, KitaruUserCodeError
from kitaru.models import FailureOrigin, Usage

# Returns a stored value, by execution, name and whether its pickle is trusted.
Stored = Callable[[str, str, bool], Any]


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
    flow_loading.only_loading()
    for name, file in known["scripts"].items():
        flow_loading.load_script(name, Path(file))
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


def _scripts() -> dict[str, str]:
    """Return the files of scripts that were loaded as modules, by module name."""
    loaded = {name: sys.modules.get(name) for name in sources.script_modules}
    return {name: str(module.__file__) for name, module in loaded.items() if module}


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
        stored: Returns a value that is stored already.
    """

    def __init__(
        self, execution_id: str, values: Values | None, stored: Stored
    ) -> None:
        self.execution_id = execution_id
        self._stored = stored
        self.saved: list[tuple[str, Any, str, tuple[str, ...]]] = []
        self._values = values

    def save(
        self, call: RunningCall, name: str, value: object, *, save_type: str, tags: Any
    ) -> None:
        """Keep a named value."""
        saved_values.check_name(
            name, call.invocation_id, [saved[0] for saved in self.saved]
        )
        self.saved.append((name, value, save_type, tuple(tags)))
        if self._values is not None:
            artifact = saved_values.store(
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
        return self._stored(execution_id, name, trust)


def _read_part(source: BinaryIO) -> bytes:
    return source.read(int.from_bytes(source.read(8), "big"))


def perform(request: Request, stored: Stored, values: Values | None = None) -> Reply:
    """Run the body of a request.

    Args:
        request: What to do.
        stored: Returns a stored value, for `load()` in the body.
        values: Where to store result and saved values; `None`: they come with the reply.
    """
    runtime = _Runtime(request.execution_id, values, stored)
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
