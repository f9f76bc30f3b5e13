"""Isolated checkpoints on a remote stack: each body in a pod of its own.

ZenML submits the pod, as for a step of its own. Request and reply are objects in the
artifact store, so they outlive both pods: the reply is there before ZenML is told that
the step has ended, and a flow body that starts again finds the pod that still runs, or
what it has left.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from zenml.client import Client
from zenml.config.step_configurations import Step
from zenml.enums import ExecutionStatus as StepStatus
from zenml.exceptions import IllegalOperationError
from zenml.execution.pipeline.dynamic.run_context import DynamicPipelineRunContext
from zenml.models import ExceptionInfo, StepRunResponse, StepRunUpdate
from zenml.orchestrators.step_launcher import StepLauncher

from kitaru._core.flows.signals import Cancelled
from kitaru._core.values.tagging import anything
from kitaru._engine.isolation import request as isolation_request
from kitaru._engine.isolation.request import Reply
from kitaru._engine.port.execution import IsolatedCall
from kitaru._engine.session import timeouts
from kitaru._engine.values import value_files
from kitaru._engine.zenml.pods import resources as pod_resources
from kitaru._engine.zenml.recording import artifact_versions, object_store
from kitaru._engine.zenml.recording.step_configurations import Launching
from kitaru._engine.zenml.recording.step_writer import StepWriter
from kitaru._engine.zenml.setup.errors import translated
from kitaru.errors import KitaruRuntimeError

logger = logging.getLogger(__name__)

_TICK = 0.5
# Seconds between looks at a pod: often at first, seldom when it runs for long.
_SOONEST, _LATEST, _SLOWER = 0.5, 5.0, 1.5
# A pod counts as lost after so many seconds without a doubt: ZenML says the same of a
# platform that cannot be asked, and of a pod that ends because somebody cancels.
_SURE = 5.0
_LOST = "it left no result"


@dataclass(frozen=True, slots=True)
class Pod:
    """The pod of one attempt: its step run, and where request and reply are."""

    invocation_id: str
    step_id: UUID
    place: str


class IsolatedPods:
    """Runs the isolated checkpoints of one execution, from its flow's pod."""

    def __init__(
        self,
        context: DynamicPipelineRunContext,
        *,
        writer: StepWriter,
        values: artifact_versions.KeptValues,
        cancelled: Callable[[], bool],
        warn: Callable[[str], None],
    ) -> None:
        self._context = context
        self._execution_id = str(context.run.id)
        self._orchestrator = context.runner.orchestrator
        self._writer = writer
        self._values = values
        self._cancelled = cancelled
        self._warn = warn
        self._left = {
            invocation_id: Pod(invocation_id, step_id, place)
            for invocation_id, (step_id, place) in writer.left_behind().items()
        }
        self._places: dict[str, list[str]] = {}

    def run(self, call: IsolatedCall) -> Any:
        """Run a body in a pod of its own and return its value.

        A pod that an earlier turn at the execution has left is waited for instead.

        Raises:
            KitaruUsageError: If function or arguments cannot be sent.
            KitaruRuntimeError: If the pod ended without a result.
            KitaruBackendError: If the platform takes no pod.
            TimeoutError: If it took longer than the checkpoint's timeout; it was ended.
            Cancelled: If the execution is being cancelled; the pod was ended.
            Exception: Whatever the body raised.
        """
        timeout = call.spec.timeout
        reply = None
        left = self._left.pop(call.running.invocation_id, None)
        if left is not None:
            self._remember(left.invocation_id, left.place)
            reply = self._outcome(left, timeout)
        if reply is None:
            pod = self._launch(call)
            reply = self._outcome(pod, timeout)
            if reply is None:
                raise self._lost(pod)
        isolation_request.outcome(reply, call.running)
        assert reply.output is not None  # a body that did not fail has a stored result
        what = f"the result of checkpoint {call.running.invocation_id!r}"
        data = self._values.get(reply.output, what=what)
        return value_files.load(reply.output, data, anything)

    def forget(self, invocation_id: str) -> None:
        """Delete requests and replies of a call that is recorded or cancelled now.

        A request holds the arguments of the call, which may be nobody else's business.
        """
        for place in self._places.pop(invocation_id, []):
            # What stays is in nobody's way.
            with suppress(Exception):
                object_store.holding(place).rmtree(place)

    def _remember(self, invocation_id: str, place: str) -> None:
        self._places.setdefault(invocation_id, []).append(place)

    # -- one pod -------------------------------------------------------------

    def _launch(self, call: IsolatedCall) -> Pod:
        invocation_id = call.running.invocation_id
        request = isolation_request.pack(call)
        place = (
            f"{artifact_versions.folder_of(self._execution_id)}/isolated/{uuid4().hex}"
        )
        self._remember(invocation_id, place)
        object_store.write(_request(place), request)
        launching = Launching(
            self._context.snapshot, self._orchestrator.id, place, self._settings(call)
        )
        with translated(f"starting a pod for checkpoint {invocation_id!r}"):
            step_run = self._writer.write_launching(call.started, launching)
            pod = Pod(invocation_id, step_run.id, place)
            try:
                self._start(step_run)
            except Exception as error:
                self._give_up(pod, StepStatus.FAILED, str(error))
                raise
        return pod

    def _start(self, step_run: StepRunResponse) -> None:
        """Let ZenML start the pod, as for a step that it runs itself."""
        config = step_run.config
        launcher = StepLauncher(
            snapshot=self._context.snapshot,
            step=Step(spec=step_run.spec, config=config, step_config_overrides=config),
            orchestrator_run_id=self._context.runner.orchestrator_run_id,
            wait=False,
        )
        launcher._run_step(
            pipeline_run=self._context.run,
            step_run=step_run,
            force_write_logs=lambda: None,
        )

    def _settings(self, call: IsolatedCall) -> dict[str, Any]:
        resources = call.spec.resources
        if resources is None:
            return {}
        if not pod_resources.are_heeded(self._orchestrator):
            self._warn(
                f"{call.running.invocation_id}: {type(self._orchestrator).__name__} takes "
                "no resources= of a checkpoint; choose the machine in the stack's settings"
            )
        return pod_resources.of(resources, self._orchestrator)

    def _outcome(self, pod: Pod, timeout: float | None) -> Reply | None:
        """Wait until a pod has ended and return its reply, `None` if it left none."""
        self._await_end(pod, timeout)
        reply = read_reply(pod.place)
        if reply is None:
            # Nothing of it may run beside the next attempt.
            self._stop(pod)
            self._end(pod, StepStatus.FAILED, _LOST)
        ok = reply is not None and reply.failure is None
        self._writer.pod_ended(pod.invocation_id, pod.step_id, ok=ok)
        return reply

    def _await_end(self, pod: Pod, timeout: float | None) -> None:
        pause = _SOONEST
        begun: float | None = None
        gone: float | None = None
        while True:
            step = self._look(pod)
            if step is not None and step.status.is_finished:
                return
            if step is not None and step.status is StepStatus.RUNNING:
                # From then on its time counts, not while the platform looks for room.
                begun = begun or time.monotonic()
            if step is None or not self._is_gone(step):
                gone = None
            elif gone is None:
                gone = time.monotonic()
            elif time.monotonic() - gone > _SURE:
                return
            left = None
            if timeout is not None and begun is not None:
                left = begun + timeout - time.monotonic()
                if left <= 0:
                    self._give_up(pod, StepStatus.FAILED, "It took too long.")
                    raise timeouts.overdue(f"checkpoint {pod.invocation_id!r}", timeout)
            self._pause(pod, pause if left is None else min(pause, left))
            pause = min(pause * _SLOWER, _LATEST)

    def _pause(self, pod: Pod, seconds: float) -> None:
        until = time.monotonic() + seconds
        while True:
            if self._cancelled():
                self._give_up(pod, StepStatus.STOPPED, "Cancelled.")
                self.forget(pod.invocation_id)
                raise Cancelled
            rest = until - time.monotonic()
            if rest <= 0:
                return
            time.sleep(min(rest, _TICK))

    def _look(self, pod: Pod) -> StepRunResponse | None:
        try:
            return Client().zen_store.get_run_step(pod.step_id)
        # A server that is away for a while must not end a pod that runs for hours.
        except Exception as error:
            logger.debug("%s", error, exc_info=True)
            return None

    def _is_gone(self, step: StepRunResponse) -> bool:
        try:
            status = self._orchestrator.get_isolated_step_status(step)
        # Each platform raises errors of its own client library.
        except Exception as error:
            logger.debug("%s", error, exc_info=True)
            return False
        return bool(status.is_finished)

    # -- its end -------------------------------------------------------------

    def _give_up(self, pod: Pod, status: StepStatus, why: str) -> None:
        self._stop(pod)
        self._end(pod, status, why)
        self._writer.pod_ended(pod.invocation_id, pod.step_id, ok=False)

    def _stop(self, pod: Pod) -> None:
        if not self._orchestrator.can_stop_isolated_steps:
            return
        try:
            step = Client().zen_store.get_run_step(pod.step_id)
            self._orchestrator.stop_isolated_step(step)
        # It may have ended meanwhile; each platform says so in another way.
        except Exception as error:
            logger.debug("%s", error, exc_info=True)

    def _end(self, pod: Pod, status: StepStatus, why: str) -> None:
        """Note in ZenML how a step ended whose pod could not."""
        update = StepRunUpdate(
            status=status,
            end_time=datetime.now(UTC),
            exception_info=ExceptionInfo(traceback=why, message=why),
        )
        with translated(f"ending the step of checkpoint {pod.invocation_id!r}"):
            try:
                Client().zen_store.update_run_step(pod.step_id, update)
            # It has ended by itself after all.
            except IllegalOperationError as error:
                logger.debug("%s", error)

    def _lost(self, pod: Pod) -> KitaruRuntimeError:
        with translated(f"reading the step of checkpoint {pod.invocation_id!r}"):
            info = Client().zen_store.get_run_step(pod.step_id).exception_info
        lines = info.traceback.strip().splitlines() if info else []
        return KitaruRuntimeError(
            f"the pod of isolated checkpoint {pod.invocation_id!r} died: "
            f"{lines[-1] if lines else _LOST}; its output is in the log"
        )


def request_of(place: str) -> bytes:
    """Return what the pod of a place is asked to do.

    Raises:
        KitaruRuntimeError: If that is not there (any more).
    """
    data = object_store.read(
        _request(place), what="the request of an isolated checkpoint"
    )
    if data is None:
        raise KitaruRuntimeError(f"there is no request at {place}")
    return data


def read_reply(place: str) -> Reply | None:
    """Return the reply at a place, if there is one."""
    data = object_store.read(_reply(place), what="the reply of an isolated checkpoint")
    return None if data is None else isolation_request.read_reply(data)


def write_reply(place: str, reply: Reply) -> None:
    """Leave a reply; after that no pod runs the body of this place again."""
    object_store.write(_reply(place), isolation_request.dump_reply(reply))


def _request(place: str) -> str:
    return f"{place}/request.pkl"


def _reply(place: str) -> str:
    return f"{place}/reply.pkl"
