"""What webhooks are to be told, in the journal: noted with the wait, kept until told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from kitaru._core.flows.specs import Notify
from kitaru._core.waits import notices
from kitaru._core.waits.notices import Notice
from kitaru._engine.journal import answers, due
from kitaru._engine.journal.due import Due
from kitaru._engine.journal.journal import Journal
from kitaru.models import PendingWait

# Called when something new is to be told.
listeners: list[Callable[[], None]] = []
# So long a try may take, before another process may make it.
_TRY = notices.pause_after(4)


def is_new() -> None:
    """Let whoever delivers in this process know that something is to be told."""
    for listener in tuple(listeners):
        listener()


def expect(journal: Journal, wait: PendingWait, target: Notify | None) -> None:
    """Let a webhook be told that a wait is open, and later that it is over."""
    if target is None:
        return
    assert wait.exec_id is not None  # waits of an engine know their execution
    told = {"url": target.webhook, "secret": target.secret}
    payload = notices.opened(wait)
    with journal.transaction():
        later = Due(
            answers.notice_id(wait.wait_id),
            wait.exec_id,
            answers.LATER,
            datetime.fromtimestamp(answers.NEVER, due.now().tzinfo),
            {**told, "asked": payload},
        )
        if due.put(journal, later):
            body = {**told, "payload": payload, "attempts": 0}
            opened = f"{wait.wait_id}.opened"
            due.put(journal, Due(opened, wait.exec_id, answers.NOTICE, due.now(), body))
    is_new()


class JournalNotices:
    """What is still to be told, of executions of this machine."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def take(self) -> list[Notice]:
        """Return what is to be told now; nobody else tries it for a while."""
        moment = due.now()
        return [
            _notice(one)
            for one in due.until(self._journal, moment, kind=answers.NOTICE)
            if due.put_off(self._journal, one.due_id, seen=one.at, until=moment + _TRY)
        ]

    def told(self, notice: Notice) -> None:
        """Note that somebody was told."""
        due.take(self._journal, notice.notice_id)

    def failed(self, notice: Notice, problem: str) -> None:
        """Note that a try failed; another one comes later."""
        attempts = notice.attempts + 1
        body = {
            "url": notice.target.webhook,
            "secret": notice.target.secret,
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
        found = due.until(
            self._journal,
            due.now() + _TRY + notices.pause_after(99),
            kind=answers.NOTICE,
        )
        return [one for one in map(_notice, found) if one.attempts]


def _notice(one: Due) -> Notice:
    body = one.body
    return Notice(
        notice_id=one.due_id,
        execution_id=one.execution_id,
        target=Notify(body["url"], body.get("secret")),
        payload=body["payload"],
        attempts=body["attempts"],
        problem=body.get("problem"),
    )
