"""Links to one question each, which whoever has one may answer."""

from __future__ import annotations

from kitaru._engine.settings import links
from kitaru._engine.settings.links import Meant
from kitaru._ops import inbox
from kitaru._ops.inbox import Question
from kitaru.errors import KitaruStateError, KitaruUsageError


def make(execution_id: str, wait: str) -> str:
    """Return the token of a link to an open question; only its hash is stored.

    Raises:
        KitaruStateError: If the question is not open.
    """
    question = inbox.question(execution_id, wait)
    if not question.is_open:
        raise KitaruStateError(
            f"execution {question.exec_id} does not ask {question.wait.name!r} any more"
        )
    return links.make(Meant(question.exec_id, question.wait.wait_id))


def question(token: str) -> Question:
    """Return the question that a link opens, open or answered.

    Raises:
        KitaruUsageError: If there is no such link.
    """
    meant = links.read(token)
    if meant is None:
        raise KitaruUsageError("this link opens no question, or is too old")
    return inbox.question(*meant)
