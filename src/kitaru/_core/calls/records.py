"""What is remembered of an execution: one record per checkpoint call.

These are the durable facts; `kitaru.models` holds what users see of them.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from kitaru._core.calls.names import artifact_id
from kitaru.errors import KitaruBackendError
from kitaru.models import Usage

OUTPUT = "output"
# A field that nobody knows is damage, or a fact of a later version.
_KNOWN_FIELDS_ONLY = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class StoredValue:
    """A serialised value: its bytes inline, or the place that holds them.

    As JSON it has no bytes; they are kept beside it. `file_name` is the name of a saved file.
    """

    __pydantic_config__ = _KNOWN_FIELDS_ONLY

    serializer: str
    type_name: str
    content_hash: str
    size: int
    payload: Annotated[bytes | None, Field(exclude=True)] = None
    uri: str | None = None
    file_name: str | None = None


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """A named value of an execution."""

    __pydantic_config__ = _KNOWN_FIELDS_ONLY

    artifact_id: str
    name: str
    save_type: str
    value: StoredValue
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredFailure:
    """An exception, kept so that it can be shown and, if possible, raised again."""

    __pydantic_config__ = _KNOWN_FIELDS_ONLY

    message: str
    exception_type: str
    traceback: str
    origin: str
    pickled: str | None = None


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One try of a checkpoint call."""

    __pydantic_config__ = _KNOWN_FIELDS_ONLY

    number: int
    status: Literal["completed", "failed", "cancelled"]
    started_at: datetime
    ended_at: datetime
    failure: StoredFailure | None = None


@dataclass(frozen=True, slots=True)
class CallRecord:
    """The outcome of one checkpoint call.

    `order` counts all calls of the execution as they were asked for. `position` counts
    those the flow body made one after the other; concurrent calls and calls with an id
    given by the user have none. A cancelled one was given up before it had an outcome: it
    has neither output nor failure. `caught` says that the flow went on after the failure.
    `after` names the calls it followed, if no argument says whose results it was given.
    `original` is the call id whose result was reused, `output_id` the artifact id of
    that result; results of the execution's own have a derived one. `usage` is what all
    attempts spent, those before a retry of the execution included.
    """

    __pydantic_config__ = _KNOWN_FIELDS_ONLY

    execution_id: str
    invocation_id: str
    name: str
    status: Literal["completed", "failed", "cancelled"]
    started_at: datetime
    ended_at: datetime
    order: int = 0
    position: int | None = None
    attempts: tuple[AttemptRecord, ...] = ()
    output: StoredValue | None = None
    failure: StoredFailure | None = None
    caught: bool = False
    fingerprint: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    checkpoint_type: str | None = None
    code_hash: str | None = None
    parents: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    artifacts: tuple[StoredArtifact, ...] = ()
    reused: bool = False
    overridden: bool = False
    original: str | None = None
    output_id: str | None = None
    cache_key: str | None = None
    usage: Usage | None = None

    @property
    def artifact_id(self) -> str:
        """The artifact id of the result."""
        return self.output_id or artifact_id(
            self.execution_id, self.invocation_id, OUTPUT
        )

    @property
    def values(self) -> tuple[StoredValue, ...]:
        """All stored values of the call: saved artifacts first, the output last."""
        saved = tuple(artifact.value for artifact in self.artifacts)
        return saved if self.output is None else (*saved, self.output)


def upstream(
    parents: Iterable[str], after: Iterable[str], shown: Container[str]
) -> list[str]:
    """Return the calls behind which a call is shown, out of those that are.

    Args:
        parents: The calls whose results it was given.
        after: The calls it followed, where no result says so.
        shown: The calls that are shown.
    """
    return [name for name in (*parents, *after) if name in shown]


@cache
def _adapter() -> TypeAdapter[CallRecord]:
    return TypeAdapter(CallRecord)


def to_json(record: CallRecord) -> str:
    """Return the record as JSON, without the bytes of its values."""
    try:
        return _adapter().dump_json(record, exclude_defaults=True).decode()
    except PydanticSerializationError:
        # Text with lone surrogates, such as a file name that is not UTF-8.
        tree = _adapter().dump_python(record, mode="json", exclude_defaults=True)
        return json.dumps(tree, ensure_ascii=False).encode(errors="replace").decode()


def from_json(text: str | bytes) -> CallRecord:
    """Return the record written by `to_json`.

    Raises:
        KitaruBackendError: If it is none, or has a field that this version does not know.
    """
    try:
        return _adapter().validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise KitaruBackendError(
            f"what is recorded of a call cannot be read ({where}: {first['msg']}); it is "
            "damaged, or a newer Kitaru has written it"
        ) from None


def with_payloads(record: CallRecord, payloads: list[bytes | None]) -> CallRecord:
    """Return the record with the bytes of its values, in the order of `values`."""
    artifacts = tuple(
        replace(artifact, value=replace(artifact.value, payload=payload))
        for artifact, payload in zip(record.artifacts, payloads, strict=False)
    )
    output = record.output
    if output is not None:
        output = replace(output, payload=payloads[len(artifacts)])
    return replace(record, artifacts=artifacts, output=output)


def as_caught(record: CallRecord) -> CallRecord:
    """Return the record of a failure that the flow went on after."""
    return replace(record, caught=True)
