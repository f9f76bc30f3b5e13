"""Records users see: the same on the client, the CLI and the MCP server.

All of them are frozen. Times are timezone-aware UTC datetimes, ids are strings.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import ConfigDict, Field, PrivateAttr

from kitaru.errors import KitaruUsageError
from kitaru.models.base import Record
from kitaru.models.language_models import ExecutionBudget, ExecutionUsage, Usage
from kitaru.models.recovery import Recovery


class ExecutionStatus(StrEnum):
    """Where an execution stands.

    `running`: its body runs, or is about to. `waiting`: a question is open; no process
    need be alive. `completed`: it has a result. `failed`: it can be retried.
    `cancelled`: somebody stopped it, or gave up its wait.
    """

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
    """Who is to blame for a failure.

    `user_code`: the flow or a checkpoint raised. `runtime`: its process died or was
    interrupted, or Kitaru failed. `backend`: store, server or disk refused.
    `divergence`: a rerun took another path than before. `unknown`: nobody noted it.
    """

    USER_CODE = "user_code"
    RUNTIME = "runtime"
    BACKEND = "backend"
    DIVERGENCE = "divergence"
    UNKNOWN = "unknown"


class FailureInfo(Record):
    """Why something failed.

    Attributes:
        message: What the exception said, or what happened; secrets are masked.
        exception_type: Class of the exception with its module; `None` if no exception
            tells of the failure, such as that of a process that died.
        traceback: As Python prints it, secrets masked; `None` without an exception.
        origin: Who is to blame.
    """

    message: str
    exception_type: str | None = None
    traceback: str | None = None
    origin: FailureOrigin = FailureOrigin.UNKNOWN


class CheckpointAttempt(Record):
    """One try of a checkpoint call.

    Attributes:
        number: Which one, from 1.
        status: `completed`, `failed`, or `cancelled` if it was given up.
        started_at: When its body began, in UTC.
        ended_at: When its body ended, in UTC; `None` if nobody noted it.
        failure: Why it failed; `None` if it did not.
    """

    number: int
    status: Literal["completed", "failed", "cancelled"]
    started_at: datetime
    ended_at: datetime | None = None
    failure: FailureInfo | None = None


class ArtifactRef(Record):
    """A stored value; `load()` reads it.

    Attributes:
        artifact_id: Its id; a reused value has that of the execution that made it.
        name: What `save()` called it; a result is named by its invocation id, what the
            flow returned is `result`.
        kind: How it is stored: `json`, `tagged` (JSON with types), `text`, `bytes`,
            `numpy`, `parquet` (a data frame), `pickle`, `file` (a saved file), or
            `zenml` for an artifact that no execution of Kitaru's made.
        save_type: What it is: `prompt`, `response`, `context`, `input`, `output` or
            `blob`, as `save(type=...)` said; results are `output`.
        producing_call: Call id of the checkpoint call that made it; `None` for what a
            flow returned and for artifacts of ZenML's.
        metadata: `type` (class of the value with its module), `size` (bytes stored),
            `hash` (SHA-256 of the bytes, in hex), and `tags` for what `save()` kept.
            For the kind `zenml`: `type` and `uri`.
        direction: `output` for what an execution made, as all that is listed; `input`
            for what it was given.
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
            trust: Load even what another user stored, which may run their code.

        Raises:
            KitaruUsageError: If the record does not come from a client, or reading it
                would run code of another user and `trust` is not given.
            KitaruRuntimeError: If the stored bytes are missing or damaged.
        """
        if self._load is None:
            raise KitaruUsageError(
                f"artifact {self.artifact_id} is not bound to a store; "
                "get it with KitaruClient().artifacts.get(...)"
            )
        return self._load(trust)


class CheckpointCall(Record):
    """One call of a checkpoint in an execution.

    Attributes:
        call_id: Its id, unique in all executions.
        name: Name of the checkpoint.
        invocation_id: Name of the call in its execution: `name`, `name_2`, …, or the id
            that the flow gave it.
        status: `running`, `completed`, `failed`, or `cancelled` if the flow gave it up,
            by `asyncio.wait_for` say, or its process was told to end.
        started_at: When it began, in UTC; `None` if nobody noted it.
        ended_at: When it ended, in UTC; `None` while it runs, or if its process died.
        metadata: What `log()` noted in its last attempt; `llm_calls` lists its calls of
            `llm()`.
        original_call_id: Id of the call whose result it took over; `None` if it did
            not.
        parent_call_ids: Ids of the calls whose results it was given or had to come
            after, as far as that is known.
        failure: Why it failed; `None` if it did not.
        attempts: Its tries, oldest first; empty if it ran none, or has no outcome yet.
        artifacts: What `save()` kept in it, then its result.
        checkpoint_type: What kind of work it is, as `@checkpoint(type=...)` said;
            `None` if it did not.
        reused: Whether it took over the result of another call: in a replay that of
            its source, with `cache=True` that of an earlier one with the same inputs.
        overridden: Whether its result was given by whoever started the replay.
        usage: What its attempts spent on language models; `None` if nothing. If
            `reused`, what the original had spent.
    """

    call_id: str
    name: str
    invocation_id: str
    status: Literal["running", "completed", "failed", "cancelled"]
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


class Breakpoint(Record):
    """Where an execution stops before a call.

    Attributes:
        selector: A checkpoint, for every call of it, or the invocation id of a call;
            `*` for every call.
        exec_id: Of which execution; `None` for the next start of a flow.
        flow_name: For the next start of which flow; `None` for an execution.
        matched: Whether a call has come that it means.
    """

    selector: str
    exec_id: str | None = None
    flow_name: str | None = None
    matched: bool = False


def _digest(shown: dict[str, Any]) -> str:
    """Return a fingerprint of what a wait shows."""
    parts = [shown[key] for key in ("name", "question", "answer_schema", "metadata")]
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


class Undelivered(Record):
    """Something that somebody was to be told and was not, so far.

    Attributes:
        exec_id: Of which execution.
        event: `wait.opened`, `wait.reminded`, `wait.answered`, `wait.expired`,
            `wait.aborted`, `execution.completed` or `execution.failed`.
        webhook: The URL, secrets masked; `the alerter` for that of the active stack.
        attempts: How often it was tried; it is tried again.
        problem: Why the last try failed.
    """

    exec_id: str
    event: str
    webhook: str
    attempts: int
    problem: str


class AskedWait(Record):
    """A question that a flow asks.

    Attributes:
        wait_id: Its id; it takes the place of the name wherever a wait is named.
        name: The handle to answer it by: the name given in the flow, or `wait`,
            `wait_2`, … by position.
        question: What is asked, for people; `None` if the flow did not say.
        answer_schema: JSON schema of the answer, `schema` in JSON and in the
            constructor; `None` means a gate that takes no value.
        metadata: What `wait(metadata=...)` gave to show with the question.
        entered_waiting_at: When it was asked, in UTC; `None` if nobody noted it.
        expires_at: When it is over by itself, in UTC; `None`: never.
        kind: `question`; `timer` for `sleep()`, which is over at `expires_at`; or
            `breakpoint`, before a call.
        exec_id: The execution that asks; never `None` for a wait that an engine gave.
        digest: Fingerprint of what is shown: name, question, schema, metadata. An answer
            that carries it is refused if something else is asked by now.
    """

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    wait_id: str
    name: str
    question: str | None = None
    # `schema` would shadow pydantic's own attribute of BaseModel; the alias keeps the
    # public name in JSON and in the constructor, the property keeps it in Python.
    answer_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    metadata: dict[str, Any] = Field(default_factory=dict)
    entered_waiting_at: datetime | None = None
    expires_at: datetime | None = None
    kind: Literal["question", "timer", "breakpoint"] = "question"
    exec_id: str | None = None
    digest: str = Field(default_factory=_digest)

    @property
    def schema(self) -> dict[str, Any] | None:  # type: ignore[override]  # public name
        """The JSON schema of the answer; `None` means a gate that takes no value."""
        return self.answer_schema


class PendingWait(AskedWait):
    """A question an execution waits for."""


class AnsweredWait(AskedWait):
    """A question, and what came of it.

    Attributes:
        answer: The answer as JSON data, secrets masked; `None` for a gate, and for a
            wait that was given up.
        outcome: `answered`; `default` or `expired` when its time was over; `aborted`
            when it was given up; `refused` when the type in the flow did not take the
            answer, and the question was asked again.
        answered_at: When, in UTC; `None` if nobody noted it.
        answered_by: Who: a ZenML user of a server, or `user@host` of a local store;
            `None` if nobody noted it.
        surface: Through what: `cli`, `client`, `mcp`, `page`, `terminal` (the flow's
            own), `replay` (taken over from the execution it replays), `zenml` (its dashboard
            or API) or `clock` (its time was over); `None` if nobody noted it.
    """

    answer: Any = None
    outcome: Literal["answered", "default", "expired", "aborted", "refused"]
    answered_at: datetime | None = None
    answered_by: str | None = None
    surface: str | None = None


class Execution(Record):
    """One execution of a flow.

    Listings leave `metadata`, `waits`, `inputs`, `result`, `settings`, `checkpoints`,
    `artifacts`, `usage`, `budget`, `key`, `tags` and `attributes` empty.

    Attributes:
        exec_id: Its id.
        flow_id: Id of the flow, ZenML's pipeline; `None` if that was deleted.
        flow_name: Name of the flow; `unknown` if that was deleted.
        status: Where it stands.
        started_at: When its first attempt began, in UTC; `None` if none has.
        ended_at: When it ended, in UTC; `None` while it runs or waits.
        stack_name: The stack it runs on; `None` if that was deleted.
        metadata: What `log()` noted in the flow body.
        status_reason: Why it has its status, as ZenML's dashboard shows it, shortened;
            `None` if nobody said it.
        failure: Why it failed; `None` unless its status is `failed`, and in listings.
        pending_wait: The question that is open, the first if there are several; `None`
            if none is, and in listings.
        pending_waits: All questions that are open, oldest first: calls of an agent may
            need approval side by side. Empty in listings.
        waits: The questions that were answered or given up, oldest first.
        inputs: What the flow was given, by parameter, as JSON data with secrets masked;
            `None` in listings, and if only its own classes can read it (a pickle).
        result: What the flow returned, in the same way; `None` until it has completed,
            too. `FlowHandle.get()` gives the value itself.
        settings: What its start said of `retries`, `cache`, `image`, `budget`,
            `recover` and `notify`; what nobody said is not there.
        original_exec_id: Id of the execution it is a replay of; `None` if it is none.
        version: Number of the deployed version whose code it runs; `None` in listings,
            and if it was started from a file.
        checkpoints: Its calls, in the order the flow made them; those that run come
            last.
        artifacts: What its calls kept, then what the flow returned, once it has
            completed.
        usage: What it spent on language models; `None` in listings.
        undelivered: What webhooks and the alerter of the stack were to be told and were
            not so far; empty in listings.
        budget: What it may spend on language models, and has; `None` without a budget,
            and in listings.
        recovery: What becomes of it after its process died, with `recover="auto"`;
            `None` if none has died, and in listings.
        key: What it is the one execution of, as `run(key=...)` said; `None` if nothing.
        tags: The tags that its start gave it.
        attributes: The attributes that its start gave it, secrets masked.
    """

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
    pending_waits: tuple[PendingWait, ...] = ()
    waits: tuple[AnsweredWait, ...] = ()
    inputs: dict[str, Any] | None = None
    result: Any = None
    settings: dict[str, Any] = Field(default_factory=dict)
    original_exec_id: str | None = None
    version: int | None = None
    checkpoints: tuple[CheckpointCall, ...] = ()
    artifacts: tuple[ArtifactRef, ...] = ()
    usage: ExecutionUsage | None = None
    undelivered: tuple[Undelivered, ...] = ()
    budget: ExecutionBudget | None = None
    recovery: Recovery | None = None
    key: str | None = None
    tags: tuple[str, ...] = ()
    attributes: dict[str, Any] = Field(default_factory=dict)


class Continuation(Record):
    """How an execution goes on.

    Attributes:
        how: `runner` (a living process takes the answer), `process` (a new one was
            started), `queue` (a process that is busy takes it next), `here` (it went on
            in this process), `stack` (it was submitted to its remote stack), `server`
            (the server does that), `completed` (it has, and there is nothing to
            do) or a reason why it does not.
        pid: The process of `runner`, `process` or `here`; `None` where there is none on
            this machine to name.
    """

    how: str
    pid: int | None = None
