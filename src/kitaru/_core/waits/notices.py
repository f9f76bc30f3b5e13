"""What is told of waits and ends of executions, and how it is signed for webhooks."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from kitaru._core.calls import failures
from kitaru._core.calls.records import StoredFailure
from kitaru._core.secrecy import masking
from kitaru._core.settings.notify import PATIENCE, Notify
from kitaru._core.waits.answered import Answer, shown
from kitaru._core.words import plain
from kitaru._core.words.wording import short
from kitaru.models import PendingWait

OPENED, REMINDED = "wait.opened", "wait.reminded"
FAILED, COMPLETED = "execution.failed", "execution.completed"
# What tells notices of one event from one another: of a webhook, of the alerter.
MARKS = ("", ".alert")
_SECRET_PREFIX = "whsec_"
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=5), timedelta(hours=1)
# Nobody is reminded for ever.
MOST_REMINDERS = 100


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to somebody.

    Attributes:
        url: A webhook; `None` for the alerter of the active stack.
        secret: The name of the secret that its requests are signed with.
        timeout: Seconds that it may take.
    """

    url: str | None = None
    secret: str | None = None
    timeout: float = PATIENCE

    @property
    def name(self) -> str:
        """What people know it by."""
        return "the alerter" if self.url is None else self.url

    @property
    def mark(self) -> str:
        """What tells it from the other one of the same event."""
        return MARKS[self.url is None]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {"url": self.url, "secret": self.secret, "timeout": self.timeout}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Channel:
        """Return what `to_dict` has written, or an earlier version."""
        return cls(data["url"], data.get("secret"), data.get("timeout", PATIENCE))


def channels(target: Notify) -> list[Channel]:
    """Return the ways to whom is to be told."""
    found = []
    if target.webhook is not None:
        found.append(Channel(target.webhook, target.secret, target.timeout))
    if target.alerter:
        found.append(Channel())
    return found


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell somebody.

    Attributes:
        notice_id: The same in every try: by it a receiver tells a second one.
        execution_id: Of which execution.
        channel: How.
        payload: What, as JSON data.
        attempts: How often that was tried.
        problem: Why the last try failed.
    """

    notice_id: str
    execution_id: str
    channel: Channel
    payload: Mapping[str, Any]
    attempts: int = 0
    problem: str | None = None


def page_of(
    link: str | None, execution_id: str, wait_id: str | None = None
) -> str | None:
    """Return the address of the page of an execution, or of a question of it.

    It is that of `kitaru ui`.

    Args:
        link: What such addresses begin with; `None` if there are no pages.
        execution_id: The execution.
        wait_id: The id of the question.
    """
    if link is None:
        return None
    page = f"{link.rstrip('/')}/executions/{execution_id}"
    return page if wait_id is None else f"{page}/waits/{wait_id}"


def opened(wait: PendingWait, link: str | None = None) -> dict[str, Any]:
    """Return what is told when a question is asked."""
    assert wait.exec_id is not None  # waits of an engine know their execution
    return {
        "type": OPENED,
        "data": {
            **wait.model_dump(mode="json", by_alias=True),
            "page": page_of(link, wait.exec_id, wait.wait_id),
        },
    }


def reminded(asked: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return what is told when it is still open; `asked` was told when it was asked."""
    return {"type": REMINDED, "data": {**asked["data"], "reminder": number}}


def over(asked: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    """Return what is told when it is over; `asked` was told when it was asked."""
    kind = "aborted" if answer.aborted else "expired" if answer.over else "answered"
    return {
        "type": f"wait.{kind}",
        "data": {
            **asked["data"],
            "answer": shown(answer.value),
            "outcome": answer.over or kind,
            "answered_by": answer.by,
            "surface": answer.surface,
            "answered_at": answer.at.isoformat() if answer.at else None,
        },
    }


def ended(
    execution_id: str, flow: str, failure: StoredFailure | None, link: str | None
) -> dict[str, Any]:
    """Return what is told when an execution has completed, or failed."""
    told = None
    if failure is not None:
        info = failures.describe(failure)
        told = {
            "message": info.message,
            "exception_type": info.exception_type,
            "origin": info.origin.value,
        }
    return {
        "type": COMPLETED if failure is None else FAILED,
        "data": {
            "exec_id": execution_id,
            "flow_name": flow,
            "failure": told,
            "page": page_of(link, execution_id),
        },
    }


def text(payload: Mapping[str, Any]) -> str:
    """Return what is told in words, for a chat."""
    data = payload["data"]
    execution = short(data["exec_id"])
    if payload["type"] == COMPLETED:
        said = f"{data['flow_name']} {execution} has completed"
    elif payload["type"] == FAILED:
        said = (
            f"{data['flow_name']} {execution} has failed: {data['failure']['message']}"
        )
    else:
        said = _of_a_wait(payload["type"], data, execution)
    page = data.get("page")
    return plain.line(masking.text(said)) + (f"\n{page}" if page else "")


def _of_a_wait(event: str, data: Mapping[str, Any], execution: str) -> str:
    name, question = data["name"], data.get("question")
    if event in (OPENED, REMINDED):
        still = "still " if event == REMINDED else ""
        asked = f": {question}" if question else ""
        return (
            f"execution {execution} {still}waits for {name!r}{asked} (answer with: "
            f"kitaru executions input {execution})"
        )
    by = f" by {data['answered_by']}" if data.get("answered_by") else ""
    return f"execution {execution}: {name!r} was {data['outcome']}{by}"


def body(notice: Notice, timestamp: int) -> bytes:
    """Return the content of a request; the time is that of the try."""
    return json.dumps({**notice.payload, "timestamp": timestamp}).encode()


def headers(
    notice: Notice, content: bytes, timestamp: int, secret: str | None
) -> dict[str, str]:
    """Return the headers of a request; signed if there is a secret."""
    told = {
        "content-type": "application/json",
        "webhook-id": notice.notice_id,
        "webhook-timestamp": str(timestamp),
    }
    if secret is not None:
        signed = f"{notice.notice_id}.{timestamp}.".encode() + content
        digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
        told["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return told


def _key(secret: str) -> bytes:
    """Return the key that a secret stands for: base64 after `whsec_`, else its text."""
    if secret.startswith(_SECRET_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def pause_after(attempts: int) -> timedelta:
    """Return how long to wait after so many tries that failed: 5 s, 10 s, … one hour."""
    times: int = 2 ** min(attempts - 1, 20)
    return min(_FIRST_PAUSE * times, _LONGEST_PAUSE)
