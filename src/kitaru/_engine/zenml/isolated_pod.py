"""What the pod of an isolated checkpoint does: run one body and leave its reply."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading

from zenml.steps import get_step_context

from kitaru._core import failures
from kitaru._engine import isolation, log_store
from kitaru._engine.isolation import Reply
from kitaru._engine.logs import LogFile, captured
from kitaru._engine.zenml import artifacts, isolated, remote_logs
from kitaru._engine.zenml.pod import StopWatch
from kitaru._engine.zenml.step_configurations import PLACE_KEY

_TERMINATED = 128 + signal.SIGTERM


def body() -> None:
    """Do what the request of this step asks for; for ZenML's step runner.

    Raises:
        BaseException: What the body raised, so that ZenML shows the step as failed.
    """
    step_run = get_step_context().step_run
    place = str(step_run.config.extra[PLACE_KEY])
    # The platform may have started this pod again after it was done.
    reply = isolated.read_reply(place)
    if reply is None:
        reply = _run(place, str(step_run.pipeline_run_id))
    if reply.failure is not None:
        error = failures.rebuild(reply.failure)
        raise error or RuntimeError(reply.failure.message)


def _run(place: str, execution_id: str) -> Reply:
    log = log_store.path_of(execution_id)
    values = artifacts.values_of(execution_id, inline=False)
    with remote_logs.Shipper(execution_id, log) as shipper:

        def leave(code: int) -> None:
            shipper.ship()
            os._exit(code)

        # As process 1 of its container it would not heed the signal otherwise.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda *_: leave(_TERMINATED))
        with (
            # Success, or the platform would start the pod again.
            StopWatch(execution_id, grace=0.0, end=lambda: leave(0)),
            captured(execution_id, LogFile(log)),
        ):
            received = isolation.receive(io.BytesIO(isolated.request_of(place)))
            reply = isolation.perform(isolation.unpack(*received), values)
            sys.stdout.flush()
            sys.stderr.flush()
        isolated.write_reply(place, reply)
    return reply
