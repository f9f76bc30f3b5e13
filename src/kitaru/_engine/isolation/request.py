"""The request that runs a checkpoint body in another process, and the reply it gives.

On this machine that process is `programs/isolated_body`; on a remote stack it is a pod,
which reads the request from the artifact store and leaves the reply there
(`zenml/programs/checkpoint_pod`).
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
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
from kitaru._core.calls.usage import Purse
from kitaru._core.flows import scope
from kitaru._core.flows.scope import RunningCall, Scope
from kitaru._core.secrecy import masking
from kitaru._core.settings.budgets import Budget
from kitaru._core.values import codec, pickling
from kitaru._core.values.codec import Encoded
from kitaru._core.values.tagging import anything
from kitaru._engine import flow_loading
from kitaru._engine.isolation.channel import part, read_part
from kitaru._engine.port.execution import Find, IsolatedCall, Values
from kitaru._engine.session import saved_values, threads
from kitaru.errors import KitaruPickleWarning, KitaruUsageError, KitaruUserCodeError
from kitaru.models import FailureOrigin, Usage


@dataclass
class Request:
    """What the process is asked to do."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    execution_id: str
    invocation_id: str
    name: str
    budget: Budget | None = None
    spent: Usage | None = None


@dataclass
class Reply:
    """What came of it.

    A process of this machine sends `encoded` back, and `saved` in the form in which it
    will be stored; a pod has stored them, and says where: `output` and `artifacts`.
    """

    encoded: Encoded | None = None
    failure: StoredFailure | None = None
    metadata: dict[str, Any] | None = None
    saved: tuple[StoredArtifact, ...] = ()
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
        here.runtime.purse.budget,
        here.runtime.purse.spent if here.runtime.purse.budget else None,
    )
    # The request may need these to be unpickled.
    before = {
        "path": sys.path,
        "scripts": _scripts(),
        "main": sources.main_module_name(),
    }
    parts = (json.dumps(before).encode(), _dumps(request, spec.name))
    return b"".join(part(data) for data in parts)


def receive(source: BinaryIO) -> tuple[bytes, bytes]:
    """Read what `pack` wrote."""
    return read_part(source), read_part(source)


def unpack(before: bytes, packed: bytes) -> Request:
    """Return a received request, after making its modules importable."""
    known = json.loads(before)
    sys.path[:] = known["path"]
    sources.main_stands_for(known["main"])
    flow_loading.only_loading()
    for name, file in known["scripts"].items():
        # Of the scripts that a process has loaded this call needs one at most; the others
        # may be gone by now.
        with suppress(FileNotFoundError):
            flow_loading.load_script(name, Path(file))
    return cast(Request, pickling.loads(packed))


def read_reply(data: bytes) -> Reply:
    """Return the reply that `dump_reply` wrote."""
    return cast(Reply, pickling.loads(data))


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
    for one in reply.saved:
        here.runtime.save(
            call,
            one.name,
            _content(one.value),
            save_type=one.save_type,
            tags=one.tags,
        )
    if reply.failure is not None:
        raise _error_of(reply.failure, here.runtime.execution_id)
    if reply.encoded is None:
        return None
    return codec.decode(reply.encoded.serializer, reply.encoded.payload, anything)


def _content(sent: StoredValue) -> object:
    """Return what the body has saved; a `Path` stands for the file."""
    if sent.payload is None:
        return Path(str(sent.uri))
    return codec.decode(sent.serializer, sent.payload, anything)


def _error_of(failure: StoredFailure, execution_id: str) -> BaseException:
    """Return what the body raised, or its description if this code cannot rebuild it."""
    error = failures.rebuild(failure, anything)
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
        data = pickling.dumps(request)
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
        values: Where to store what is saved.
        find: Returns a value of a finished call.
        is_sent: Whether the flow's process stores it, and says what there is to say.
        purse: What the execution may spend, and had spent when the checkpoint began.
    """

    def __init__(
        self,
        execution_id: str,
        values: Values,
        find: Find,
        *,
        is_sent: bool,
        purse: Purse,
    ) -> None:
        self.execution_id = execution_id
        self.purse = purse
        self._values = values
        self._find = find
        self._is_sent = is_sent

    def save(
        self, call: RunningCall, name: str, value: object, *, save_type: str, tags: Any
    ) -> None:
        """Keep a named value."""
        with _quiet() if self._is_sent else nullcontext():
            saved_values.add(
                call,
                name,
                value,
                self._values,
                execution_id=self.execution_id,
                save_type=save_type,
                tags=tags,
            )

    def check_process(self) -> None:
        """The body of an isolated checkpoint has a process to itself."""

    def load(
        self, execution_id: str, name: str, call: RunningCall, *, trust: bool
    ) -> object:
        """Return a value this call has saved, or one of a finished call."""
        own = call if execution_id == self.execution_id else None
        found = saved_values.saved_by(own, name, self._values)
        return saved_values.load(found or self._find(execution_id, name, trust))


def perform(
    request: Request, find: Find, values: Values, *, is_sent: bool = True
) -> Reply:
    """Run the body of a request.

    Args:
        request: What to do.
        find: Returns a value of a finished call, for `load()` in the body.
        values: Where to store what the body saves.
        is_sent: Whether result and saved values come with the reply; otherwise `values`
            is where they stay.
    """
    threads.belong_to_their_checkpoint()
    earlier = {} if request.spent is None else {"": request.spent}
    purse = Purse(request.budget, earlier)
    runtime = _Runtime(request.execution_id, values, find, is_sent=is_sent, purse=purse)
    call = RunningCall(request.invocation_id, request.name)
    purse.begin(call.invocation_id, call.usages)
    reply = Reply()
    with scope.entered(Scope(runtime, call)):  # type: ignore[arg-type]  # a part of it
        try:
            value = request.function(*request.args, **request.kwargs)
            if hasattr(value, "__await__"):
                import asyncio

                value = asyncio.run(_awaited(value))
            what = f"the result of checkpoint {call.invocation_id!r}"
            if is_sent:
                with _quiet():
                    reply.encoded = codec.encode(value, what=what)
            else:
                encoded = codec.encode(value, what=what)
                owner = call.invocation_id
                reply.output = values.put(encoded, owner=owner, name=OUTPUT)
        # Raised again in the flow's process, exit() included.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            reply.failure = failures.store(error, failures.origin_of(error))
    # Only this process may know what is secret in it.
    reply.metadata, reply.usages = masking.data(call.metadata), tuple(call.usages)
    if is_sent:
        reply.saved = tuple(call.artifacts)
    else:
        reply.artifacts = tuple(call.artifacts)
    return reply


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        # Said where it is stored, in the process of the flow.
        warnings.simplefilter("ignore", KitaruPickleWarning)
        yield


async def _awaited(value: Any) -> Any:
    return await value


def dump_reply(reply: Reply) -> bytes:
    """Return a reply as bytes; one that cannot be sent says so instead."""
    try:
        return pickling.dumps(reply)
    # What was logged may raise anything while it is pickled.
    except Exception as error:  # noqa: BLE001
        refused = KitaruUsageError(
            f"what an isolated checkpoint logged cannot be sent back ({error})"
        )
        failure = failures.store(refused, FailureOrigin.USER_CODE)
        return pickling.dumps(Reply(failure=failure))
