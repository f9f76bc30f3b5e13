"""A new local store from the statements that make it, without importing ZenML.

ZenML takes seconds for its tables, the flavors of all its integrations, and a password
hashed on purpose slowly. Each of its versions makes the same, but for ids and moments:
`scripts/store_template.py` has written that down.
"""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from kitaru._engine.disk import private
from kitaru._engine.local.store.compared import COMPARED

# ZenML's default user has the empty password; this is its bcrypt hash, as ZenML makes it.
_PASSWORD = "$2b$12$IN5mK254GOf5YCr7sEHmY.6HrOUIkyBiZ6ksMwb.6ePTM7HLp3pdG"
_MARK = re.compile(r"@(store|password|id|moment)(\d*)@")
# With any of these ZenML makes another store: other names, another password, a server.
_OWN_WAYS = (
    "ZENML_DEFAULT_",
    "ZENML_SERVER",
    "ZENML_STORE_",
    "DISABLE_DATABASE_MIGRATION",
)


def place(version: str) -> Path:
    """Return the place of the statements for a version of ZenML."""
    return Path(__file__).with_name(f"store_{version.replace('.', '_')}.sql")


def is_known(version: str) -> bool:
    """Whether a store made here is the one that this version of ZenML would make."""
    own = any(name.startswith(_OWN_WAYS) for name in os.environ)
    return version in COMPARED and place(version).is_file() and not own


def fill(draft: Path, *, version: str, store_id: UUID, analytics: bool) -> None:
    """Make a store in a new file, which is not flushed.

    Args:
        draft: The file.
        version: Version of ZenML that the store is for; a known one.
        store_id: Id of the store: that of the user in ZenML's configuration.
        analytics: Whether the store says that analytics are welcome.

    Raises:
        OSError: If the disk is full, or refuses.
        sqlite3.Error: The same, where SQLite notices.
    """
    statements = _filled(place(version).read_text(encoding="utf-8"), store_id)
    private.make_file(draft)
    with closing(sqlite3.connect(draft)) as db:
        # A draft that is not whole is of no use to anybody.
        db.execute("PRAGMA journal_mode=OFF")
        db.execute("PRAGMA synchronous=OFF")
        db.executescript(statements)
        if analytics:
            db.execute("UPDATE server_settings SET enable_analytics = 1")
        db.commit()


def _filled(text: str, store_id: UUID) -> str:
    """Put in what is a store's own."""
    ids: dict[str, str] = {}
    begun = datetime.now(UTC).replace(tzinfo=None)

    def value(mark: re.Match[str]) -> str:
        kind, number = mark.groups()
        if kind == "store":
            return store_id.hex
        if kind == "password":
            return _PASSWORD
        if kind == "id":
            return ids.setdefault(number, uuid4().hex)
        # What came later is later still: ZenML sorts by it.
        moment = begun + timedelta(microseconds=int(number))
        return moment.isoformat(sep=" ", timespec="microseconds")

    return _MARK.sub(value, text)
