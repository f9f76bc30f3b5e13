"""Whether something has changed since somebody looked."""

from __future__ import annotations

import hashlib
import json

from kitaru._engine.open import current_engine
from kitaru._engine.port.engine import ExecutionQuery
from kitaru._ops import executions, inbox


def fingerprint(execution_id: str | None = None) -> str:
    """Return a text that is another one when an execution, or any, has changed.

    Looking finds executions whose process has died; that is a change, too.
    """
    if inbox.is_empty():
        return ""
    facts = _of_all() if execution_id is None else _of_one(execution_id)
    text = json.dumps(facts, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _of_all() -> list[object]:
    engine = current_engine()
    page = engine.find(ExecutionQuery())
    waits = engine.pending_waits(None)
    listed = [(one.exec_id, one.status.value) for one in page.items]
    return [page.total, listed, [wait.wait_id for wait in waits]]


def _of_one(execution_id: str) -> list[object]:
    found = executions.get(execution_id)
    calls = [
        (call.invocation_id, call.status, len(call.attempts))
        for call in found.checkpoints
    ]
    asked = [wait.wait_id for wait in (*found.waits, *found.pending_waits)]
    return [found.status.value, found.ended_at, calls, asked]
