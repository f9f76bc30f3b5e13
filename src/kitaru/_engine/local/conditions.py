"""Waits as the store and the journal have them together.

The journal says which answer stands; ZenML's dashboard writes into the store alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TypeAlias

from kitaru._core.flows.metadata_keys import ANSWER_KEY
from kitaru._core.waits.answered import ZENML, Answer
from kitaru._core.waits.condition_names import (
    CALLS_BEFORE,
    base_name,
    terms_in,
    users_metadata,
)
from kitaru._engine.journal.journal import Journal
from kitaru._engine.local.store.file import Condition
from kitaru.models import PendingWait

# Waits by the names that the flow gave them, those of a name in their order.
Named: TypeAlias = dict[str, list[Condition]]


def by_name(conditions: Iterable[Condition]) -> Named:
    """Return the waits by name."""
    named: Named = {}
    for condition in conditions:
        named.setdefault(base_name(condition.name), []).append(condition)
    return named


def pending_wait(condition: Condition) -> PendingWait:
    """Return what users see of an open wait."""
    terms = terms_in(condition.metadata)
    return PendingWait(
        wait_id=condition.wait_id,
        name=base_name(condition.name),
        question=condition.question,
        schema=json.loads(condition.schema) if condition.schema else None,
        metadata=users_metadata(condition.metadata),
        entered_waiting_at=condition.created,
        expires_at=terms.expires_at,
        kind=terms.kind,
        exec_id=condition.execution_id,
    )


def answer_of(journal: Journal, wait_id: str) -> Answer | None:
    """Return the answer that the journal has."""
    noted = journal.answer(wait_id)
    return Answer.from_dict(noted) if noted is not None else None


def answer_in(condition: Condition) -> Answer:
    """Return the answer that ZenML has, with what was noted of it."""
    told = condition.metadata.get(ANSWER_KEY + base_name(condition.name))
    if not isinstance(told, dict):
        told = {"by": condition.resolved_by, "surface": ZENML}
    return Answer(
        json.loads(condition.result) if condition.result else None,
        condition.is_aborted,
        by=told.get("by"),
        surface=told.get("surface"),
        at=condition.resolved,
        over=told.get("over"),
    )


def calls_before(condition: Condition) -> float:
    """Return how many calls the flow had made when it came to a wait."""
    noted = condition.metadata.get(CALLS_BEFORE)
    return noted if isinstance(noted, int) else float("inf")
