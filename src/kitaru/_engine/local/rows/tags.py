"""Tags of runs and artifacts."""

from __future__ import annotations

import random
from collections.abc import Iterable

from kitaru._engine.local.rows.store_rows import Transaction

# ZenML gives a new tag any of them.
_COLOURS = (
    *("grey", "purple", "red", "green", "yellow", "orange"),
    *("lime", "teal", "turquoise", "magenta", "blue"),
)


def attach(rows: Transaction, names: Iterable[str], resource: str, kind: str) -> None:
    """Tag something, with new tags where there are none of those names."""
    for name in names:
        tag = rows.one("SELECT id FROM tag WHERE name = ?", name) or _made(rows, name)
        query = (
            "SELECT 1 FROM tag_resource "
            "WHERE tag_id = ? AND resource_id = ? AND resource_type = ?"
        )
        if not rows.one(query, tag, resource, kind):
            rows.insert(
                "tag_resource",
                rows.row()
                | {"tag_id": tag, "resource_id": resource, "resource_type": kind},
            )


def detach(rows: Transaction, names: Iterable[str], resource: str) -> None:
    """Take tags from something."""
    for name in names:
        rows.db.execute(
            "DELETE FROM tag_resource WHERE resource_id = ? "
            "AND tag_id = (SELECT id FROM tag WHERE name = ?)",
            (resource, name),
        )


def _made(rows: Transaction, name: str) -> str:
    made = rows.row() | {
        "name": name,
        "user_id": rows.user,
        "color": random.choice(_COLOURS),
        "exclusive": 0,
    }
    rows.insert("tag", made)
    return str(made["id"])
