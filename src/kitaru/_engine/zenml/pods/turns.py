"""Let one pod at a time go on with an execution, whoever started how many.

A turn begins with an answer or a retry. Which one it is can be read from the server,
and never comes again: how many waits are answered, how many retries were asked for. The
pod that is the first to create the tag of that name has the turn; ZenML's database keeps
names of tags unique. Every other pod ends itself before it runs anything of the flow.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

from zenml.client import Client
from zenml.enums import ExecutionStatus as RunStatus
from zenml.enums import MetadataResourceTypes
from zenml.exceptions import EntityExistsError
from zenml.models import PipelineRunResponse, TagFilter, TagRequest

from kitaru._core.flows.metadata_keys import RETRIES_KEY, TURN_KEY
from kitaru._engine.output.streams import say
from kitaru._engine.zenml.recording import step_writer
from kitaru._engine.zenml.runs import runs
from kitaru._engine.zenml.setup.errors import translated
from kitaru._engine.zenml.waits import conditions

logger = logging.getLogger(__name__)

FIRST = "0-0"
_PREFIX = "kitaru-turn-"
_ID_LENGTH = 36
_MOST = 500
# The first pod notes its name right after it has the turn; others wait that long.
_NOTED_WITHIN = 10.0
_LOOK_AGAIN = 0.5


class PodTurns:
    """The turns of one execution, as one pod sees them."""

    def __init__(self, execution_id: str) -> None:
        self._execution_id = execution_id
        self._holder = _job()

    def take(self) -> bool:
        """Whether this pod, or an earlier one of its job, goes on from here."""
        with translated(f"taking a turn of execution {self._execution_id}"):
            run = _run(self._execution_id)
            turn, before = current(run), _noted(run)
            if before == {"turn": turn, "holder": self._holder}:
                return True
            try:
                Client().zen_store.create_tag(
                    TagRequest(name=_tag(self._execution_id, turn))
                )
            except EntityExistsError:
                return self._is_ours(turn)
            now = _run(self._execution_id)
            if now.status.is_finished or current(now) != turn:
                # It went on since: this turn is over, and its tag was deleted before.
                _delete(_tag(self._execution_id, turn))
                return False
            noted = {"turn": turn, "holder": self._holder}
            step_writer.write_metadata(
                UUID(self._execution_id),
                MetadataResourceTypes.PIPELINE_RUN,
                {TURN_KEY: noted},
            )
        if before is not None and before["turn"] != turn:
            _delete(_tag(self._execution_id, before["turn"]))
        return True

    def leave(self) -> None:
        """End this pod: the execution belongs to another one."""
        say("Another pod goes on with this execution; this one ends.")
        with suppress(Exception):
            # ZenML's runner has marked it as running.
            if conditions.open_conditions(self._execution_id):
                runs.set_status(
                    self._execution_id, RunStatus.PAUSED, "Waiting for input."
                )
        # Success, or the cluster would start the pod again.
        os._exit(0)

    def _is_ours(self, turn: str) -> bool:
        """Whether an earlier pod of this job has taken the turn."""
        deadline = time.monotonic() + _NOTED_WITHIN
        while True:
            noted = _noted(_run(self._execution_id))
            if noted is not None and noted["turn"] == turn:
                return bool(noted["holder"] == self._holder)
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_AGAIN)

    def forget(self) -> None:
        """Delete the tag, if the execution has ended: nobody can take that turn."""
        with suppress(Exception):
            run = _run(self._execution_id)
            noted = _noted(run)
            if noted is not None and run.status.is_finished:
                _delete(_tag(self._execution_id, noted["turn"]))


def current(run: PipelineRunResponse) -> str:
    """Return the turn that an execution is at."""
    retries = run.run_metadata.get(RETRIES_KEY, 0)
    return f"{conditions.count_answered(str(run.id))}-{retries}"


def ask_for_retry(run: PipelineRunResponse) -> None:
    """Begin a new turn; asked twice of the same failure it is the same one."""
    asked: Any = run.run_metadata.get(RETRIES_KEY, 0)
    step_writer.write_metadata(
        run.id, MetadataResourceTypes.PIPELINE_RUN, {RETRIES_KEY: asked + 1}
    )


def forget_ended() -> None:
    """Delete the tags of executions that have ended or are gone."""
    wanted = TagFilter(name=f"startswith:{_PREFIX}", size=_MOST)
    for tag in Client().zen_store.list_tags(wanted).items:
        execution_id = tag.name.removeprefix(_PREFIX)[:_ID_LENGTH]
        try:
            ended = _run(execution_id).status.is_finished
        except KeyError:
            ended = True
        if ended:
            _delete(tag.name)


def _tag(execution_id: str, turn: str) -> str:
    return f"{_PREFIX}{execution_id}-{turn}"


def _delete(name: str) -> None:
    with suppress(KeyError):
        Client().delete_tag(name)


def _run(execution_id: str) -> PipelineRunResponse:
    return Client().zen_store.get_run(UUID(execution_id))


def _noted(run: PipelineRunResponse) -> dict[str, Any] | None:
    noted: Any = run.run_metadata.get(TURN_KEY)
    return noted if isinstance(noted, dict) and "turn" in noted else None


def _job() -> str:
    """Return the job that this pod belongs to: the platform starts its pods again."""
    try:
        return str(Client().active_stack.orchestrator.get_orchestrator_run_id())
    # Then a pod that is started again is taken for a stranger, and ends itself.
    except Exception as error:
        logger.debug("the job of this pod has no name: %s", error, exc_info=True)
        return str(uuid4())
