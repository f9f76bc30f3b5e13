"""Stored values as ZenML artifact versions, and back.

An artifact version is named by Kitaru's artifact id, so registering the same value
twice gives the same version: projecting a row again is safe.
"""

from __future__ import annotations

import base64
from pathlib import Path, PurePosixPath
from typing import Any, Protocol
from uuid import UUID

from zenml.client import Client
from zenml.config.source import DistributionPackageSource, Source, SourceType
from zenml.enums import ArtifactSaveType, ArtifactType
from zenml.exceptions import EntityExistsError
from zenml.models import ArtifactVersionRequest, ArtifactVersionResponse

from kitaru._core.records import StoredValue
from kitaru._engine import blobs
from kitaru._engine.port import Values
from kitaru._engine.zenml import stores

_OURS = "kitaru"
_BUILT_IN = "zenml.materializers.built_in_materializer"
# ZenML reads plain JSON by itself, so such artifacts need no Kitaru to be loaded.
_JSON_MATERIALIZERS = {
    "builtins:list": "BuiltInContainerMaterializer",
    "builtins:dict": "BuiltInContainerMaterializer",
}


class KeptValues(Values, Protocol):
    """Values whose files an artifact version can name."""

    def place(self, value: StoredValue, *, owner: str, name: str) -> str:
        """Return the file of a value, writing inline bytes into one."""
        ...


def values_of(execution_id: str, *, inline: bool = True) -> KeptValues:
    """Return where the values of an execution are kept: in the active artifact store.

    Args:
        execution_id: The execution, or another name for a folder.
        inline: Whether small values may stay in the journal.
    """
    root = f"{Client().active_stack.artifact_store.path}/{_OURS}/{execution_id}"
    limit = blobs.INLINE_LIMIT if inline else -1
    if stores.is_local(root):
        return blobs.FileValues(Path(root), inline_limit=limit)
    return stores.StoreValues(root, inline_limit=limit)


def fetch(value: StoredValue, *, what: str) -> bytes:
    """Return the checked bytes of a value, wherever they are.

    Raises:
        KitaruRuntimeError: If they are missing or damaged; names what and where.
    """
    return stores.StoreValues("", inline_limit=-1).get(value, what=what)


def execution_of(version: ArtifactVersionResponse) -> str | None:
    """Return the execution that made a version, `None` if ZenML itself did."""
    if version.producer_pipeline_run_id is not None:
        return str(version.producer_pipeline_run_id)
    # No step made the result of a flow; it lies in the folder of its execution.
    _, ours, place = version.uri.partition(f"/{_OURS}/")
    execution_id = place.partition("/")[0]
    try:
        return str(UUID(execution_id)) if ours else None
    except ValueError:
        return None


def register(
    value: StoredValue,
    *,
    values: KeptValues,
    artifact_id: str,
    name: str,
    owner: str,
    key: str,
    save_type: str = "output",
    manual: bool = False,
    linked: bool = False,
    tags: tuple[str, ...] = (),
) -> tuple[UUID, StoredValue]:
    """Make an artifact version of a stored value.

    Returns ZenML's id for it, and the value with the place of its file.
    """
    client = Client()
    if linked:
        # A result of another execution: it is an artifact version already.
        found = find(artifact_id)
        if found is not None:
            return found.id, blobs.at(value, f"{found.uri}/{blobs.file_name(value)}")
    file = values.place(value, owner=owner, name=key)
    uri = file.rpartition("/")[0]
    request = ArtifactVersionRequest(
        artifact_name=name,
        version=artifact_id,
        has_custom_name=manual,
        type=ArtifactType.DATA,
        artifact_store_id=client.active_stack.artifact_store.id,
        uri=uri,
        materializer=_materializer(value),
        data_type=_data_type(value),
        content_hash=value.content_hash,
        save_type=ArtifactSaveType.MANUAL if manual else ArtifactSaveType.STEP_OUTPUT,
        project=client.active_project.id,
        tags=list(tags) or None,
        metadata={"kitaru_save_type": save_type, "kitaru_size": value.size}
        if manual
        else None,
    )
    try:
        version_id = client.zen_store.create_artifact_version(request).id
    except EntityExistsError:
        found = find(artifact_id)
        assert found is not None  # it exists, ZenML has just said so
        version_id = found.id
    return version_id, blobs.at(value, file)


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
    names = [str(name) for name in stores.holding(version.uri).listdir(version.uri)]
    (name,) = [name for name in names if name.startswith("data.")]
    return StoredValue(
        serializer=blobs.serializer_of(name),
        type_name=version.data_type.import_path,
        content_hash=version.content_hash or "",
        size=0,
        uri=f"{version.uri}/{PurePosixPath(name).name}",
        file_name=blobs.original_name(name),
    )


def _materializer(value: StoredValue) -> Source:
    if value.serializer == "json":
        attribute = _JSON_MATERIALIZERS.get(value.type_name, "BuiltInMaterializer")
        return Source(module=_BUILT_IN, attribute=attribute, type=SourceType.INTERNAL)
    return DistributionPackageSource(
        module="kitaru._engine.zenml.materializer",
        attribute="KitaruMaterializer",
        package_name="kitaru",
    )


def _data_type(value: StoredValue) -> Source:
    module, _, attribute = value.type_name.partition(":")
    if module == "builtins" and attribute != "NoneType":
        return Source(module=module, attribute=attribute, type=SourceType.BUILTIN)
    if "." in attribute or "<" in attribute or module == "builtins":
        # ZenML can name top-level classes only; our codec keeps the exact type itself.
        return Source(module="builtins", attribute="object", type=SourceType.BUILTIN)
    return Source(module=module, attribute=attribute, type=SourceType.UNKNOWN)


def reference(value: StoredValue) -> dict[str, Any]:
    """Return a stored value as JSON data, with its bytes if it has them inline."""
    payload = value.payload
    return {
        "serializer": value.serializer,
        "type_name": value.type_name,
        "content_hash": value.content_hash,
        "size": value.size,
        "payload": None if payload is None else base64.b64encode(payload).decode(),
        "uri": value.uri,
        "file_name": value.file_name,
    }


def from_reference(data: dict[str, Any]) -> StoredValue:
    """Return the value written by `reference`."""
    payload = data["payload"]
    decoded = None if payload is None else base64.b64decode(payload)
    return StoredValue(**{**data, "payload": decoded})
