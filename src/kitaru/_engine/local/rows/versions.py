"""Stored values as rows of artifacts and their versions.

An artifact version is named by Kitaru's artifact id: what is there already is found.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kitaru import _recorded_names as recorded_names
from kitaru._core.calls.records import StoredValue
from kitaru._engine.local.rows import notes, tags
from kitaru._engine.local.rows.store_rows import Transaction, stored_id

_BUILT_IN = "zenml.materializers.built_in_materializer"
# ZenML reads plain JSON by itself, so such artifacts need no Kitaru to be loaded.
_JSON_MATERIALIZERS = {
    "builtins:list": "BuiltInContainerMaterializer",
    "builtins:dict": "BuiltInContainerMaterializer",
}


@dataclass(frozen=True, slots=True)
class Unregistered:
    """A stored value with its file, and what an artifact version of it is to be called.

    `save_type` is given for one that the user has named.
    """

    value: StoredValue
    artifact_id: str
    name: str
    save_type: str | None = None
    tags: tuple[str, ...] = ()


def known(rows: Transaction, artifact_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return id and folder of the versions that there are, by Kitaru's ids."""
    places = ", ".join("?" * len(artifact_ids))
    query = f"SELECT version, id, uri FROM artifact_version WHERE version IN ({places})"
    found = rows.all(query, artifact_ids)
    return {version: (own_id, uri) for version, own_id, uri in found}


def register(rows: Transaction, one: Unregistered, *, store: str) -> str:
    """Return the id of the artifact version of a value, which is made if need be.

    Args:
        rows: What is being written.
        one: The value; it names its file.
        store: Id of the artifact store that the file is in.
    """
    artifact = _artifact(rows, one.name, chosen=one.save_type is not None)
    query = "SELECT id FROM artifact_version WHERE version = ? AND artifact_id = ?"
    found: str | None = rows.one(query, one.artifact_id, artifact)
    if found is not None:
        return found
    value = one.value
    assert value.uri is not None  # it was placed
    made = rows.row() | {
        "version": one.artifact_id,
        "type": "DataArtifact",
        "uri": value.uri.rpartition("/")[0],
        "materializer": _compact(materializer(value)),
        "data_type": _compact(data_type(value)),
        "save_type": "step_output" if one.save_type is None else "manual",
        "content_hash": value.content_hash,
        "artifact_id": artifact,
        "artifact_store_id": stored_id(store),
        "user_id": rows.user,
        "project_id": rows.project,
    }
    rows.insert("artifact_version", made)
    version = str(made["id"])
    if value.serializer == "json":
        # What ZenML reads by itself it shows as well.
        preview = {"type": "json", "uri": value.uri, "artifact_version_id": version}
        rows.insert("artifact_visualization", rows.row() | preview)
    if one.save_type is not None:
        shown = {"kitaru_save_type": one.save_type, "kitaru_size": value.size}
        notes.attach(rows, shown, (version, "artifact_version"))
    tags.attach(rows, one.tags, version, "artifact_version")
    return version


def _artifact(rows: Transaction, name: str, *, chosen: bool) -> str:
    found = rows.all(
        "SELECT id, has_custom_name FROM artifact WHERE name = ? AND project_id = ?",
        (name, rows.project),
    )
    if found:
        if chosen and not found[0][1]:
            rows.db.execute(
                "UPDATE artifact SET has_custom_name = 1 WHERE id = ?", (found[0][0],)
            )
        return str(found[0][0])
    made = rows.row() | {
        "name": name,
        "has_custom_name": int(chosen),
        "project_id": rows.project,
        "user_id": rows.user,
    }
    rows.insert("artifact", made)
    return str(made["id"])


def materializer(value: StoredValue) -> dict[str, Any]:
    """Return what ZenML is to read a value with."""
    if value.serializer == "json":
        attribute = _JSON_MATERIALIZERS.get(value.type_name, "BuiltInMaterializer")
        return {"module": _BUILT_IN, "attribute": attribute, "type": "internal"}
    return recorded_names.MATERIALIZER._asdict() | {
        "type": "distribution_package",
        "package_name": "kitaru",
        "version": None,
    }


def data_type(value: StoredValue) -> dict[str, Any]:
    """Return the class of a value, as far as ZenML can name it."""
    module, _, attribute = value.type_name.partition(":")
    if module == "builtins" and attribute != "NoneType":
        return {"module": module, "attribute": attribute, "type": "builtin"}
    if "." in attribute or "<" in attribute or module == "builtins":
        # ZenML can name top-level classes only; our codec keeps the exact type itself.
        return {"module": "builtins", "attribute": "object", "type": "builtin"}
    return {"module": module, "attribute": attribute, "type": "unknown"}


def _compact(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
