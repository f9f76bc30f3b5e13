"""Deployed versions, read from the file of ZenML's store."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from uuid import UUID

from kitaru._core.versions.records import Version

_VERSIONS = """
SELECT s.id, p.name, s.name, s.pipeline_configuration, k.name, s.created, s.updated
FROM pipeline_snapshot s JOIN pipeline p ON p.id = s.pipeline_id
LEFT JOIN stack k ON k.id = s.stack_id
WHERE s.project_id = ?1 AND s.name IS NOT NULL AND (?2 IS NULL OR p.name = ?2)
ORDER BY s.created, s.id"""
_TAGS = """
SELECT t.name FROM tag_resource x JOIN tag t ON t.id = x.tag_id
WHERE x.resource_id = ? AND x.resource_type = 'pipeline_snapshot'"""


def versions(
    db: sqlite3.Connection, project_id: str, flow: str | None
) -> list[Version]:
    """Return the versions of a flow or of all flows, oldest first."""
    found = []
    for one, name, version, configuration, stack, created, updated in db.execute(
        _VERSIONS, (UUID(project_id).hex, flow)
    ):
        data = json.loads(configuration).get("extra", {}).get("kitaru")
        read = Version.of(
            data,
            flow=name,
            name=version,
            tags=[tag for (tag,) in db.execute(_TAGS, (one,))],
            deployment_id=str(UUID(one)),
            stack=stack,
            created_at=_moment(created),
            updated_at=_moment(updated),
        )
        if read is not None:
            found.append(read)
    return found


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
