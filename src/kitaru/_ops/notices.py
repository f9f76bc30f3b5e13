"""What people were to be told and were not, so far."""

from __future__ import annotations

from kitaru._core.secrecy import masking
from kitaru._engine.open import current_engine
from kitaru.models import Undelivered


def undelivered(execution_id: str | None = None) -> tuple[Undelivered, ...]:
    """Return what was tried in vain so far, of one execution or of all."""
    return tuple(
        Undelivered(
            exec_id=one.execution_id,
            event=str(one.payload.get("type")),
            webhook=masking.text(one.channel.name),
            attempts=one.attempts,
            problem=one.problem or "",
        )
        for one in current_engine().notices.open()
        if execution_id in (None, one.execution_id)
    )
