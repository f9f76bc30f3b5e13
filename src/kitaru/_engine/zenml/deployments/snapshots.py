"""Versions as rows of ZenML: made, read, tagged, deleted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from zenml.client import Client
from zenml.exceptions import EntityExistsError
from zenml.models import (
    PipelineBuildResponse,
    PipelineSnapshotFilter,
    PipelineSnapshotResponse,
    PipelineSnapshotUpdate,
)

from kitaru._core import sources
from kitaru._core.versions import names
from kitaru._core.versions.records import Version, VersionFacts
from kitaru._engine.code import version_facts
from kitaru._engine.port.deployments import NewVersion
from kitaru._engine.zenml.runs import runs
from kitaru._engine.zenml.setup import importing, pages
from kitaru.errors import KitaruStateError

# Each has its configuration and schema with it.
_PAGE = 50


class Draft:
    """A version that is compiled, and whose image is built."""

    def __init__(
        self, new: NewVersion, facts: VersionFacts, options: dict[str, Any]
    ) -> None:
        self._new, self._facts = new, facts
        pipeline = runs.pipeline_of(
            new.flow.name,
            new.flow.source,
            {},
            facts.to_dict(),
            code=sources.code_of(new.flow.function),
            in_pod=facts.is_remote,
            options=options,
        )
        with importing.quiet():
            self._compiled = runs.Compiled(pipeline)

    @property
    def image(self) -> str | None:
        """The image that the stack would run."""
        return _image_of(self._compiled.build)

    def create(self) -> Version:
        """Make the next version; the store lets two deployers have no number twice."""
        flow = self._new.flow.name
        while True:
            number = max((one for one, _ in _numbers(flow)), default=0) + 1
            try:
                made = self._request(number)
                break
            except EntityExistsError:
                continue
        moving = [names.DEFAULT, *self._new.tags]
        for one, version in _numbers(flow):
            # From earlier ones only: a slow deployer takes nothing from a later one.
            if one < number:
                _settle(version, moving)
        found = _version(Client().zen_store.get_snapshot(made.id))
        assert found is not None  # it was made a moment ago
        return found

    def _request(self, number: int) -> PipelineSnapshotResponse:
        deployed = replace(self._facts.deployed, number=number)
        facts = replace(self._facts, deployed=deployed)
        configuration = self._compiled.snapshot.pipeline_configuration
        configuration.extra[runs.EXTRA_KEY] = facts.to_dict()
        return self._compiled.create(
            deployed.uri,
            name=names.name_of(number),
            description=version_facts.description(self._new, facts),
            tags=[*names.MARKS, names.DEFAULT, *self._new.tags],
        )


def find(flow: str | None) -> list[Version]:
    """Return the versions of a flow or of all flows, oldest first."""
    found = (_version(snapshot) for snapshot in _named(flow, hydrate=True))
    return [version for version in found if version is not None]


def tag(version: Version, name: str, *, exclusive: bool) -> None:
    """Give a version a tag; if exclusive, take it from all others of the flow."""
    _check_lives(version)
    _update(UUID(version.deployment_id), add=[name])
    if exclusive:
        for other in _named(version.flow, hydrate=False):
            if str(other.id) != version.deployment_id and name in _tags(other):
                _update(other.id, remove=[name])


def untag(version: Version, name: str) -> None:
    """Take a tag from a version."""
    _check_lives(version)
    _update(UUID(version.deployment_id), remove=[name])


def delete(version: Version) -> None:
    """Delete a version; the highest one leaves its name behind."""
    _check_lives(version)
    highest = max(number for number, _ in _numbers(version.flow))
    if version.number < highest:
        Client().zen_store.delete_snapshot(UUID(version.deployment_id))
        return
    Client().zen_store.update_snapshot(
        UUID(version.deployment_id),
        PipelineSnapshotUpdate(
            name=names.mark_of(version.number), remove_tags=sorted(version.tags)
        ),
    )


def _settle(version: PipelineSnapshotResponse, moving: Iterable[str]) -> None:
    """Put an earlier version right once a later one is there."""
    said = names.read(version.name)
    if said is not None and said[1]:
        # The new number keeps the old one from being used.
        Client().zen_store.delete_snapshot(version.id)
        return
    tags = _tags(version)
    leaving = [name for name in moving if name in tags]
    # A deployer may have died before it tagged what it made.
    missing = [name for name in names.MARKS if name not in tags]
    if leaving or missing:
        _update(version.id, add=missing, remove=leaving)


def _update(
    snapshot_id: UUID, *, add: list[str] | None = None, remove: list[str] | None = None
) -> None:
    Client().zen_store.update_snapshot(
        snapshot_id, PipelineSnapshotUpdate(add_tags=add, remove_tags=remove)
    )


def _check_lives(version: Version) -> None:
    try:
        found = Client().zen_store.get_snapshot(
            UUID(version.deployment_id), hydrate=False
        )
    except KeyError:
        found = None
    if found is None or found.name != names.name_of(version.number):
        raise KitaruStateError(f"{version.label} was deleted a moment ago")


def _numbers(flow: str) -> list[tuple[int, PipelineSnapshotResponse]]:
    """Return what has a name like a version's, whoever made it: it takes the number."""
    found = ((names.read(one.name), one) for one in _named(flow, hydrate=False))
    return [(said[0], one) for said, one in found if said is not None]


def _named(flow: str | None, *, hydrate: bool) -> list[PipelineSnapshotResponse]:
    """Return the named snapshots of a flow's pipeline or of all, oldest first."""
    wanted: dict[str, Any] = {}
    if flow is not None:
        pipelines = Client().list_pipelines(name=f"equals:{flow}", size=1).items
        if not pipelines:
            return []
        wanted["pipeline"] = pipelines[0].id
    project = Client().active_project.id
    return list(
        pages.every(
            lambda number, size: Client().zen_store.list_snapshots(
                PipelineSnapshotFilter(
                    project=project,
                    named_only=True,
                    sort_by="asc:created",
                    page=number,
                    size=size,
                    **wanted,
                ),
                hydrate=hydrate,
            ),
            size=_PAGE,
        )
    )


def _version(snapshot: PipelineSnapshotResponse) -> Version | None:
    configuration = snapshot.pipeline_configuration
    return Version.of(
        configuration.extra.get(runs.EXTRA_KEY),
        flow=configuration.name,
        name=snapshot.name,
        tags=_tags(snapshot),
        deployment_id=str(snapshot.id),
        stack=snapshot.stack.name if snapshot.stack else None,
        created_at=_utc(snapshot.created),
        updated_at=_utc(snapshot.updated),
        image_digest=_image_of(snapshot.build),
    )


def _image_of(build: PipelineBuildResponse | None) -> str | None:
    """Return the image that a build has, if it has one."""
    images = build.images if build else {}
    return next((item.image for item in images.values()), None)


def _tags(snapshot: PipelineSnapshotResponse) -> list[str]:
    return [tag.name for tag in snapshot.tags]


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
