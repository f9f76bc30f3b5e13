"""What people are to be told, in the journal: noted with what happened, kept until told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from kitaru._core.calls.records import StoredFailure
from kitaru._core.settings.notify import Notify
from kitaru._core.waits import notices
from kitaru._core.waits.notices import Channel, Notice
from kitaru._engine.journal import answers, due
from kitaru._engine.journal.due import Due
from kitaru._engine.journal.journal import Journal
from kitaru.models import PendingWait

# Called when something new is to be told.
listeners: list[Callable[[], None]] = []
# So long a try may take, before another process may make it.
_TRY = timedelta(seconds=90)


def is_new() -> None:
    """Let whoever delivers in this process know that something is to be told."""
    for listener in tuple(listeners):
        listener()


def expect(journal: Journal, wait: PendingWait, target: Notify | None) -> None:
    """Let somebody be told that a wait is open, again and again, and later that it is over."""
    if target is None or target.is_nobody:
        return
    assert wait.exec_id is not None  # waits of an engine know their execution
    payload = notices.opened(wait, target.link)
    ways = notices.channels(target)
    with journal.transaction():
        for way in ways:
            later = Due(
                answers.notice_id(wait.wait_id) + way.mark,
                wait.exec_id,
                answers.LATER,
                datetime.fromtimestamp(answers.NEVER, due.now().tzinfo),
                {**way.to_dict(), "asked": payload},
            )
            if due.put(journal, later):
                _tell(journal, f"{wait.wait_id}.opened", wait.exec_id, way, payload)
        if target.remind is not None:
            body = {
                "ways": [way.to_dict() for way in ways],
                "asked": payload,
                "every": target.remind,
                "told": 0,
            }
            at = due.now() + timedelta(seconds=target.remind)
            remind_id = answers.remind_id(wait.wait_id)
            due.put(journal, Due(remind_id, wait.exec_id, answers.REMIND, at, body))
    is_new()


def ended(
    journal: Journal,
    execution_id: str,
    flow: str,
    target: Notify | None,
    failure: StoredFailure | None = None,
) -> None:
    """Let somebody be told that an execution has completed, or failed.

    In the transaction in which it does, so that it is told of each end once.
    """
    if target is None or target.is_nobody:
        return
    payload = notices.ended(execution_id, flow, failure, target.link)
    notice_id = f"{execution_id}.{payload['type']}.{due.now().timestamp()}"
    with journal.transaction():
        for way in notices.channels(target):
            _tell(journal, notice_id, execution_id, way, payload)
    is_new()


def _tell(
    journal: Journal,
    notice_id: str,
    execution_id: str,
    way: Channel,
    payload: Mapping[str, Any],
) -> None:
    body = {**way.to_dict(), "payload": payload, "attempts": 0}
    kind = answers.kind_of(way.url)
    due.put(journal, Due(notice_id + way.mark, execution_id, kind, due.now(), body))


class JournalNotices:
    """What is still to be told, of executions of this machine."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def take(self, *, alerts: bool = False) -> list[Notice]:
        """Return what is to be told now; nobody else tries it for a while."""
        self._remind()
        moment, kind = due.now(), answers.ALERT if alerts else answers.NOTICE
        return [
            _notice(one)
            for one in due.until(self._journal, moment, kind=kind)
            if due.put_off(self._journal, one.due_id, seen=one.at, until=moment + _TRY)
        ]

    def has_alerts(self) -> bool:
        """Whether the alerter of the stack is to be told something now."""
        return bool(due.until(self._journal, due.now(), kind=answers.ALERT))

    def _remind(self) -> None:
        """Let those be reminded whose questions are open for long."""
        for one in due.until(self._journal, due.now(), kind=answers.REMIND):
            number = one.body["told"] + 1
            if number > notices.MOST_REMINDERS or self._is_over(one.execution_id):
                due.take(self._journal, one.due_id)
                continue
            every = timedelta(seconds=one.body["every"])
            with self._journal.transaction() as db:
                again = due.now() + every
                if not due.put_off(self._journal, one.due_id, seen=one.at, until=again):
                    # Answered meanwhile, or another process reminds.
                    continue
                db.execute(
                    "UPDATE due SET body = ? WHERE due_id = ?",
                    (json.dumps({**one.body, "told": number}), one.due_id),
                )
                payload = notices.reminded(one.body["asked"], number)
                for way in map(Channel.from_dict, one.body["ways"]):
                    notice_id = f"{one.due_id}.{number}"
                    _tell(self._journal, notice_id, one.execution_id, way, payload)

    def _is_over(self, execution_id: str) -> bool:
        """Whether an execution has ended, whose questions need no answer then."""
        noted = self._journal.execution(execution_id)
        has_ended = noted is not None and (noted.result or noted.failure)
        return bool(has_ended) or self._journal.cancel_requested(execution_id)

    def told(self, notice: Notice) -> None:
        """Note that somebody was told."""
        due.take(self._journal, notice.notice_id)

    def failed(self, notice: Notice, problem: str) -> None:
        """Note that a try failed; another one comes later."""
        attempts = notice.attempts + 1
        body = {
            **notice.channel.to_dict(),
            "payload": dict(notice.payload),
            "attempts": attempts,
            "problem": problem,
        }
        again = due.now() + notices.pause_after(attempts)
        with self._journal.transaction() as db:
            db.execute(
                "UPDATE due SET body = ?, at = ? WHERE due_id = ?",
                (json.dumps(body), again.timestamp(), notice.notice_id),
            )

    def open(self) -> list[Notice]:
        """Return what was tried and not told so far."""
        by = due.now() + _TRY + notices.pause_after(99)
        found = [
            one
            for kind in (answers.NOTICE, answers.ALERT)
            for one in due.until(self._journal, by, kind=kind)
        ]
        return [one for one in map(_notice, found) if one.attempts]


def _notice(one: Due) -> Notice:
    body = one.body
    return Notice(
        notice_id=one.due_id,
        execution_id=one.execution_id,
        channel=Channel.from_dict(body),
        payload=body["payload"],
        attempts=body["attempts"],
        problem=body.get("problem"),
    )
