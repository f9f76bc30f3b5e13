"""Run a checkpoint body in a child process, with the semantics of inline ones.

The child ends when its parent does, so that a retry never runs beside a left-over body.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from typing import Any

from kitaru import _recorded_names as recorded_names
from kitaru._core.flows import scope
from kitaru._core.flows.scope import Scope
from kitaru._engine.isolation import channel
from kitaru._engine.isolation.request import Reply, outcome, pack, read_reply
from kitaru._engine.output.streams import put
from kitaru._engine.port.execution import IsolatedCall
from kitaru._engine.session import timeouts
from kitaru.errors import KitaruRuntimeError

_OUTPUT_SECONDS = 1.0


def run(call: IsolatedCall, *, environment: Mapping[str, str] | None = None) -> Any:
    """Run the body in a process of this machine and return its value.

    What the body prints is printed here.

    Args:
        call: What to run.
        environment: Variables that the process gets beside those of this one.

    Raises:
        KitaruUsageError: If function or arguments cannot be sent.
        KitaruRuntimeError: If the process died.
        TimeoutError: If it took longer than the checkpoint's timeout; it was killed.
        Exception: Whatever the body raised.
    """
    variables = os.environ | dict(environment or {})
    with tempfile.TemporaryDirectory(prefix="kitaru-") as folder:
        reply = _exchange(call, folder, variables)
        return outcome(reply, call.running)


def _exchange(call: IsolatedCall, folder: str, environment: Mapping[str, str]) -> Reply:
    request, spec, invocation_id = pack(call), call.spec, call.running.invocation_id
    program = [sys.executable, "-P", "-m", recorded_names.ISOLATED_BODY]
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        [*program, str(write_end), folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(write_end,),
        env=environment,
        text=False,
    )
    os.close(write_end)
    call.running.stop = process.kill
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
    here = scope.current()
    assert here is not None  # the caller entered the checkpoint's scope
    with os.fdopen(read_end, "rb") as pipe:
        return channel.serve(pipe, process.stdin, here.runtime.find)


def _print_output(process: subprocess.Popen[bytes], where: Scope | None) -> None:
    assert process.stdout is not None
    with scope.entered(where):
        for line in process.stdout:
            # What the checkpoint printed: it stays as it is.
            put(sys.stdout, line.decode("utf-8", "replace"), flush=False)
