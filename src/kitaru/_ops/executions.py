"""Look at executions and steer them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

from kitaru._core.calls import selectors, statuses
from kitaru._core.settings import labels, options
from kitaru._core.words import moments, paging
from kitaru._core.words.similar import did_you_mean
from kitaru._engine.open import current_engine
from kitaru._engine.port.engine import ExecutionQuery
from kitaru._ops import notices
from kitaru._ops.settling import does_not_run, needs_someone, until_settled
from kitaru.errors import KitaruUsageError
from kitaru.models import (
    Continuation,
    Execution,
    ExecutionStatus,
    LogEntry,
    Page,
)

CANCEL_GRACE = 10.0
_SOURCES = ("step", "runner", "all")


def get(execution_id: str) -> Execution:
    """Return an execution with its calls, artifacts and open wait."""
    engine = current_engine()
    found = engine.get(resolve(execution_id))
    more = {
        "undelivered": notices.undelivered(found.exec_id),
        "recovery": engine.recoveries.of(found.exec_id),
    }
    return found.model_copy(update=more) if any(more.values()) else found


def resolve(execution_id: str) -> str:
    """Return the full id that a unique prefix means.

    Raises:
        KitaruUsageError: If no execution or several have it.
    """
    given: object = execution_id  # users may pass anything
    wanted = given.strip().lower() if isinstance(given, str) else ""
    if not wanted or not set(wanted) <= set("0123456789abcdef-"):
        raise KitaruUsageError(
            f"{execution_id!r} is not an execution id; ids look like 1b2c3d4e, see them "
            "with: kitaru executions list"
        )
    return current_engine().resolve_id(wanted)


def find(
    *,
    flow: str | None = None,
    status: str | ExecutionStatus | None = None,
    tags: Sequence[str] = (),
    where: Mapping[str, object] | None = None,
    since: object = None,
    failed_in: str | None = None,
    page: int = 1,
    size: int = paging.DEFAULT_SIZE,
    limit: int | None = None,
) -> Page[Execution]:
    """Return one page of executions, newest first.

    Args:
        flow: Of this flow.
        status: With this status.
        tags: With all of these tags.
        where: With all of these attributes, or what `log()` noted in the flow body.
        since: Begun then or later: a span such as `2d`, or a moment with its time zone.
        failed_in: Failed, and in this checkpoint or invocation id.
        page: Which page.
        size: Executions on a page.
        limit: Means page 1 of that size.

    Raises:
        KitaruUsageError: For a filter that means nothing, or an impossible page.
    """
    page, size = paging.window(page=page, size=size, limit=limit)
    wanted = query(
        flow=flow,
        status=status,
        tags=tags,
        where=where,
        since=since,
        failed_in=failed_in,
    )
    return current_engine().find(replace(wanted, page=page, size=size))


def query(
    *,
    flow: str | None = None,
    status: str | ExecutionStatus | None = None,
    tags: Sequence[str] = (),
    where: Mapping[str, object] | None = None,
    since: object = None,
    failed_in: str | None = None,
) -> ExecutionQuery:
    """Return the first page of what is asked for; see `find`."""
    options.check({"tags": tags, "attributes": where}, options.LABELS, "the filter")
    with_status = _status(status)
    if failed_in is not None:
        if with_status not in (None, ExecutionStatus.FAILED):
            raise KitaruUsageError(
                f"failed_in {failed_in!r} asks for failed executions, status for "
                f"{with_status} ones; there can be none"
            )
        with_status = ExecutionStatus.FAILED
    return ExecutionQuery(
        flow=flow,
        status=with_status,
        tags=tuple(tags),
        where=tuple(
            (name, labels.wanted_text(value)) for name, value in (where or {}).items()
        ),
        since=None
        if since is None
        # Stores count whole seconds.
        else moments.moment(since, now=datetime.now(UTC), option="since").replace(
            microsecond=0
        ),
        failed_in=failed_in,
    )


def latest(
    *, flow: str | None = None, status: str | ExecutionStatus | None = None
) -> Execution:
    """Return the newest execution.

    Raises:
        KitaruUsageError: If there is none.
    """
    items = find(flow=flow, status=status, size=1).items
    if not items:
        what = f" of flow {flow!r}" if flow else ""
        what += f" with status {_status(status)}" if status else ""
        raise KitaruUsageError(f"there is no execution{what} yet")
    return get(items[0].exec_id)


def logs(
    execution_id: str,
    *,
    checkpoint: str | None = None,
    source: str = "all",
    limit: int | None = None,
    follow: bool = False,
) -> Iterator[LogEntry]:
    """Yield log entries, oldest first.

    Args:
        execution_id: Execution id or unique prefix.
        checkpoint: Only this invocation id, or all calls of this checkpoint.
        source: `step` (inside checkpoints), `runner` (around them) or `all`.
        limit: Only the last so many entries; with `follow`, the first.
        follow: Go on until the execution ends.

    Raises:
        KitaruUsageError: For an unknown source or checkpoint, or a negative limit.
    """
    if source not in _SOURCES:
        raise KitaruUsageError(
            f"log source {source!r}: use one of {', '.join(_SOURCES)}"
        )
    if limit is not None and limit < 0:
        raise KitaruUsageError(f"limit {limit} is negative")
    full_id = resolve(execution_id)
    wanted = _calls_named(full_id, checkpoint) if checkpoint else None
    entries = (
        entry
        for entry in current_engine().logs(full_id, follow=follow)
        if (source in ("all", entry.source))
        and (wanted is None or entry.checkpoint in wanted)
    )
    if limit is None:
        return entries
    return islice(entries, limit) if follow else iter(deque(entries, maxlen=limit))


def retry(execution_id: str) -> Continuation:
    """Let a failed execution go on.

    Raises:
        KitaruStateError: If it has not failed.
    """
    full_id = resolve(execution_id)
    status = current_engine().get(full_id).status
    statuses.check_retry(full_id, status)
    return current_engine().continue_execution(full_id, seen=status)


def resume(execution_id: str) -> Continuation:
    """Let an answered execution go on that does not by itself.

    One that has completed is left as it is.

    Raises:
        KitaruStateError: If its wait is open, or it does not wait.
    """
    full_id = resolve(execution_id)
    engine = current_engine()
    waits = engine.pending_waits(full_id)
    # Looking at it with `get` would let it go on, and leave nothing to resume.
    status = engine.stored_status(full_id)
    statuses.check_resume(full_id, status, waits[0].name if waits else None)
    if status is ExecutionStatus.COMPLETED:
        return Continuation(how="completed")
    return engine.continue_execution(full_id, seen=status)


def cancel(
    execution_id: str, *, surface: str, grace: float = CANCEL_GRACE
) -> Execution:
    """Stop an execution and return it.

    A waiting one stops at once, a running one at its next checkpoint; its process is
    ended by force after `grace` seconds.

    Raises:
        KitaruStateError: If it has ended already.
    """
    full_id = resolve(execution_id)
    engine = current_engine()
    # Looking with `get` lets one go on that queues, or whose answer nobody has taken.
    status = engine.stored_status(full_id)
    if status.is_finished:
        status = engine.get(full_id).status
    statuses.check_cancel(full_id, status)
    engine.cancel(full_id, grace=grace, surface=surface)
    return engine.get(full_id)


def settled(execution_id: str) -> Execution:
    """Return the execution once it is finished or waits."""
    return until_settled(resolve(execution_id), does_not_run)


def followed(execution_id: str, tell: Callable[[LogEntry], object]) -> Execution:
    """Return the execution once it has ended or waits for an answer.

    Args:
        execution_id: Execution id or unique prefix.
        tell: Given each entry of its log until then, oldest first.
    """
    full_id, told = resolve(execution_id), 0

    def tell_new(*_: object) -> None:
        nonlocal told
        entries = current_engine().logs(full_id, follow=False)
        for entry in islice(entries, told, None):
            tell(entry)
            told += 1

    found = until_settled(full_id, needs_someone, progress=tell_new)
    tell_new()
    return found


def _calls_named(execution_id: str, checkpoint: str) -> set[str]:
    calls = current_engine().get(execution_id).checkpoints
    known = {name for call in calls for name in (call.name, call.invocation_id)}
    meant = selectors.without_first(checkpoint, known)
    is_first = meant != checkpoint
    found = {
        call.invocation_id
        for call in calls
        if meant in (call.invocation_id, call.call_id)
        or (meant == call.name and not is_first)
    }
    if not found:
        ids = [call.invocation_id for call in calls]
        raise KitaruUsageError(
            f"execution {execution_id} has no checkpoint {checkpoint!r}"
            f"{did_you_mean(checkpoint, ids)}"
        )
    return found


def _status(status: str | ExecutionStatus | None) -> ExecutionStatus | None:
    if status is None:
        return None
    try:
        return ExecutionStatus(status)
    except ValueError:
        known = [known.value for known in ExecutionStatus]
        raise KitaruUsageError(
            f"status {status!r} is not known; use one of {', '.join(known)}"
        ) from None
