"""Count what ZenML's store is asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event
from sqlalchemy.engine import Engine


@contextmanager
def statements_of_this_thread() -> Iterator[list[str]]:
    """Collect the SQL that ZenML's store runs in the current thread."""
    mine, found = threading.get_ident(), []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        if threading.get_ident() == mine:
            found.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)
