"""The flow `essay` of this file: as an execution began it, and as it is later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import kitaru
from kitaru import checkpoint, flow
from kitaru._ops import rehearsals
from kitaru.flows import Flow

HERE = Path(__file__)
ran: list[str] = []


@checkpoint
def gather(topic: str) -> list[str]:
    ran.append("gather")
    return [topic] * 3


@checkpoint
def draft(notes: list[str]) -> str:
    ran.append("draft")
    if "broken" in notes:
        raise ConnectionError("no route")
    return " ".join(notes)


def deployed(body: Callable[..., Any]) -> Flow[..., Any]:
    """The flow `essay` of this file, as its newest code has it."""
    body.__name__ = body.__qualname__ = "essay"
    return flow(body)


def as_it_was() -> Flow[..., Any]:
    def essay(topic: str) -> str:
        text = draft(gather(topic))
        return text if kitaru.wait(schema=bool, name="ok", timeout=0) else "dropped"

    return deployed(essay)


def problem_of(exec_id: str) -> str | None:
    ran.clear()
    (found,) = [one for one in rehearsals.check([HERE]) if one.exec_id == exec_id]
    assert found.breaks == (found.problem is not None)
    assert ran == []
    return found.problem


def other_order(topic: str) -> str:
    return draft([topic])


def other_arguments(topic: str) -> str:
    return draft(gather(topic.upper()))


def without_draft(topic: str) -> str:
    gather(topic)
    return "done"


def without_the_question(topic: str) -> str:
    return draft(gather(topic))


def other_inputs(subject: str) -> str:
    return draft(gather(subject))


def raises(topic: str) -> str:
    gather(topic)
    raise LookupError("not any more")


def more(topic: str) -> str:
    draft(gather(topic))
    return draft(["more"])
