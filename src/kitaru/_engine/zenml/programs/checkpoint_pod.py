"""What the pod of an isolated checkpoint does: run one body and leave its reply."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading

from zenml.steps import get_step_context

from kitaru._core.calls import failures
from kitaru._core.flows.metadata_keys import PLACE_KEY
from kitaru._core.values.tagging import anything
from kitaru._engine.isolation import request
from kitaru._engine.isolation.request import Reply
from kitaru._engine.open import current_engine
from kitaru._engine.output import log_folders
from kitaru._engine.output.log_capture import captured
from kitaru._engine.output.log_file import LogFile
from kitaru._engine.zenml.pods import isolated_checkpoints, logs
from kitaru._engine.zenml.pods.stop_watch import StopWatch
from kitaru._engine.zenml.recording import artifact_versions

_TERMINATED = 128 + signal.SIGTERM


def body() -> None:
    """Do what the request of this step asks for; for ZenML's step runner.

    Raises:
        BaseException: What the body raised, so that ZenML shows the step as failed.
    """
    step_run = get_step_context().step_run
    place = str(step_run.config.extra[PLACE_KEY])
    # The platform may have started this pod again after it was done.
    reply = isolated_checkpoints.read_reply(place)
    if reply is None:
        reply = _run(place, str(step_run.pipeline_run_id))
    if reply.failure is not None:
        error = failures.rebuild(reply.failure, anything)
        raise error or RuntimeError(reply.failure.message)


def _run(place: str, execution_id: str) -> Reply:
    log = log_folders.path_of(execution_id)
    values = artifact_versions.values_of(execution_id, inline=False)
    with logs.Shipper(execution_id, log) as shipper:

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
            received = request.receive(
                io.BytesIO(isolated_checkpoints.request_of(place))
            )
            reply = request.perform(
                request.unpack(*received),
                lambda *asked: current_engine().value(*asked),
                values,
                is_sent=False,
            )
            sys.stdout.flush()
            sys.stderr.flush()
        isolated_checkpoints.write_reply(place, reply)
    return reply
