"""Stored values for people who look at them: no code of theirs runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from kitaru._core.secrecy import masking
from kitaru._core.values import plain_data
from kitaru._core.values.tagging import UntaggableError
from kitaru._engine.open import current_engine
from kitaru._ops import executions
from kitaru.errors import KitaruUsageError
from kitaru.models import ArtifactRef

# Larger ones are loaded in Python.
MOST_BYTES = 64 * 2**20
Form = Literal["data", "text", "image", "opaque"]
_HARMLESS = ("json", "text", "bytes")
_LOOKED_AT = 4096
_IMAGES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


@dataclass(frozen=True, slots=True)
class Look:
    """A stored value as far as it can be seen without running code.

    Attributes:
        artifact: What it is.
        form: `data` (JSON), `text`, `image`, or `opaque`: what only its classes can
            read, such as a pickle.
        value: The JSON data or the text, secrets masked.
        content: The bytes of an image.
        media_type: The kind of image.
    """

    artifact: ArtifactRef
    form: Form
    value: Any = None
    content: bytes = b""
    media_type: str = ""


def look(execution_id: str, artifact_id: str) -> Look:
    """Return what can be seen of a value that an execution kept.

    Raises:
        KitaruUsageError: If the execution has no such artifact, or it is too long.
        KitaruRuntimeError: If the stored bytes are missing or damaged.
    """
    execution = executions.get(execution_id)
    kept = [one for call in execution.checkpoints for one in call.artifacts]
    for artifact in (*kept, *execution.artifacts):
        if artifact.artifact_id == artifact_id:
            return _seen(execution.exec_id, artifact)
    raise KitaruUsageError(
        f"execution {execution.exec_id} has no artifact {artifact_id!r}"
    )


def _seen(execution_id: str, artifact: ArtifactRef) -> Look:
    size = artifact.metadata.get("size", 0)
    if size > MOST_BYTES:
        raise KitaruUsageError(
            f"artifact {artifact.artifact_id} has {size} bytes, too many to be shown; "
            f"load it in Python: KitaruClient().artifacts.get({artifact.artifact_id!r})"
            ".load()"
        )
    if artifact.name == "result" and artifact.producing_call is None:
        return _as_data(artifact, executions.get(execution_id).result)
    if artifact.kind in _HARMLESS:
        # Nothing of these names a class.
        loaded = current_engine().artifact(artifact.artifact_id).load()
        if isinstance(loaded, bytes):
            return _of_bytes(artifact, loaded)
        return _as_data(artifact, masking.data(loaded))
    if artifact.kind not in ("tagged", "file"):
        return Look(artifact, "opaque")
    found = current_engine().value(execution_id, artifact.name, trust=False)
    if found.value.content_hash != artifact.metadata.get("hash"):
        # Something else was kept under the same name.
        return Look(artifact, "opaque")
    if artifact.kind == "file":
        return _of_bytes(artifact, found.data)
    try:
        value = plain_data.of(found.value.serializer, found.data)
    except UntaggableError:
        return Look(artifact, "opaque")
    return _as_data(artifact, masking.data(value))


def _as_data(artifact: ArtifactRef, value: Any) -> Look:
    return Look(artifact, "text" if isinstance(value, str) else "data", value)


def _of_bytes(artifact: ArtifactRef, content: bytes) -> Look:
    for start, media_type in _IMAGES.items():
        if content.startswith(start):
            return Look(artifact, "image", content=content, media_type=media_type)
    if b"\x00" in content[:_LOOKED_AT]:
        return Look(artifact, "opaque")
    try:
        return Look(artifact, "text", masking.text(content.decode()))
    except UnicodeDecodeError:
        return Look(artifact, "opaque")
