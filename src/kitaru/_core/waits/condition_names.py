"""How waits are called among ZenML's wait conditions.

Stores hold these names for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kitaru._core.flows.metadata_keys import ANSWER_KEY
from kitaru._core.waits.terms import Terms

# Names are unique in ZenML: the mark of a question that is asked again.
AGAIN = "~"
# Metadata of a wait: how many checkpoint calls the flow had made before it.
CALLS_BEFORE = "kitaru_calls_before"
# Likewise: what kind of wait it is, when it is over by itself, and what then.
TERMS = "kitaru_terms"


def base_name(name: str) -> str:
    """Return the name of a wait without the mark of a question asked again."""
    return name.partition(AGAIN)[0]


def users_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a wait that its flow gave."""
    return {
        name: value
        for name, value in metadata.items()
        if name not in (CALLS_BEFORE, TERMS) and not name.startswith(ANSWER_KEY)
    }


def own_metadata(calls_before: int, terms: Terms) -> dict[str, Any]:
    """Return what Kitaru keeps with a wait."""
    own: dict[str, Any] = {CALLS_BEFORE: calls_before}
    # What is as ever needs no words, and older versions showed none.
    return own if terms == Terms() else {**own, TERMS: terms.to_dict()}


def terms_in(metadata: Mapping[str, Any]) -> Terms:
    """Return the terms that were noted with a wait."""
    return Terms.from_dict(metadata.get(TERMS))
