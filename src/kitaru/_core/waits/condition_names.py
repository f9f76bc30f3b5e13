"""How waits are called among ZenML's wait conditions.

Stores hold these names for ever.
"""

from __future__ import annotations

# Names are unique in ZenML: the mark of a question that is asked again.
AGAIN = "~"
# Metadata of a wait: how many checkpoint calls the flow had made before it.
CALLS_BEFORE = "kitaru_calls_before"


def base_name(name: str) -> str:
    """Return the name of a wait without the mark of a question asked again."""
    return name.partition(AGAIN)[0]
