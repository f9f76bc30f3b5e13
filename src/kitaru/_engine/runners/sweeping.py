"""What is said of an execution that somebody had forgotten, and of how it goes on."""

from __future__ import annotations

from collections.abc import Callable

from kitaru._engine.journal.journal import Journal
from kitaru.errors import KitaruError, KitaruStateError
from kitaru.models import Continuation, Reconciled, Remedy, Trouble

HAD_COMPLETED = "it had completed"
_REMEDIES = {
    Trouble.ANSWERED: Remedy.CONTINUE,
    Trouble.RUNNER_DIED: Remedy.FAIL,
    Trouble.GIVEN_UP: Remedy.FAIL,
}
_WOULD = {
    Remedy.CONTINUE: "would be continued",
    Remedy.FAIL: "would be marked failed; retry goes on",
}


def reconciled(
    execution_id: str,
    flow: str | None,
    trouble: Trouble,
    put_right: Callable[[], str | None],
    *,
    dry_run: bool,
    remedy: Remedy | None = None,
) -> Reconciled | None:
    """Put an execution right and say how; `None` if it got on by itself meanwhile.

    Args:
        execution_id: The execution.
        flow: The name of its flow, if that is known.
        trouble: Why it does not get on.
        put_right: Does what helps; returns how, `None` if nothing had to be done.
        dry_run: Only say what would be done.
        remedy: What helps, if not what mostly does.
    """
    remedy = remedy or _REMEDIES[trouble]
    detail: str | None = _WOULD[remedy]
    refused = False
    if not dry_run:
        try:
            detail = put_right()
        except KitaruError as error:
            # Somebody else who is faster is no error.
            refused = not isinstance(error, KitaruStateError)
            detail = f"not done: {error}"
    if detail is None:
        return None
    return Reconciled(
        exec_id=execution_id,
        flow_name=flow or "unknown",
        trouble=trouble,
        remedy=remedy,
        done=not dry_run and not detail.startswith("not done"),
        detail=detail,
        refused=refused,
    )


def told(continuation: Continuation, stack: str | None) -> str:
    """Return how an execution of a stack goes on, for people."""
    return {
        "process": f"process {continuation.pid} goes on",
        "queue": "a process that is busy takes it next",
        "here": "it went on in this process",
        "stack": f"it goes on on stack {stack or 'its stack'}",
    }.get(continuation.how, continuation.how)


def forget_unmade(journal: Journal, execution_id: str, store_id: str) -> None:
    """Forget an execution whose process died before there was a run of it.

    Args:
        journal: The journal, which knows it.
        execution_id: The execution; nobody runs it, and the store has no run of it.
        store_id: That store; a run may be in another one.
    """
    noted = journal.execution(execution_id)
    is_ours = noted is not None and noted.store == store_id
    if is_ours and not journal.calls(execution_id):
        journal.forget(execution_id)
