"""Records users see: the same on the client, the CLI and the MCP server.

All of them are frozen. Times are timezone-aware UTC datetimes, ids are strings.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from pydantic import ConfigDict, Field, PrivateAttr

from kitaru.errors import KitaruUsageError
from kitaru.models.base import Record


class ExecutionStatus(StrEnum):
    """Where an execution stands."""

    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen without somebody asking for it."""
        return self not in (ExecutionStatus.RUNNING, ExecutionStatus.WAITING)


class FailureOrigin(StrEnum):
    """Who is to blame for a failure."""

    USER_CODE = "user_code"
    RUNTIME = "runtime"
    BACKEND = "backend"
    DIVERGENCE = "divergence"
    UNKNOWN = "unknown"


class FailureInfo(Record):
    """Why something failed."""

    message: str
    exception_type: str | None = None
    traceback: str | None = None
    origin: FailureOrigin = FailureOrigin.UNKNOWN


class CheckpointAttempt(Record):
    """One try of a checkpoint call; numbers start at 1."""

    number: int
    status: Literal["completed", "failed"]
    started_at: datetime
    ended_at: datetime | None = None
    failure: FailureInfo | None = None


class ArtifactRef(Record):
    """A stored value; `load()` reads it.

    `kind` is how the value is stored (`json`, `tagged`, `text`, `bytes`, `pickle`),
    `save_type` is what the user called it (`output`, `response`, …).
    """

    artifact_id: str
    name: str
    kind: str
    save_type: str = "output"
    producing_call: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    direction: Literal["input", "output"] = "output"

    _load: Callable[[bool], object] | None = PrivateAttr(default=None)

    def __eq__(self, other: object) -> bool:
        # How a record is loaded is no part of what it says.
        return isinstance(other, ArtifactRef) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(self.artifact_id)

    def bind(self, load: Callable[[bool], object]) -> ArtifactRef:
        """Return a copy whose `load()` calls `load` with its `trust`."""
        bound = self.model_copy()
        bound._load = load
        return bound

    def load(self, *, trust: bool = False) -> Any:
        """Return the stored value; for a saved file, a copy that lasts as this process.

        Args:
            trust: Unpickle even what another user stored, which may run their code.

        Raises:
            KitaruUsageError: If the record does not come from a client, or holds
                another user's pickle and `trust` is not given.
            KitaruRuntimeError: If the stored bytes are missing or damaged.
        """
        if self._load is None:
            raise KitaruUsageError(
                f"artifact {self.artifact_id} is not bound to a store; "
                "get it with KitaruClient().artifacts.get(...)"
            )
        return self._load(trust)


class Usage(Record):
    """What requests to language models took.

    `cost` is an estimate from public prices, `None` when the price of no request is
    known. Requests without a known price are counted in `unpriced_requests` and are not
    in `cost`. `cached_tokens` are a part of `input_tokens`.
    """

    requests: int = Field(default=0, ge=0)
    input_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)
    cached_tokens: int = Field(default=0, ge=0)
    cost: Decimal | None = Field(default=None, ge=0)
    currency: Literal["USD"] = "USD"
    unpriced_requests: int = Field(default=0, ge=0)


class ExecutionUsage(Usage):
    """What an execution spent itself; `reused` is what others paid for its results."""

    reused: Usage = Usage(cost=Decimal(0))


class CheckpointCall(Record):
    """One call of a checkpoint in an execution.

    `reused`: its result is another execution's, whose call is `original_call_id`.
    `overridden`: its result was given by whoever started the replay.
    """

    call_id: str
    name: str
    invocation_id: str
    status: Literal["running", "completed", "failed"]
    started_at: datetime | None = None
    ended_at: datetime | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    original_call_id: str | None = None
    parent_call_ids: tuple[str, ...] = ()
    failure: FailureInfo | None = None
    attempts: tuple[CheckpointAttempt, ...] = ()
    artifacts: tuple[ArtifactRef, ...] = ()
    checkpoint_type: str | None = None
    reused: bool = False
    overridden: bool = False
    usage: Usage | None = None


class PendingWait(Record):
    """A question an execution waits for. `question_schema` is JSON schema or `None`."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    wait_id: str
    name: str
    question: str | None = None
    # `schema` would shadow pydantic's own attribute of BaseModel; the alias keeps the
    # public name in JSON and in the constructor, the property keeps it in Python.
    answer_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    metadata: dict[str, Any] = Field(default_factory=dict)
    entered_waiting_at: datetime | None = None
    exec_id: str | None = None

    @property
    def schema(self) -> dict[str, Any] | None:  # type: ignore[override]  # public name
        """The JSON schema of the answer; `None` means a gate that takes no value."""
        return self.answer_schema


class Execution(Record):
    """One execution of a flow. Listings leave `checkpoints`, `artifacts`, `usage` empty."""

    exec_id: str
    flow_id: str | None = None
    flow_name: str
    status: ExecutionStatus
    started_at: datetime | None = None
    ended_at: datetime | None = None
    stack_name: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    status_reason: str | None = None
    failure: FailureInfo | None = None
    pending_wait: PendingWait | None = None
    original_exec_id: str | None = None
    checkpoints: tuple[CheckpointCall, ...] = ()
    artifacts: tuple[ArtifactRef, ...] = ()
    usage: ExecutionUsage | None = None


class ModelAlias(Record):
    """A short name for a language model; `secret` names the secret with its key.

    `source` says where it is registered: in the `settings` of this configuration folder
    or in the `environment` (`KITARU_MODEL_REGISTRY`), which wins.
    """

    alias: str
    model: str
    secret: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    source: Literal["settings", "environment"] = "settings"


class Continuation(Record):
    """How an execution goes on.

    `how` is `runner` (a living process takes the answer), `process` (a new one was
    started), `queue` (a process that is busy takes it next), `here` (it went on in this
    process), `stack` (it was submitted to its remote stack), `server` (the server does
    that), `completed` (it has, and there is nothing to do) or a reason why it does not.
    """

    how: str
    pid: int | None = None
