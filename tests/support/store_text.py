"""A local ZenML store as text in which nothing differs from one store to the next."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

_ID = re.compile(r"'([0-9a-f]{32})'")
_MOMENT = re.compile(r"'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}'")
# A hash of the empty password has another salt each time.
_PASSWORD = re.compile(r"'\$2b\$12\$[./0-9A-Za-z]{53}'")


def described(database: Path) -> str:
    """Return the statements that make a store, with marks for what is its own."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as db:
        (store,) = db.execute("SELECT id FROM server_settings").fetchone()
        statements = list(_ordered(db.iterdump()))
    text = "\n".join(statements).replace(f"'{store}'", "'@store@'") + "\n"
    ids: dict[str, str] = {}
    text = _ID.sub(lambda m: ids.setdefault(m[1], f"'@id{len(ids)}@'"), text)
    text = _PASSWORD.sub("'@password@'", text)
    return _numbered(text)


def _ordered(statements: Iterable[str]) -> Iterator[str]:
    """Sort what comes in any order: the indexes of a table."""
    indexes = []
    for statement in statements:
        if statement.startswith(("CREATE INDEX", "CREATE UNIQUE INDEX", "COMMIT")):
            indexes.append(statement)
        else:
            yield statement
    yield from sorted(indexes, key=lambda one: (one == "COMMIT;", one))


def _numbered(text: str) -> str:
    """Give each moment a number, so that what came later has a higher one."""
    parts = _MOMENT.split(text)
    marks = [f"'@moment{number}@'" for number in range(len(parts) - 1)]
    return "".join(p for pair in zip(parts, [*marks, ""], strict=True) for p in pair)
