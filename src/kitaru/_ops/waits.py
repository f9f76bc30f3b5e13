"""Answer waits, or give them up."""

from __future__ import annotations

from collections.abc import Sequence

from kitaru._core.waits import answers as rules
from kitaru._core.waits.terms import foremost
from kitaru._core.words.similar import did_you_mean
from kitaru._core.words.wording import moment
from kitaru._engine.open import current_engine
from kitaru._engine.runners import delivery
from kitaru._ops.executions import resolve
from kitaru.errors import KitaruStateError, KitaruUsageError
from kitaru.models import Continuation, ExecutionStatus, PendingWait


def pending(execution_id: str | None = None) -> list[PendingWait]:
    """Return open waits, of one execution or of all."""
    return current_engine().pending_waits(
        resolve(execution_id) if execution_id else None
    )


def find(execution_id: str, name: str | None = None) -> PendingWait:
    """Return the open wait of an execution, by name or wait id if there are several.

    Raises:
        KitaruStateError: If it waits for nothing.
        KitaruUsageError: If it waits for something else; lists what.
    """
    full_id = resolve(execution_id)
    open_waits = current_engine().pending_waits(full_id)
    if name is None:
        first = foremost(open_waits)
        # A timer is no question: whoever answers the next one does not mean it.
        if first is not None and first.kind != "timer":
            return first
    if not open_waits or name is None:
        raise _nothing_open(full_id, name, open_waits)
    for wait in open_waits:
        if name in (wait.name, wait.wait_id):
            return wait
    names = [wait.name for wait in open_waits]
    raise KitaruUsageError(
        f"execution {full_id} has no open wait {name!r}{did_you_mean(name, names)} "
        f"(open: {', '.join(names)})"
    )


def _nothing_open(
    execution_id: str, name: str | None, timers: Sequence[PendingWait]
) -> KitaruStateError:
    """Return the error about an execution without an open question."""
    for timer in timers:
        return KitaruStateError(
            f"execution {execution_id} asks nothing: it waits for timer {timer.name!r}, "
            f"which is over at {moment(timer.expires_at)}; to end it now, give its name "
            "as that of the wait"
        )
    execution = current_engine().get(execution_id)
    over = [w for w in execution.waits if name in (None, w.name, w.wait_id)]
    if over and over[-1].outcome in ("expired", "default"):
        return KitaruStateError(
            f"execution {execution_id}: wait {over[-1].name!r} is over since "
            f"{moment(over[-1].expires_at)}; nothing was changed"
        )
    status = execution.status
    if status is ExecutionStatus.WAITING:
        return KitaruStateError(
            f"execution {execution_id} was answered a moment ago and is about to go on; "
            "that answer stands"
        )
    wanted = f" for {name!r}" if name else ""
    return KitaruStateError(
        f"execution {execution_id} does not wait{wanted}: it is {status.value}. If the "
        "wait was answered before, that answer stands"
    )


def provide_input(
    execution_id: str,
    *,
    wait: str | None = None,
    value: object = None,
    digest: str | None = None,
    surface: str,
) -> Continuation:
    """Check an answer, store it, and let the execution go on.

    Args:
        execution_id: Execution id or unique prefix.
        wait: Name or id of the wait; the open one by default.
        value: The answer as JSON data.
        digest: That of the wait as it was shown; refused if it is another one by now.
        surface: What the person used; noted with the answer.

    Raises:
        KitaruWaitValidationError: If it does not fit the wait's schema.
        KitaruStateError: If nothing is open, or somebody else was faster.
        KitaruUsageError: If another wait is open.
    """
    return answer(find(execution_id, wait), value, digest=digest, surface=surface)


def answer(
    wait: PendingWait, value: object, *, digest: str | None = None, surface: str
) -> Continuation:
    """Do the same for a wait that was found before."""
    if digest is not None and digest != wait.digest:
        asked = f": {wait.question}" if wait.question else ""
        raise KitaruStateError(
            f"the answer is bound to digest {digest!r}, and wait {wait.name!r} has "
            f"{wait.digest!r} by now; nothing was stored. Look at what is asked{asked}"
        )
    data = rules.checked(wait.name, wait.schema, value)
    engine = current_engine()
    going_on = engine.answer(wait, data, surface=surface)
    delivery.deliver_quietly(engine)
    return going_on


def abort(execution_id: str, *, wait: str, surface: str) -> None:
    """Give up a wait, by name or wait id; its execution is cancelled.

    Raises:
        KitaruStateError: If nothing is open, or somebody else was faster.
        KitaruUsageError: If another wait is open.
    """
    engine = current_engine()
    engine.abort(find(execution_id, wait), surface=surface)
    delivery.deliver_quietly(engine)
