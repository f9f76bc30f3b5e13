"""What came of a wait: the answer, who gave it, when, and through what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from kitaru._core.secrecy import masking
from kitaru._core.words.similar import shorten
from kitaru.models import AnsweredWait, PendingWait

TERMINAL, REPLAY, ZENML, CLOCK = "terminal", "replay", "zenml", "clock"
_SHOWN = 80

Outcome = Literal["answered", "aborted", "refused", "expired", "default"]
# How the clock ends a wait: without an answer, or with the one that was set for that.
Over = Literal["expired", "default"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a wait; `by` and `surface` are unknown where nobody noted them."""

    value: object = None
    aborted: bool = False
    by: str | None = None
    surface: str | None = None
    at: datetime | None = None
    over: Over | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON data."""
        outcome = {"aborted": True} if self.aborted else {"value": self.value}
        over = {"over": self.over} if self.over else {}
        return (
            outcome
            | over
            | {
                "by": self.by,
                "surface": self.surface,
                "at": self.at.isoformat() if self.at else None,
            }
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Answer:
        """Return what `to_dict` wrote; older answers say less."""
        at = data.get("at")
        return cls(
            value=data.get("value"),
            aborted=bool(data.get("aborted")),
            by=data.get("by"),
            surface=data.get("surface"),
            at=datetime.fromisoformat(at) if at else None,
            over=data.get("over"),
        )


def given(value: object, *, by: str, surface: str) -> Answer:
    """Return an answer that is given now."""
    return Answer(value, by=by, surface=surface, at=datetime.now(UTC))


def given_up(*, by: str, surface: str) -> Answer:
    """Return the end of a wait that is given up now."""
    return replace(given(None, by=by, surface=surface), aborted=True)


def described(asked: PendingWait, answer: Answer, *, refused: bool) -> AnsweredWait:
    """Return what users see of a wait that is over.

    Args:
        asked: The question as it was asked.
        answer: What came of it.
        refused: Whether the question was asked again after it.
    """
    outcome: Outcome = answer.over or "answered"
    return AnsweredWait(
        **asked.model_dump(by_alias=True),
        answer=shown(answer.value),
        outcome="aborted" if answer.aborted else "refused" if refused else outcome,
        answered_at=answer.at,
        answered_by=answer.by,
        surface=answer.surface,
    )


def for_zenml(answer: Answer) -> dict[str, Any]:
    """Return what people who look in ZenML see of an answer."""
    value = "given up" if answer.aborted else shown(answer.value)
    told = {"answer": value, "by": answer.by, "surface": answer.surface}
    return told | {"over": answer.over} if answer.over else told


def shown(value: Any) -> Any:
    """Return an answer as it may be shown: without secrets."""
    return masking.data(value)


def sentence(name: str, answer: Answer) -> str:
    """Return one line that says how a wait ended, and by whom."""
    who = f" by {answer.by}" if answer.by else ""
    how = f" ({answer.surface})" if answer.surface else ""
    if answer.aborted:
        return f"{name}  given up{who}{how}"
    if answer.over == "expired":
        return f"{name}  over"
    if answer.over == "default":
        return f"{name}  over, answered {short(shown(answer.value))} by default"
    value = shown(answer.value)
    said = "" if value is None else f" {short(value)}"
    return f"{name}  answered{said}{who}{how}"


def short(value: object) -> str:
    """Return an answer as JSON in one line, cut to what fits there."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= _SHOWN else shorten(text, _SHOWN)


def asked_again(question: str | None, problem: str) -> str:
    """Return the question to ask after an answer that was refused."""
    first = (question or "").partition(_REFUSED)[0]
    return f"{first}{_REFUSED}{problem}".lstrip("\n")


_REFUSED = "\nThe last answer was refused: "
