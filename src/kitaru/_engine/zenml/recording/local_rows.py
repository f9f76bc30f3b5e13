"""Steps and their artifacts as rows of a local ZenML store, many in one commit.

ZenML's store writes them one at a time, with five commits and 37 statements for each call,
most of which read back what was just written. The rows made here are the same: ZenML's own
schema classes make them from the requests that its calls would get. What is not plain is
refused and left to those calls: another attempt of a call, an artifact with tags, a run
that is being stopped, a store that is no local SQLite, a version of ZenML that nobody
compared.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import zenml
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, col, select
from zenml.client import Client
from zenml.config.step_configurations import Step
from zenml.enums import (
    ExecutionStatus,
    MetadataResourceTypes,
    StepRunInputArtifactType,
)
from zenml.metadata.metadata_types import get_metadata_type
from zenml.models import (
    ArtifactRequest,
    ArtifactVersionRequest,
    StepRunRequest,
    StepRunUpdate,
)
from zenml.utils.json_utils import pydantic_encoder
from zenml.zen_stores.schemas import (
    ArtifactSchema,
    ArtifactVersionSchema,
    ArtifactVisualizationSchema,
    PipelineRunSchema,
    RunMetadataResourceSchema,
    RunMetadataSchema,
    StepConfigurationSchema,
    StepRunInputArtifactSchema,
    StepRunOutputArtifactSchema,
    StepRunParentsSchema,
    StepRunSchema,
)
from zenml.zen_stores.sql_zen_store import SQLDatabaseDriver, SqlZenStore

from kitaru._engine.local.store.compared import COMPARED

# Here ZenML looks closer before it takes another step.
_ENDED = (
    ExecutionStatus.STOPPING.value,
    ExecutionStatus.STOPPED.value,
    ExecutionStatus.FAILED.value,
)

T = TypeVar("T")


class NotPlainError(Exception):
    """These rows need ZenML's own calls; nothing was written."""


@dataclass(frozen=True, slots=True)
class NewStep:
    """A step run that ZenML has nothing of, and metadata to show with it."""

    request: StepRunRequest
    metadata: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of the step run."""
        return self.request.name

    @property
    def config(self) -> Step:
        """Its configuration; only the steps of static pipelines have none."""
        assert self.request.dynamic_config is not None
        return self.request.dynamic_config


@dataclass(frozen=True, slots=True)
class StoredStep:
    """A step run that ZenML has, and the artifact version of one of its outputs."""

    name: str
    id: UUID
    version: int
    status: ExecutionStatus
    ended_at: datetime | None
    output: UUID | None


def of_store() -> LocalRows | None:
    """Return the rows of the store in use; `None` if only ZenML may write there."""
    store = Client().zen_store
    if (
        zenml.__version__ in COMPARED
        and isinstance(store, SqlZenStore)
        and store.config.driver is SQLDatabaseDriver.SQLITE
    ):
        return LocalRows(store)
    return None


class LocalRows:
    """Writes steps into a local store."""

    def __init__(self, store: SqlZenStore) -> None:
        self._store = store
        self._user_id = store.get_user().id

    def steps(self, run_id: UUID, output: str) -> list[StoredStep]:
        """Return the latest step run of each call; ZenML takes a statement for each."""
        step, made = StepRunSchema, StepRunOutputArtifactSchema
        with Session(self._store.engine) as session:
            found = session.exec(
                select(  # type: ignore[call-overload]  # typed for four columns at most
                    step.name,
                    step.id,
                    step.version,
                    step.status,
                    step.end_time,
                    made.artifact_id,
                )
                .outerjoin(made, (made.step_id == step.id) & (made.name == output))
                .where(step.pipeline_run_id == run_id)
                .where(step.status != ExecutionStatus.RETRIED.value)
                .order_by(col(step.created), step.id)
            )
            return [
                StoredStep(
                    name, own_id, version, ExecutionStatus(status), ended, made_id
                )
                for name, own_id, version, status, ended, made_id in found
            ]

    def versions(self, wanted: Sequence[str]) -> dict[str, tuple[UUID, str]]:
        """Return ids and places of the artifact versions of those names."""
        with Session(self._store.engine) as session:
            found = session.exec(
                select(
                    ArtifactVersionSchema.version,
                    ArtifactVersionSchema.id,
                    ArtifactVersionSchema.uri,
                ).where(col(ArtifactVersionSchema.version).in_(wanted))
            )
            return {version: (own_id, uri) for version, own_id, uri in found}

    def create_versions(
        self, requests: Sequence[ArtifactVersionRequest]
    ) -> dict[str, UUID]:
        """Make the artifact versions there are not yet; return the ids of all by version.

        Raises:
            NotPlainError: If one of them needs ZenML's own calls.
        """
        if not all(is_plain(request) for request in requests):
            raise NotPlainError
        if not requests:
            return {}
        return self._in_one_commit(lambda session: self._versions(session, requests))

    def create_steps(self, steps: Sequence[NewStep]) -> dict[str, UUID]:
        """Make step runs of one execution, parents first; return their ids by name.

        Raises:
            NotPlainError: If one of them needs ZenML's own calls.
        """
        if not all(_is_plain_step(step) for step in steps):
            raise NotPlainError
        return self._in_one_commit(lambda session: self._steps(session, steps))

    def finish_step(
        self, step_id: UUID, update: StepRunUpdate, metadata: Mapping[str, Any]
    ) -> None:
        """End a running step run.

        Raises:
            NotPlainError: If it needs ZenML's own calls.
        """
        if update.add_logs or update.loaded_artifact_versions:
            raise NotPlainError
        self._in_one_commit(
            lambda session: self._finish(session, step_id, update, metadata)
        )

    def _in_one_commit(self, write: Callable[[Session], T]) -> T:
        with Session(self._store.engine, expire_on_commit=False) as session:
            # What is looked up holds until the commit: nobody else writes meanwhile.
            session.connection().exec_driver_sql("BEGIN IMMEDIATE")
            try:
                made = write(session)
                session.commit()
            except IntegrityError as error:
                raise NotPlainError from error
        return made

    def _versions(
        self, session: Session, requests: Sequence[ArtifactVersionRequest]
    ) -> dict[str, UUID]:
        artifacts = self._artifacts(session, requests)
        wanted = [str(request.version) for request in requests]
        found = session.exec(
            select(
                ArtifactVersionSchema.version,
                ArtifactVersionSchema.artifact_id,
                ArtifactVersionSchema.id,
            ).where(col(ArtifactVersionSchema.version).in_(wanted))
        )
        known = {(version, artifact): known_id for version, artifact, known_id in found}
        ids: dict[str, UUID] = {}
        metadata: list[SQLModel] = []
        for version, request in zip(wanted, requests, strict=True):
            artifact_id = artifacts[str(request.artifact_name)].id
            if version in ids:
                continue
            if (version, artifact_id) in known:
                ids[version] = known[version, artifact_id]
                continue
            schema = ArtifactVersionSchema.from_request(
                request.model_copy(
                    update={"artifact_id": artifact_id, "user": self._user_id}
                )
            )
            session.add(schema)
            ids[version] = schema.id
            metadata += self._metadata(
                schema, MetadataResourceTypes.ARTIFACT_VERSION, request.metadata or {}
            )
            metadata += [
                ArtifactVisualizationSchema.from_model(one, schema.id)
                for one in request.visualizations or ()
            ]
        session.flush()
        _add(session, metadata)
        return ids

    def _artifacts(
        self, session: Session, requests: Sequence[ArtifactVersionRequest]
    ) -> dict[str, ArtifactSchema]:
        """Return the artifacts that the versions are of; makes those there are not yet."""
        (project,) = {request.project for request in requests}
        names = {str(request.artifact_name) for request in requests}
        found = session.exec(
            select(ArtifactSchema)
            .where(ArtifactSchema.project_id == project)
            .where(col(ArtifactSchema.name).in_(names))
        )
        named = {artifact.name: artifact for artifact in found}
        for request in requests:
            name, chosen = str(request.artifact_name), request.has_custom_name
            if name not in named:
                named[name] = ArtifactSchema.from_request(
                    ArtifactRequest(
                        name=name,
                        project=project,
                        has_custom_name=chosen,
                        user=self._user_id,
                    )
                )
                session.add(named[name])
            elif chosen and not named[name].has_custom_name:
                named[name].has_custom_name = True
        session.flush()
        return named

    def _steps(self, session: Session, steps: Sequence[NewStep]) -> dict[str, UUID]:
        (run_id,) = {step.request.pipeline_run_id for step in steps}
        run = session.exec(
            select(PipelineRunSchema.status, PipelineRunSchema.snapshot_id).where(
                PipelineRunSchema.id == run_id
            )
        ).first()
        names = {step.name for step in steps}
        parents = {name for step in steps for name in step.config.spec.upstream_steps}
        known = _first_attempts(session, run_id, names | parents)
        if run is None or run[0] in _ENDED or names & known.keys():
            raise NotPlainError
        attached: list[SQLModel] = []
        for step in steps:
            if not known.keys() >= set(step.config.spec.upstream_steps):
                raise NotPlainError
            schema = StepRunSchema.from_request(
                step.request.model_copy(update={"user": self._user_id}),
                snapshot_id=run[1],
                version=1,
                is_retriable=False,
            )
            session.add(schema)
            attached += _attached(step, schema.id, known)
            attached += self._metadata(
                schema, MetadataResourceTypes.STEP_RUN, step.metadata
            )
            known[step.name] = schema.id
        session.flush()
        _add(session, attached)
        return {name: known[name] for name in names}

    def _finish(
        self,
        session: Session,
        step_id: UUID,
        update: StepRunUpdate,
        metadata: Mapping[str, Any],
    ) -> None:
        step = session.get(StepRunSchema, step_id)
        if (
            step is None
            or step.status != ExecutionStatus.RUNNING.value
            or step.is_retriable
            or step.resource_request_id is not None
        ):
            raise NotPlainError
        session.add(step.update(update))
        rows = [*_outputs(step_id, update.outputs)]
        rows += self._metadata(step, MetadataResourceTypes.STEP_RUN, metadata)
        _add(session, rows)

    def _metadata(
        self,
        of: StepRunSchema | ArtifactVersionSchema,
        kind: MetadataResourceTypes,
        values: Mapping[str, Any],
    ) -> Iterator[SQLModel]:
        for key, value in values.items():
            row = RunMetadataSchema(
                project_id=of.project_id,
                user_id=self._user_id,
                stack_component_id=None,
                key=key,
                value=json.dumps(value, default=pydantic_encoder),
                type=get_metadata_type(value),
                publisher_step_id=None,
            )
            yield row
            yield RunMetadataResourceSchema(
                resource_id=of.id, resource_type=kind.value, run_metadata_id=row.id
            )


def is_plain(request: ArtifactVersionRequest) -> bool:
    """Whether an artifact version is made of rows that are known here."""
    return not request.tags


def _is_plain_step(step: NewStep) -> bool:
    request, config = step.request, step.config
    return (
        (request.status.is_finished or request.status is ExecutionStatus.RUNNING)
        and request.logs is None
        and request.original_step_run_id is None
        and request.resource_requester is None
        and config.config.retry is None
        and config.config.model is None
        and not config.spec.enable_heartbeat
    )


def _first_attempts(
    session: Session, run_id: UUID, names: Iterable[str]
) -> dict[str, UUID]:
    """Return the step runs of those names; ZenML ties children to the first attempt."""
    found = session.exec(
        select(StepRunSchema.name, StepRunSchema.id)
        .where(StepRunSchema.pipeline_run_id == run_id)
        .where(col(StepRunSchema.name).in_(names))
        .order_by(col(StepRunSchema.version).desc())
    )
    return dict(found.all())


def _attached(
    step: NewStep, step_id: UUID, known: Mapping[str, UUID]
) -> Iterator[SQLModel]:
    """Yield what belongs to a step run: configuration, parents, inputs, outputs."""
    yield StepConfigurationSchema(
        index=0,
        name=step.name,
        config=step.config.model_dump_json(exclude={"config"}),
        step_run_id=step_id,
    )
    for parent in dict.fromkeys(step.config.spec.upstream_steps):
        yield StepRunParentsSchema(child_id=step_id, parent_id=known[parent])
    specified = step.config.spec.normalized_inputs
    for name, artifact_ids in step.request.inputs.items():
        for spec, (index, artifact_id) in zip(
            specified[name], enumerate(artifact_ids), strict=True
        ):
            yield StepRunInputArtifactSchema(
                step_id=step_id,
                artifact_id=artifact_id,
                name=name,
                type=StepRunInputArtifactType.STEP_OUTPUT.value,
                input_index=index,
                chunk_index=spec.chunk_index,
                chunk_size=spec.chunk_size,
            )
    yield from _outputs(step_id, step.request.outputs)


def _outputs(
    step_id: UUID, outputs: Mapping[str, Sequence[UUID]]
) -> Iterator[SQLModel]:
    names: dict[UUID, str] = {}
    for name, artifact_ids in outputs.items():
        for artifact_id in artifact_ids:
            # A version is one output of a step, the first it is given as.
            names.setdefault(artifact_id, name)
    for artifact_id, name in names.items():
        yield StepRunOutputArtifactSchema(
            step_id=step_id, artifact_id=artifact_id, name=name
        )


def _add(session: Session, rows: Iterable[SQLModel]) -> None:
    """Insert rows table by table, in the order in which their tables come first."""
    tables: dict[type[SQLModel], list[SQLModel]] = {}
    for row in rows:
        tables.setdefault(type(row), []).append(row)
    for of_table in tables.values():
        session.add_all(of_table)
        session.flush()
