"""Stored values as ZenML artifact versions, and back.

An artifact version is named by Kitaru's artifact id, so registering the same value
twice gives the same version: projecting a row again is safe.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol
from uuid import UUID

from zenml.client import Client
from zenml.config.source import DistributionPackageSource, Source, SourceType
from zenml.enums import ArtifactSaveType, ArtifactType, VisualizationType
from zenml.exceptions import EntityExistsError
from zenml.models import (
    ArtifactVersionRequest,
    ArtifactVersionResponse,
    ArtifactVisualizationRequest,
)

from kitaru import _recorded_names as recorded_names
from kitaru._core.calls.records import StoredValue
from kitaru._engine.port.execution import Values
from kitaru._engine.values import value_files
from kitaru._engine.values.value_files import Unplaced
from kitaru._engine.zenml.recording import local_rows, object_store

_OURS = "kitaru"
_BUILT_IN = "zenml.materializers.built_in_materializer"
# ZenML reads plain JSON by itself, so such artifacts need no Kitaru to be loaded.
_JSON_MATERIALIZERS = {
    "builtins:list": "BuiltInContainerMaterializer",
    "builtins:dict": "BuiltInContainerMaterializer",
}


class KeptValues(Values, Protocol):
    """Values whose files an artifact version can name."""

    def place_all(self, those: Sequence[Unplaced]) -> list[str]:
        """Return the files of values, which are there then: bytes get files, too."""
        ...


def values_of(execution_id: str, *, inline: bool = True) -> KeptValues:
    """Return where the values of an execution are kept: in the active artifact store.

    Args:
        execution_id: The execution, or another name for a folder.
        inline: Whether small values may stay in the journal.
    """
    root = folder_of(execution_id)
    limit = value_files.INLINE_LIMIT if inline else -1
    if object_store.is_local(root):
        return value_files.FileValues(Path(root), inline_limit=limit)
    return object_store.StoreValues(root, inline_limit=limit)


def folder_of(execution_id: str) -> str:
    """Return the folder of an execution in the active artifact store."""
    return f"{Client().active_stack.artifact_store.path}/{_OURS}/{execution_id}"


def fetch(value: StoredValue, *, what: str) -> bytes:
    """Return the checked bytes of a value, wherever they are.

    Raises:
        KitaruRuntimeError: If they are missing or damaged; names what and where.
    """
    return object_store.StoreValues("", inline_limit=-1).get(value, what=what)


def execution_of(version: ArtifactVersionResponse) -> str | None:
    """Return the execution that made a version, `None` if ZenML itself did."""
    if version.producer_pipeline_run_id is not None:
        return str(version.producer_pipeline_run_id)
    # No step made the result of a flow; it lies in the folder of its execution.
    return execution_at(version.uri)


def execution_at(uri: str) -> str | None:
    """Return the execution in whose folder something lies, `None` if in none."""
    _, ours, place = uri.partition(f"/{_OURS}/")
    execution_id = place.partition("/")[0]
    try:
        return str(UUID(execution_id)) if ours else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Unregistered:
    """A stored value, and what an artifact version of it is to be called.

    `owner` and `key` name its file. A `linked` one is a result of another execution: it
    should be an artifact version already.
    """

    value: StoredValue
    artifact_id: str
    name: str
    owner: str
    key: str
    save_type: str = "output"
    manual: bool = False
    linked: bool = False
    tags: tuple[str, ...] = ()


def register(
    those: Sequence[Unregistered],
    *,
    values: KeptValues,
    rows: local_rows.LocalRows | None,
) -> list[tuple[UUID, StoredValue]]:
    """Make artifact versions of stored values, in as few store calls as possible.

    Returns ZenML's id for each, and the value with the place of its file.
    """
    made = _linked([one for one in those if one.linked], rows)
    new = {one.artifact_id: one for one in those if one.artifact_id not in made}
    places = values.place_all(
        [Unplaced(one.value, one.owner, one.key) for one in new.values()]
    )
    files = dict(zip(new, places, strict=True))
    ids = _create([_request(one, files[one.artifact_id]) for one in new.values()], rows)
    for artifact_id, one in new.items():
        made[artifact_id] = (
            ids[artifact_id],
            value_files.at(one.value, files[artifact_id]),
        )
    return [made[one.artifact_id] for one in those]


def _linked(
    those: Sequence[Unregistered], rows: local_rows.LocalRows | None
) -> dict[str, tuple[UUID, StoredValue]]:
    """Return the versions that there are."""
    if not those:
        return {}
    wanted = {one.artifact_id: one.value for one in those}
    found = _versions([*wanted]) if rows is None else rows.versions([*wanted])
    for artifact_id in wanted.keys() - found.keys():
        # ZenML itself made it, or it is gone.
        version = find(artifact_id)
        if version is not None:
            found[artifact_id] = version.id, version.uri
    return {
        artifact_id: (made, _inside(wanted[artifact_id], uri))
        for artifact_id, (made, uri) in found.items()
    }


def _inside(value: StoredValue, uri: str) -> StoredValue:
    return value_files.at(value, f"{uri}/{value_files.file_name(value)}")


def _versions(artifact_ids: Sequence[str]) -> dict[str, tuple[UUID, str]]:
    """Return ids and places of the versions with those Kitaru ids, in one call."""
    page = Client().list_artifact_versions(
        version="oneof:" + json.dumps(list(artifact_ids)),
        size=len(artifact_ids),
        hydrate=False,
    )
    return {version.version: (version.id, version.uri) for version in page.items}


def _create(
    requests: Sequence[ArtifactVersionRequest], rows: local_rows.LocalRows | None
) -> dict[str, UUID]:
    """Make versions, or find them; return ZenML's ids by Kitaru's."""
    ids: dict[str, UUID] = {}
    if rows is not None:
        plain = [request for request in requests if local_rows.is_plain(request)]
        with suppress(local_rows.NotPlainError):
            ids = rows.create_versions(plain)
    left = [request for request in requests if str(request.version) not in ids]
    return ids | _create_by_calls(left)


def _create_by_calls(requests: Sequence[ArtifactVersionRequest]) -> dict[str, UUID]:
    if not requests:
        return {}
    try:
        made = Client().zen_store.batch_create_artifact_versions(list(requests))
    except EntityExistsError:
        return {str(request.version): _create_or_find(request) for request in requests}
    return {version.version: version.id for version in made}


def _create_or_find(request: ArtifactVersionRequest) -> UUID:
    try:
        return Client().zen_store.create_artifact_version(request).id
    except EntityExistsError:
        found = find(str(request.version))
        assert found is not None  # it exists, ZenML has just said so
        return found.id


def _request(one: Unregistered, file: str) -> ArtifactVersionRequest:
    client, value = Client(), one.value
    save_type = ArtifactSaveType.MANUAL if one.manual else ArtifactSaveType.STEP_OUTPUT
    shown: dict[str, Any] = {
        "kitaru_save_type": one.save_type,
        "kitaru_size": value.size,
    }
    return ArtifactVersionRequest(
        artifact_name=one.name,
        version=one.artifact_id,
        has_custom_name=one.manual,
        type=ArtifactType.DATA,
        artifact_store_id=client.active_stack.artifact_store.id,
        uri=file.rpartition("/")[0],
        materializer=_materializer(value),
        data_type=_data_type(value),
        content_hash=value.content_hash,
        save_type=save_type,
        project=client.active_project.id,
        tags=list(one.tags) or None,
        metadata=shown if one.manual else None,
        # What ZenML reads by itself it shows as well.
        visualizations=[
            ArtifactVisualizationRequest(type=VisualizationType.JSON, uri=file)
        ]
        if value.serializer == "json"
        else None,
    )


def find(artifact_id: str) -> ArtifactVersionResponse | None:
    """Return the version with that Kitaru id, or with that ZenML id."""
    page = Client().list_artifact_versions(version=artifact_id, size=1, hydrate=True)
    if page.items:
        return page.items[0]
    try:
        return Client().zen_store.get_artifact_version(UUID(artifact_id))
    except (KeyError, ValueError):
        return None


def stored_value(version: ArtifactVersionResponse) -> StoredValue:
    """Return the description of a version's bytes."""
    names = [
        str(name) for name in object_store.holding(version.uri).listdir(version.uri)
    ]
    (name,) = [name for name in names if name.startswith("data.")]
    return StoredValue(
        serializer=value_files.serializer_of(name),
        type_name=version.data_type.import_path,
        content_hash=version.content_hash or "",
        size=0,
        uri=f"{version.uri}/{PurePosixPath(name).name}",
        file_name=value_files.original_name(name),
    )


def _materializer(value: StoredValue) -> Source:
    if value.serializer == "json":
        attribute = _JSON_MATERIALIZERS.get(value.type_name, "BuiltInMaterializer")
        return Source(module=_BUILT_IN, attribute=attribute, type=SourceType.INTERNAL)
    return DistributionPackageSource(
        **recorded_names.MATERIALIZER._asdict(), package_name="kitaru"
    )


def _data_type(value: StoredValue) -> Source:
    module, _, attribute = value.type_name.partition(":")
    if module == "builtins" and attribute != "NoneType":
        return Source(module=module, attribute=attribute, type=SourceType.BUILTIN)
    if "." in attribute or "<" in attribute or module == "builtins":
        # ZenML can name top-level classes only; our codec keeps the exact type itself.
        return Source(module="builtins", attribute="object", type=SourceType.BUILTIN)
    return Source(module=module, attribute=attribute, type=SourceType.UNKNOWN)
