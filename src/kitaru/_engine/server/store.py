"""What a server says of executions, in as few requests as possible.

The answers are those of ZenML's own client. What the server says in another form than is
known here ends in `OnlyZenMLKnows`. One look asks nothing twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from kitaru._core.calls import records
from kitaru._core.calls.records import CallRecord
from kitaru._core.flows import run_statuses
from kitaru._core.flows.facts import ExecutionFacts
from kitaru._core.flows.metadata_keys import ANSWER_KEY, RECORD_KEY
from kitaru._core.settings.labels import stored_forms
from kitaru._core.versions.records import Version
from kitaru._core.waits.condition_names import base_name
from kitaru._engine.local.store.file import EXTRA_KEY, FOLDER, TAG, Condition, Run, Step
from kitaru._engine.local.store.ground import OnlyZenMLKnows
from kitaru._engine.port.engine import ExecutionQuery
from kitaru._engine.server.ground import ServerGround
from kitaru._engine.server.rest import RefusedError, Rest
from kitaru.models import ExecutionStatus

T = TypeVar("T")

# ZenML's words for what runs, in the versions that are trusted.
RUNNING = (
    *("initializing", "provisioning", "queued", "running"),
    *("retrying", "retried", "resuming"),
)
_PENDING = "pending"
_KNOWN_IDS = 200
_LARGEST_PAGE = 500
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Author:
    """Who made an execution."""

    user_id: str
    name: str


class ServerStore:
    """One look at a server; the same as `StoreFile` is for a file."""

    def __init__(self, rest: Rest, ground: ServerGround) -> None:
        self._rest = rest
        self._ground = ground
        self._runs: dict[str, Mapping[str, Any]] = {}
        self._asked: dict[str, list[Condition]] = {}
        self._pending: list[Condition] | None = None
        self._ended: dict[str, bool] = {}
        self._users: dict[str, str | None] = {ground.user_id: ground.user}

    # -- runs ------------------------------------------------------------------------

    def page(self, query: ExecutionQuery) -> tuple[list[Run], int]:
        """Return a page of executions, newest first, and how many there are."""
        if query.failed_in is not None or query.size > _LARGEST_PAGE:
            raise OnlyZenMLKnows("executions that are found by their calls")
        found = self._run_page(
            hydrate=True, page=query.page, size=query.size, **_filters(query)
        )
        with _known_form():
            runs = [self._noted(item) for item in found["items"]]
            return runs, int(found["total"])

    def named(self, name: str) -> Run | None:
        """Return the execution whose run has that name."""
        found = self._run_page(hydrate=True, size=1, name=f"equals:{name}")
        with _known_form():
            return self._noted(found["items"][0]) if found["items"] else None

    def run(self, execution_id: str) -> Run:
        """Return the run of an execution."""
        return self._read(execution_id, _run)

    def word(self, execution_id: str) -> str:
        """Return ZenML's word for the status of an execution, as it is now."""
        self._runs.pop(execution_id, None)
        return self.run(execution_id).word

    def has_ended(self, execution_id: str) -> bool:
        """Whether an execution has ended."""
        known = self._ended.get(execution_id)
        return self.run(execution_id).status.is_finished if known is None else known

    def is_ours(self, execution_id: str) -> bool:
        """Whether the server has a run of that id."""
        return execution_id in self.ids_like(execution_id)

    def facts(self, execution_id: str) -> ExecutionFacts | None:
        """Return what an execution was started with; `None` for a run that is none."""
        extra = self._read(execution_id, lambda run: run["metadata"]["config"]["extra"])
        data = extra.get(EXTRA_KEY)
        if not isinstance(data, dict) or "source" not in data:
            return None
        if "inputs" not in data:
            raise OnlyZenMLKnows(f"with what ZenML has started {execution_id}")
        return ExecutionFacts.from_dict(data, execution_id=execution_id)

    def author(self, execution_id: str) -> Author | None:
        """Return who made an execution, `None` if its account is gone."""

        def made_by(run: Mapping[str, Any]) -> Author | None:
            user = run["resources"]["user"]
            return Author(_id(user["id"]), str(user["name"])) if user else None

        return self._read(execution_id, made_by)

    def problem(self, execution_id: str) -> tuple[str | None, str | None]:
        """Return message and traceback of what ended a run, as ZenML noted them."""

        def noted(run: Mapping[str, Any]) -> tuple[str | None, str | None]:
            info = run["metadata"]["exception_info"] or {}
            return info.get("message"), info.get("traceback")

        return self._read(execution_id, noted)

    def place_of_result(self, execution_id: str) -> str | None:
        """Return the folder of what a flow returned, `None` if it has none."""

        def place(run: Mapping[str, Any]) -> str | None:
            outputs = list(run["resources"]["outputs"].values())
            return str(outputs[0]["body"]["uri"]) if outputs else None

        return self._read(execution_id, place)

    def ids_like(self, prefix: str) -> list[str]:
        """Return ids of executions that begin so, at most ten; a whole one of any project."""
        try:
            whole = str(UUID(prefix))
        except ValueError:
            found = self._run_page(
                hydrate=False, size=10, id=f"startswith:{prefix}", tags=TAG
            )
            with _known_form():
                if found["total"] > len(found["items"]):
                    raise OnlyZenMLKnows(f"all executions like {prefix}") from None
                return [_id(item["id"]) for item in found["items"]]
        tags = self._tags_of(whole)
        return [whole] if tags is not None and TAG in tags else []

    def newest_ids(self) -> list[str]:
        """Return ids of executions, the newest first, to tell which was meant."""
        found = self._run_page(hydrate=False, size=_KNOWN_IDS, tags=TAG)
        with _known_form():
            return [_id(item["id"]) for item in found["items"]]

    def is_foreign(self, text: str) -> bool:
        """Whether a whole id is that of a run of somebody else's."""
        try:
            return self._tags_of(str(UUID(text))) is not None
        except ValueError:
            return False

    def maker_of(self, artifact_id: str) -> str | None:
        """Return the execution in whose folder an artifact lies, if it is Kitaru's."""
        found = self._rest.get(
            "/artifact_versions",
            version=artifact_id,
            size=1,
            project=self._ground.project_id,
        )
        with _known_form():
            uri = found["items"][0]["body"]["uri"] if found["items"] else ""
            _, ours, place = uri.partition(f"/{FOLDER}/")
            return _id(place.partition("/")[0]) if ours else None

    def metadata(self, execution_id: str) -> dict[str, Any]:
        """Return the metadata of a run."""
        return dict(
            self._read(execution_id, lambda run: run["metadata"]["run_metadata"])
        )

    def steps(self, execution_id: str, *, but: Container[str]) -> list[Step]:
        """Return the steps of a run, oldest first, without those of some calls."""
        with _known_form():
            return [
                Step(
                    step["name"],
                    step["metadata"]["config"]["name"],
                    step["body"]["status"],
                    _moment(step["body"]["start_time"]),
                )
                for step in self._steps_of(execution_id)
                if step["name"] not in but
            ]

    def recorded_calls(self, execution_id: str) -> list[CallRecord]:
        """Return the outcomes that steps of a run hold."""
        with _known_form():
            texts = [
                step["metadata"]["run_metadata"].get(RECORD_KEY)
                or step["metadata"]["config"]["extra"].get(RECORD_KEY)
                for step in self._steps_of(execution_id)
            ]
        return [records.from_json(str(text)) for text in texts if text is not None]

    def versions(self, flow: str | None) -> list[Version]:
        """Refuse: versions on a server are for ZenML."""
        raise OnlyZenMLKnows("versions on a server")

    # -- waits -----------------------------------------------------------------------

    def conditions(self, execution_id: str) -> list[Condition]:
        """Return all waits of an execution, oldest first."""
        if execution_id not in self._asked:
            found = self._every("/run_wait_conditions", pipeline_run=execution_id)
            self._asked[execution_id] = self._conditions(found)
        return self._asked[execution_id]

    def condition(self, wait_id: str) -> Condition | None:
        """Return one wait, `None` if somebody has deleted it."""
        try:
            found = self._rest.get(f"/run_wait_conditions/{wait_id}", hydrate=True)
        except RefusedError as error:
            if error.status != _NOT_FOUND:
                raise
            return None
        return self._conditions([found])[0]

    def pending(self, execution_id: str | None) -> list[Condition]:
        """Return waits that ZenML takes for open, of one execution or of all."""
        if execution_id is None:
            if self._pending is None:
                found = self._every("/run_wait_conditions", status=_PENDING)
                self._pending = self._conditions(found)
            return self._pending
        if execution_id in self._asked:
            return [c for c in self._asked[execution_id] if c.is_pending]
        return self._conditions(
            self._every(
                "/run_wait_conditions", status=_PENDING, pipeline_run=execution_id
            )
        )

    def asks(self, execution_id: str) -> bool:
        """Whether a run that was read has an open question."""
        return self._read(
            execution_id, lambda run: bool(run["resources"]["active_wait_condition"])
        )

    # -- asking ------------------------------------------------------------------------

    def _run_page(self, **asked: Any) -> Any:
        return self._rest.get(
            "/runs",
            include_full_metadata=False,
            sort_by="desc:created",
            project=self._ground.project_id,
            **asked,
        )

    def _read(self, execution_id: str, read: Callable[[Mapping[str, Any]], T]) -> T:
        known = self._runs.get(execution_id)
        if known is None:
            known = self._rest.get(
                f"/runs/{execution_id}", hydrate=True, include_full_metadata=False
            )
        with _known_form():
            self._noted(known)
            return read(known)

    def _noted(self, run: Mapping[str, Any]) -> Run:
        made = _run(run)
        self._runs[made.execution_id] = run
        return made

    def _tags_of(self, run_id: str) -> list[str] | None:
        """Return the tags of a run, `None` if there is none of that id."""
        try:
            found = self._rest.get(f"/runs/{run_id}", hydrate=False)
        except RefusedError as error:
            if error.status != _NOT_FOUND:
                raise
            return None
        with _known_form():
            return [tag["name"] for tag in found["resources"]["tags"]]

    def _steps_of(self, execution_id: str) -> Sequence[Mapping[str, Any]]:
        return self._every("/steps", pipeline_run_id=execution_id, exclude_retried=True)

    def _every(self, path: str, **filters: Any) -> list[Mapping[str, Any]]:
        """Return what is on all pages, oldest first."""
        found: list[Mapping[str, Any]] = []
        number = 1
        while True:
            page = self._rest.get(
                path,
                hydrate=True,
                sort_by="asc:created",
                page=number,
                size=_LARGEST_PAGE,
                project=self._ground.project_id,
                **filters,
            )
            with _known_form():
                found += page["items"]
                if number >= page["total_pages"]:
                    return found
            number += 1

    def _conditions(self, found: Sequence[Mapping[str, Any]]) -> list[Condition]:
        with _known_form():
            return [self._condition(one) for one in found]

    def _condition(self, one: Mapping[str, Any]) -> Condition:
        body, said, run = one["body"], one["metadata"], one["resources"]["run"]
        execution_id = _id(run["id"])
        status = run_statuses.meaning(run["body"]["status"])
        self._ended[execution_id] = status.is_finished
        created = _moment(body["created"])
        assert created is not None  # ZenML always says so
        metadata = said["run_metadata"]
        is_noted = isinstance(metadata.get(ANSWER_KEY + base_name(one["name"])), dict)
        resolver = body["resolved_by_user_id"]
        is_pending = body["status"] == _PENDING
        if not is_pending and not is_noted and said["result"] is None:
            # Given up, answered with nothing, or over: ZenML's way tells them apart.
            raise OnlyZenMLKnows(f"what came of wait {one['id']}")
        return Condition(
            wait_id=_id(one["id"]),
            execution_id=execution_id,
            name=str(one["name"]),
            question=said["question"],
            schema=_text(said["data_schema"]),
            is_pending=is_pending,
            is_aborted=said["resolution"] == "abort",
            result=_text(said["result"]),
            created=created,
            resolved=_moment(body["resolved_at"]),
            resolved_by=None if is_noted or not resolver else self._user(resolver),
            metadata=metadata,
        )

    def _user(self, user_id: str) -> str | None:
        """Return the name of a user, `None` if it is gone or not for us to see."""
        if user_id not in self._users:
            try:
                found = self._rest.get(f"/users/{user_id}", hydrate=False)
                self._users[user_id] = str(found["name"])
            except RefusedError:
                self._users[user_id] = None
        return self._users[user_id]


def _filters(query: ExecutionQuery) -> dict[str, Any]:
    words = None if query.status is None else _words(query.status)
    return {
        "pipeline_name": query.flow and f"equals:{query.flow}",
        "status": words and _one_of(words),
        "tags": [f"equals:{tag}" for tag in (TAG, *query.tags)],
        "source_snapshot_id": query.deployment_id,
        "run_metadata": [
            f"{name}:{_one_of(stored_forms(text))}" for name, text in query.where
        ]
        or None,
        # ZenML's moments are naive UTC.
        "created": query.since and f"gte:{query.since:%Y-%m-%d %H:%M:%S}",
    }


def _words(status: ExecutionStatus) -> list[str]:
    if status is ExecutionStatus.RUNNING:
        return list(RUNNING)
    return [word for word, s in run_statuses.MEANINGS.items() if s is status]


def _one_of(words: Sequence[str]) -> str:
    return "oneof:" + json.dumps(list(words))


def _run(run: Mapping[str, Any]) -> Run:
    body, said, beside = run["body"], run["metadata"], run["resources"]
    pipeline, stack, original = (
        beside[name] for name in ("pipeline", "stack", "original_run")
    )
    return Run(
        execution_id=_id(run["id"]),
        flow_id=_id(pipeline["id"]),
        flow=str(pipeline["name"]),
        word=str(body["status"]),
        reason=body["status_reason"],
        started=_moment(said["start_time"]),
        ended=_moment(said["end_time"]),
        stack=stack["name"] if stack else None,
        original=_id(original["id"]) if original else None,
    )


@contextmanager
def _known_form() -> Iterator[None]:
    """Let an answer in another form be a doubt."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise OnlyZenMLKnows(f"what the server says: {error!r}") from error


def _text(data: object) -> str | None:
    return None if data is None else json.dumps(data)


def _moment(text: str | None) -> datetime | None:
    """Return a moment; ZenML's are UTC and may not say so."""
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _id(text: str) -> str:
    return str(UUID(text))
