"""What the platform of a remote stack says of the jobs of an execution.

A pod says every half minute that it lives. Only where that stopped the platform is
asked, so that nobody pays for looking at executions that do well.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from queue import Empty, SimpleQueue
from typing import Any
from uuid import UUID

from zenml.client import Client
from zenml.enums import ExecutionStatus as RunStatus
from zenml.models import PipelineRunResponse, PipelineRunUpdate
from zenml.stack import Stack

from kitaru._engine.disk import durable_files
from kitaru._engine.settings import folders
from kitaru._engine.zenml.pods import turns
from kitaru._engine.zenml.setup import connectors

logger = logging.getLogger(__name__)

Look = Callable[[PipelineRunResponse], bool]

HEARTBEAT = 30.0
# So long without a sign of life, and the platform is asked.
_SILENCE = timedelta(seconds=90)
# A server may have to build an image before the job of a resumed run begins.
_RESUMING = timedelta(minutes=10)
# How often one machine asks about one execution, if nobody asks for it expressly.
_ASK_EVERY = 60.0
# How long a person waits for a platform that may be out of reach.
_PATIENCE = 10.0
_KUBERNETES = "kubernetes"


def say_alive(execution_id: str) -> None:
    """Note that the pod of an execution lives; changes nothing else."""
    Client().zen_store.update_run(UUID(execution_id), PipelineRunUpdate())


def look(run: PipelineRunResponse, *, patience: float | None = None) -> bool:
    """Whether the platform runs nothing of an execution, and will not.

    Args:
        run: The execution.
        patience: Seconds after which a platform that does not answer is let be.
    """
    if run.status is RunStatus.INITIALIZING or run.stack is None:
        return False
    silence = _silence_that_tells(run, patience)
    return silence is not None and _silence(run) >= silence


def look_now_and_then(run: PipelineRunResponse) -> bool:
    """Do the same for a silent one, at most once a minute, with little patience."""
    if _silence(run) <= _SILENCE or not _is_due(str(run.id)):
        return False
    return look(run, patience=_PATIENCE)


def _silence_that_tells(
    run: PipelineRunResponse, patience: float | None
) -> timedelta | None:
    """Return after which silence it is over, by what the platform says of its jobs.

    `None` if one of them lives, or nobody can tell.
    """
    assert run.stack is not None  # looked at before
    try:
        # What takes its time without asking anybody comes before the clock starts.
        connectors.load_connectors()
        orchestrator = Stack.from_model(run.stack).orchestrator
        ask = _of_first_job
        if orchestrator.flavor == _KUBERNETES:
            import_module("zenml.integrations.kubernetes.kube_utils")
            ask = _of_kubernetes
        return _within(patience, partial(ask, orchestrator, run))
    # Whatever a cloud's library raises, the execution stays as it is.
    except Exception as error:
        logger.debug("no word about execution %s: %s", run.id, error, exc_info=True)
        return None


def _within(
    seconds: float | None, ask: Callable[[], timedelta | None]
) -> timedelta | None:
    """Return the answer, `None` if there is none in time."""
    if seconds is None:
        return ask()
    answers: SimpleQueue[timedelta | None] = SimpleQueue()
    context = copy_context()

    def answer() -> None:
        try:
            answers.put(context.run(ask))
        except Exception as error:
            logger.debug("no word from the platform: %s", error, exc_info=True)
            answers.put(None)

    # A daemon: not waited for when the process ends.
    threading.Thread(target=answer, daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except Empty:
        return None


def _of_kubernetes(orchestrator: Any, run: PipelineRunResponse) -> timedelta | None:
    """Look at all jobs: ZenML's own look may see one of an earlier attempt."""
    from zenml.integrations.kubernetes import kube_utils
    from zenml.integrations.kubernetes.constants import ORCHESTRATOR_ANNOTATION_KEY

    found = kube_utils.list_jobs(
        batch_api=orchestrator._k8s_batch_api,
        namespace=orchestrator.config.kubernetes_namespace,
        label_selector=f"run_id={kube_utils.sanitize_label_value(str(run.id))}",
        api_request_timeout=orchestrator.config.api_request_timeout,
        max_retries=orchestrator.config.max_api_retries,
    )
    jobs = [
        job
        for job in found.items
        if ORCHESTRATOR_ANNOTATION_KEY in (job.metadata.annotations or {})
    ]
    if not all(_has_ended(job) for job in jobs):
        return None
    if run.status is RunStatus.RESUMING:
        # These are jobs of earlier attempts.
        return _RESUMING
    # None at all may mean that we look into another cluster.
    return timedelta.min if jobs else _SILENCE


def _has_ended(job: Any) -> bool:
    conditions = (job.status and job.status.conditions) or []
    return any(
        condition.type in ("Complete", "Failed") and condition.status == "True"
        for condition in conditions
    )


def _of_first_job(orchestrator: Any, run: PipelineRunResponse) -> timedelta | None:
    """Ask as ZenML does: it knows the job of the first attempt only."""
    if turns.current(run) != turns.FIRST:
        return None
    status, _ = orchestrator.fetch_status(run)
    return _SILENCE if status is not None and status.is_finished else None


def _silence(run: PipelineRunResponse) -> timedelta:
    updated = run.updated
    known = updated if updated.tzinfo else updated.replace(tzinfo=UTC)
    return datetime.now(UTC) - known


def _is_due(execution_id: str) -> bool:
    """Whether this machine has not asked for a while; notes that it does now."""
    file = folders.own_folder() / "asked.json"
    moment = time.time()
    try:
        noted = json.loads(file.read_text())
        asked = {key: at for key, at in noted.items() if 0 <= moment - at < _ASK_EVERY}
    except (OSError, ValueError, AttributeError, TypeError):
        asked = {}
    if execution_id in asked:
        return False
    try:
        durable_files.write(file, json.dumps(asked | {execution_id: moment}).encode())
    except OSError as error:
        logger.debug("%s", error)
    return True
