"""Waits of an execution that runs elsewhere: a server must know that a pod watches.

While a pod polls it holds ZenML's lease on the wait, so that a server does not start a
second pod for the answer. Giving the lease up and learning of the answer is one call:
an answer reaches either the pod or the server, never both and never nobody.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

from zenml.client import Client
from zenml.enums import (
    RunWaitConditionLeaseMode,
    RunWaitConditionStatus,
)
from zenml.models import RunWaitConditionLeaseUpdate
from zenml.utils.time_utils import utc_now

from kitaru._core.waits.answered import Answer
from kitaru._engine.port.execution import Question
from kitaru._engine.zenml.pods.turns import PodTurns
from kitaru._engine.zenml.setup.errors import translated
from kitaru._engine.zenml.waits.local_waits import ZenMLBoard
from kitaru.errors import KitaruBackendError
from kitaru.models import PendingWait

logger = logging.getLogger(__name__)

_LEASE = timedelta(seconds=15)
_POLL = 1.0
_SLOWEST_POLL = 4.0
_SLOWER = 1.2


class LeasedBoard(ZenMLBoard):
    """The waits of one execution, watched from a pod."""

    _poller = str(uuid4())

    def accepted(self, wait: PendingWait) -> None:
        """Go on, unless a pod started for this answer does: this one was cut off."""
        self._take_turn()
        super().accepted(wait)

    def take_over(self, question: Question) -> Answer | None:
        answer = super().take_over(question)
        if answer is not None:
            self._take_turn()
        return answer

    def _take_turn(self) -> None:
        turns = PodTurns(self._execution_id)
        if not turns.take():
            turns.leave()

    def poll(
        self, wait: PendingWait, *, timeout: float, idle: Callable[[float], None]
    ) -> Answer | None:
        """Watch the server, less and less often."""
        deadline = time.monotonic() + timeout
        pause = _POLL
        while True:
            over = self._decisions.answer_in_time(wait, self._terms[wait.wait_id])
            if over is not None:
                return over
            left = deadline - time.monotonic()
            mode = (
                RunWaitConditionLeaseMode.REFRESH
                if left > 0
                else RunWaitConditionLeaseMode.FINALIZE
            )
            if self._is_answered(wait, mode):
                return self._look(wait)
            if left <= 0:
                return None
            idle(min(pause, left))
            pause = min(pause * _SLOWER, _SLOWEST_POLL)

    def open(self, question: Question) -> PendingWait:
        """Ask, and watch it from the first moment on."""
        wait = super().open(question)
        with translated(f"watching wait {wait.name!r}"):
            self._lease(UUID(wait.wait_id), RunWaitConditionLeaseMode.REFRESH)
        return wait

    def _is_answered(self, wait: PendingWait, mode: RunWaitConditionLeaseMode) -> bool:
        try:
            with translated(f"looking for an answer to wait {wait.name!r}"):
                status = self._lease(UUID(wait.wait_id), mode)
        except KitaruBackendError as error:
            # A server that is away for a while must not end a wait of days.
            logger.debug("%s", error, exc_info=True)
            return False
        return status != RunWaitConditionStatus.PENDING

    def _lease(
        self, wait_id: UUID, mode: RunWaitConditionLeaseMode
    ) -> RunWaitConditionStatus:
        return Client().zen_store.update_run_wait_condition_lease(
            wait_id,
            lease_update=RunWaitConditionLeaseUpdate(
                poller_instance_id=self._poller,
                poller_lease_expires_at=utc_now() + _LEASE,
                mode=mode,
            ),
        )
