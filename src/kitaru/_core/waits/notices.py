"""What is told to a webhook of a wait, signed as Standard Webhooks say."""

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
from urllib.parse import urlsplit

from kitaru._core.flows.specs import Notify
from kitaru._core.waits.answered import Answer, shown
from kitaru.errors import KitaruUsageError
from kitaru.models import PendingWait

OPENED = "wait.opened"
_SECRET_PREFIX = "whsec_"
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=5), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell a webhook.

    Attributes:
        notice_id: The same in every try: by it a receiver tells a second one.
        execution_id: Of which execution.
        target: Whom to tell.
        payload: What, as JSON data.
        attempts: How often that was tried.
        problem: Why the last try failed.
    """

    notice_id: str
    execution_id: str
    target: Notify
    payload: Mapping[str, Any]
    attempts: int = 0
    problem: str | None = None


def target(given: object) -> Notify:
    """Return whom to tell, of what users give.

    Raises:
        KitaruUsageError: If that is no webhook.
    """
    data = {"webhook": given} if isinstance(given, str) else given
    if not isinstance(data, Mapping) or not data.keys() <= {"webhook", "secret"}:
        raise KitaruUsageError(
            f"wait(notify={given!r}): give a URL, or {{'webhook': URL, 'secret': NAME}}"
        )
    url, secret = data.get("webhook"), data.get("secret")
    if not isinstance(url, str) or not _is_url(url):
        raise KitaruUsageError(
            f"wait(notify=...): webhook {url!r} is no http or https URL"
        )
    if secret is not None and not (isinstance(secret, str) and secret.strip()):
        raise KitaruUsageError(
            f"wait(notify=...): secret {secret!r} is not the name of a secret"
        )
    return Notify(url, secret)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def opened(wait: PendingWait) -> dict[str, Any]:
    """Return what is told when a question is asked."""
    return {
        "type": OPENED,
        "data": wait.model_dump(mode="json", by_alias=True),
    }


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
