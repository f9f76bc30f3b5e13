"""Keep the journal from growing for ever: what ZenML has as well need not stay.

Once the journal holds more than it should, outcomes of completed executions go, oldest
first, when another execution completes. Whoever looks at one later finds them in ZenML.
Those of executions that failed, wait or run stay, and so does the newest result of each
`cache=True` key.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace

from kitaru._engine.journal import descriptions, sealing
from kitaru._engine.journal.journal import Journal
from kitaru._engine.settings import limits
from kitaru.errors import KitaruBackendError

SIZE_VARIABLE = "KITARU_JOURNAL_MB"
DEFAULT_SIZE_MB = 64
_SECONDS = 0.2
_CHUNK = 20
# How the description of a value names the execution whose folder it is in.
_OWNERS = re.compile(r"/kitaru/[0-9a-f-]{36}/")
_GOES = (
    "execution_id = ?1 AND (cache_key IS NULL OR EXISTS (SELECT 1 FROM calls AS newer "
    "WHERE newer.cache_key = calls.cache_key AND newer.seq > calls.seq))"
)


def size_limit() -> int:
    """Return how many bytes the journal may hold: KITARU_JOURNAL_MB, or 64 MB.

    Raises:
        KitaruUsageError: If it is no number.
    """
    meaning = "how many megabytes of outcomes the journal may keep"
    megabytes = limits.number(SIZE_VARIABLE, DEFAULT_SIZE_MB, least=0, meaning=meaning)
    return megabytes * 1_000_000


def compact(journal: Journal, limit: int) -> int:
    """Forget outcomes that ZenML has, while there is more than `limit` and a moment left.

    Returns how many executions were compacted.
    """
    done = 0
    over = time.monotonic() + _SECONDS
    while journal.used() > limit and time.monotonic() < over:
        oldest = journal.read(
            f"SELECT seq, execution_id FROM ended WHERE {sealing.intact('ended')} "
            "ORDER BY seq LIMIT ?",
            (_CHUNK,),
        )
        for seq, execution_id in oldest:
            done += _forget(journal, seq, execution_id)
            if journal.used() <= limit or time.monotonic() > over:
                return done
        if not done:
            break
    return done


def _forget(journal: Journal, seq: int, execution_id: str) -> bool:
    """Forget the outcomes of one execution in one commit; return whether they went."""
    with journal.unflushed() as db:
        db.execute("DELETE FROM ended WHERE seq = ?", (seq,))
        is_needed = db.execute(
            "SELECT EXISTS (SELECT 1 FROM calls WHERE execution_id = ?1 AND "
            f"(projected <> 1 OR NOT {sealing.intact('calls')}))"
            " OR EXISTS (SELECT 1 FROM leases WHERE execution_id = ?1)",
            (execution_id,),
        ).fetchone()[0]
        row = db.execute(
            f"SELECT execution_id, body, {sealing.intact('executions')} "
            "FROM executions WHERE execution_id = ?",
            (execution_id,),
        ).fetchone()
        if row is None:
            return False
        if is_needed:
            # Not shown in ZenML yet: its turn comes again.
            db.execute("INSERT INTO ended (execution_id) VALUES (?)", (execution_id,))
            return False
        bodies = db.execute(f"SELECT body FROM calls WHERE {_GOES}", (execution_id,))
        # `kitaru clean` keeps what an execution that stays refers to.
        uses = sorted({name for body in bodies for name in _OWNERS.findall(body[0])})
        try:
            facts = descriptions.read_facts(journal.path, *row)
        except KitaruBackendError:
            # Damaged: it stays, and nothing waits for it.
            return False
        facts = replace(facts, compacted=True, uses=tuple(uses))
        db.execute(f"DELETE FROM calls WHERE {_GOES}", (execution_id,))
        db.execute(
            "UPDATE executions SET body = ? WHERE execution_id = ?",
            (descriptions.written_facts(facts), execution_id),
        )
    return True
