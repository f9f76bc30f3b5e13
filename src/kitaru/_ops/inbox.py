"""Questions to people, with what they need to know of the executions that ask."""

from __future__ import annotations

from kitaru._core.waits.terms import foremost
from kitaru._engine.open import current_engine, engine_in_use
from kitaru._engine.port.engine import ExecutionQuery
from kitaru._engine.settings import folders
from kitaru._ops import executions
from kitaru.errors import KitaruUsageError
from kitaru.models import (
    AnsweredWait,
    Execution,
    ExecutionStatus,
    PendingWait,
    Record,
)

# Of so many executions at most, the newest ones, what was answered is looked for.
LOOKED_AT = 50
_MOST = 500


class Question(Record):
    """A question, and the execution that asks or asked it.

    Attributes:
        wait: The question; an answered one has its answer.
        exec_id: The execution.
        flow_name: Its flow.
        status: Where it stands.
    """

    wait: PendingWait | AnsweredWait
    exec_id: str
    flow_name: str
    status: ExecutionStatus

    @property
    def is_open(self) -> bool:
        """Whether it can be answered."""
        return isinstance(self.wait, PendingWait)


def is_empty() -> bool:
    """Whether nothing has ever run here; then looking would make a store."""
    return engine_in_use() is None and not folders.is_set_up()


def open_questions() -> list[Question]:
    """Return what waits for people, the oldest first; timers wait for nobody."""
    if is_empty():
        return []
    found = [w for w in current_engine().pending_waits(None) if w.kind != "timer"]
    if not found:
        return []
    known = {execution.exec_id: execution for execution in _unfinished()}
    asked = []
    for wait in found:
        execution = known.get(wait.exec_id or "")
        if execution is not None:
            asked.append(_question(execution, wait))
    return sorted(asked, key=_since)


def answered_questions(*, limit: int) -> list[Question]:
    """Return what was answered or given up, the newest first.

    Only the newest executions are looked at, `LOOKED_AT` of them.
    """
    if is_empty():
        return []
    query = ExecutionQuery(size=LOOKED_AT)
    found: list[tuple[float, Question]] = []
    for listed in current_engine().find(query).items:
        execution = current_engine().get(listed.exec_id)
        found += [
            (wait.answered_at.timestamp(), _question(execution, wait))
            for wait in execution.waits
            if wait.answered_at is not None and wait.kind != "timer"
        ]
    found.sort(key=lambda pair: pair[0], reverse=True)
    return [question for _, question in found[:limit]]


def question(execution_id: str, wait: str) -> Question:
    """Return a question by the name or id of its wait, open or answered.

    Raises:
        KitaruUsageError: If the execution has no such wait.
    """
    execution = executions.get(execution_id)
    every: list[PendingWait | AnsweredWait] = [
        *execution.waits,
        *execution.pending_waits,
    ]
    asked = [one for one in every if wait in (one.wait_id, one.name)]
    if not asked:
        raise KitaruUsageError(
            f"execution {execution.exec_id} has no question {wait!r}"
        )
    return _question(execution, asked[-1])


def foremost_of(execution: Execution) -> PendingWait | None:
    """Return the open question of an execution that people are to hear of first."""
    return foremost(execution.pending_waits)


def _unfinished() -> list[Execution]:
    """Return executions that may ask something, without their calls."""
    engine = current_engine()
    return [
        execution
        for status in (ExecutionStatus.WAITING, ExecutionStatus.RUNNING)
        for execution in engine.find(ExecutionQuery(status=status, size=_MOST)).items
    ]


def _question(execution: Execution, wait: PendingWait | AnsweredWait) -> Question:
    return Question(
        wait=wait,
        exec_id=execution.exec_id,
        flow_name=execution.flow_name,
        status=execution.status,
    )


def _since(question: Question) -> float:
    at = question.wait.entered_waiting_at
    return at.timestamp() if at else 0.0
