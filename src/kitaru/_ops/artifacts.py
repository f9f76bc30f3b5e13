"""Look at stored values."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Literal

from pydantic_core import to_jsonable_python

from kitaru._engine.open import current_engine
from kitaru._ops.executions import resolve
from kitaru.errors import KitaruUsageError
from kitaru.models import ArtifactRef

MAX_SHOWN = 64 * 2**20


def find(
    execution_id: str,
    *,
    name: str | None = None,
    kind: str | None = None,
    producing_call: str | None = None,
    limit: int | None = None,
) -> list[ArtifactRef]:
    """Return artifacts of an execution, in the order of its calls.

    Args:
        execution_id: Execution id or unique prefix.
        name: Only artifacts of this name.
        kind: Only this serializer (`json`, …) or save type (`prompt`, …).
        producing_call: Only artifacts of this call id.
        limit: At most so many.

    Raises:
        KitaruUsageError: For an unknown execution or a negative limit.
    """
    if limit is not None and limit < 0:
        raise KitaruUsageError(f"limit {limit} is negative")
    found = [
        ref
        for ref in current_engine().artifacts(resolve(execution_id))
        if (name is None or ref.name == name)
        and (kind is None or kind in (ref.kind, ref.save_type))
        and (producing_call is None or ref.producing_call == producing_call)
    ]
    return found[:limit]


def get(artifact_id: str) -> ArtifactRef:
    """Return one artifact.

    Raises:
        KitaruUsageError: If there is none of that id.
    """
    return current_engine().artifact(artifact_id)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of a value as text, and the value as JSON data if that is all of it.

    Bytes have no JSON form: their text is base64.
    """

    artifact: ArtifactRef
    text: str
    text_format: Literal["json", "text", "base64"]
    total: int
    value: object = None
    is_whole: bool = False


def read(artifact_id: str, *, offset: int, length: int) -> Excerpt:
    """Return a part of an artifact's value: the text it is, or its JSON.

    Raises:
        KitaruUsageError: If there is none of that id, or it is too long to be shown.
        KitaruRuntimeError: If the stored bytes are missing or damaged.
    """
    artifact = get(artifact_id)
    size = artifact.metadata.get("size", 0)
    if size > MAX_SHOWN:
        raise KitaruUsageError(
            f"artifact {artifact_id} has {size} bytes, too many to be shown; load it in "
            f"Python: KitaruClient().artifacts.get({artifact_id!r}).load()"
        )
    loaded = artifact.load()
    text, text_format = _as_text(loaded)
    is_whole = offset == 0 and len(text) <= length
    return Excerpt(
        artifact=artifact,
        text=text[offset : offset + length],
        text_format=text_format,
        total=len(text),
        value=_as_json(loaded) if is_whole and text_format != "base64" else None,
        is_whole=is_whole,
    )


def _as_text(value: object) -> tuple[str, Literal["json", "text", "base64"]]:
    if isinstance(value, str):
        return value, "text"
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode(), "base64"
    return json.dumps(_as_json(value), ensure_ascii=False), "json"


def _as_json(value: object) -> object:
    """Return JSON data for any value, with `repr` for what has no JSON form."""
    try:
        return to_jsonable_python(
            value, fallback=repr, bytes_mode="base64", inf_nan_mode="strings"
        )
    # Circular references, and objects whose own methods raise.
    except Exception:  # noqa: BLE001
        return repr(value)
