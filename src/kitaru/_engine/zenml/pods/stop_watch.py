"""A pod's watch for a request to stop."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from uuid import UUID

from zenml.client import Client
from zenml.enums import ExecutionStatus as RunStatus

from kitaru._engine.zenml.pods import platform_jobs
from kitaru._engine.zenml.runs import runs

logger = logging.getLogger(__name__)


_LOOK_EVERY = 2.0


# A body that comes to no checkpoint for so long after a request to stop is ended.
_GRACE = 10.0


class StopWatch:
    """Watches for a request to stop, and ends a pod that does not heed it.

    Args:
        execution_id: The execution that the pod works for.
        grace: Seconds that the body is given to come to a checkpoint.
        end: Ends the pod; by default it marks the execution as cancelled first.
    """

    def __init__(
        self,
        execution_id: str,
        *,
        grace: float = _GRACE,
        end: Callable[[], object] | None = None,
    ) -> None:
        self.stop_requested = False
        self._execution_id = execution_id
        self._grace = grace
        self._end = end or self._end_execution
        # That of an isolated checkpoint may outlive a body that has failed.
        self._runs_body = end is None
        self._over = threading.Event()
        self._thread = threading.Thread(
            target=self._watch, name="kitaru-stop-watch", daemon=True
        )

    def __enter__(self) -> StopWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        requested_at = 0.0
        told_at = time.monotonic()
        while not self._over.wait(_LOOK_EVERY):
            is_silent = time.monotonic() - told_at >= platform_jobs.HEARTBEAT
            if self._runs_body and is_silent:
                told_at = time.monotonic()
                self._say_alive()
            if not self.stop_requested:
                self.stop_requested = self._is_stopping()
                requested_at = time.monotonic()
            if self.stop_requested and time.monotonic() - requested_at >= self._grace:
                self._end()

    def _is_stopping(self) -> bool:
        try:
            run = Client().zen_store.get_run(UUID(self._execution_id), hydrate=False)
        # A server that is away for a while says nothing about stopping.
        except Exception as error:
            logger.debug("%s", error, exc_info=True)
            return False
        if run.status is RunStatus.FAILED and self._runs_body:
            # Taken for dead, while cut off say: a retry may run it by now.
            os._exit(0)
        return run.status in (RunStatus.STOPPING, RunStatus.STOPPED)

    def _say_alive(self) -> None:
        try:
            platform_jobs.say_alive(self._execution_id)
        except Exception as error:
            logger.debug("%s", error, exc_info=True)

    def _end_execution(self) -> None:
        runs.set_status(self._execution_id, RunStatus.STOPPED, "Cancelled.")
        # Success, or the cluster would start the pod again.
        os._exit(0)
