"""A deployed version as a store holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kitaru._core.flows.deployed import DeployedCode
from kitaru._core.flows.facts import settings_from_dict, settings_to_dict
from kitaru._core.settings.settings import Settings
from kitaru._core.sources import FlowSource
from kitaru._core.versions import names
from kitaru.errors import KitaruStateError
from kitaru.models import Deployment

VERSION = 1


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """What a version is made of; an execution of it takes over what it needs.

    Attributes:
        source: Where the flow is on the machine that deployed it.
        settings: Stack, image, cache and retries of its executions.
        deployed: Its code.
        schema: JSON schema of its inputs.
        files: How many files its code has.
        size: Bytes of these files together.
        project: The folder that was deployed.
        deployed_by: Who did it, as `user@host`.
        commit_sha: The commit of that folder; `None` outside of git.
        commit_dirty: Whether files differed from that commit.
        is_remote: Whether its stack runs bodies elsewhere.
    """

    source: FlowSource
    settings: Settings
    deployed: DeployedCode
    schema: Mapping[str, Any]
    files: int
    size: int
    project: str
    deployed_by: str | None = None
    commit_sha: str | None = None
    commit_dirty: bool = False
    is_remote: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data, in the place where executions have theirs."""
        return {
            "version": VERSION,
            "source": self.source.to_dict(),
            **settings_to_dict(self.settings),
            "deployed": self.deployed.to_dict(),
            "schema": dict(self.schema),
            "files": self.files,
            "size": self.size,
            "project": self.project,
            "deployed_by": self.deployed_by,
            "commit_sha": self.commit_sha,
            "commit_dirty": self.commit_dirty,
            **({"remote": True} if self.is_remote else {}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, place: str) -> VersionFacts:
        """Return the facts that `to_dict` has written.

        Args:
            data: The facts.
            place: The version that they are of, for messages.

        Raises:
            KitaruStateError: If a newer version of Kitaru has written them.
        """
        if int(data.get("version", 0)) > VERSION:
            raise KitaruStateError(
                f"{place} was deployed by a newer version of Kitaru; upgrade Kitaru here"
            )
        return cls(
            source=FlowSource.from_dict(data["source"]),
            settings=settings_from_dict(data, place=place),
            deployed=DeployedCode.from_dict(data["deployed"]),
            schema=data["schema"],
            files=int(data["files"]),
            size=int(data["size"]),
            project=data["project"],
            deployed_by=data.get("deployed_by"),
            commit_sha=data.get("commit_sha"),
            commit_dirty=bool(data.get("commit_dirty")),
            is_remote=bool(data.get("remote")),
        )


def are_of_a_version(data: object) -> bool:
    """Whether facts in a store are those of a version."""
    return isinstance(data, Mapping) and "deployed" in data and "schema" in data


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a flow, with what may change of it.

    Attributes:
        deployment_id: Its id.
        flow: Name of the flow.
        number: Its number.
        is_deleted: Whether only its number is left.
        tags: Its tags, without those that all versions have.
        facts: What it is made of.
        stack: Name of its stack; `None` if that was deleted.
        created_at: When it was deployed, in UTC.
        updated_at: When it was last tagged, in UTC.
        image_digest: The image that a remote stack runs; `None` without one.
    """

    deployment_id: str
    flow: str
    number: int
    is_deleted: bool
    tags: frozenset[str]
    facts: VersionFacts
    stack: str | None
    created_at: datetime
    updated_at: datetime
    image_digest: str | None = None

    @property
    def label(self) -> str:
        """The version for messages: `version 3 of flow 'research'`."""
        return f"version {self.number} of flow {self.flow!r}"

    @classmethod
    def of(
        cls, data: object, *, flow: str, name: str | None, **rest: Any
    ) -> Version | None:
        """Return the version that a named snapshot is; `None` if it is another thing.

        Args:
            data: What the snapshot carries for Kitaru.
            flow: Name of the pipeline.
            name: Name of the snapshot.
            **rest: The other attributes; `tags` as the store has them.
        """
        said = names.read(name)
        if said is None or not are_of_a_version(data):
            return None
        number, is_deleted = said
        assert isinstance(data, Mapping)
        tags = frozenset(rest.pop("tags")) - {*names.MARKS}
        facts = VersionFacts.from_dict(data, place=f"version {number} of flow {flow!r}")
        return cls(
            flow=flow,
            number=number,
            is_deleted=is_deleted,
            tags=tags,
            facts=facts,
            **rest,
        )

    def described(self, *, same_code_as: int | None) -> Deployment:
        """Return the version as users see it."""
        facts = self.facts
        return Deployment(
            deployment_id=self.deployment_id,
            flow=self.flow,
            version=self.number,
            tags=tuple(sorted(self.tags)),
            code=facts.deployed.code,
            files=facts.files,
            size=facts.size,
            same_code_as=same_code_as,
            commit_sha=facts.commit_sha,
            commit_dirty=facts.commit_dirty,
            image_digest=self.image_digest,
            created_at=self.created_at,
            deployed_by=facts.deployed_by,
            project=facts.project,
            python_version=facts.deployed.python_version,
            schema=dict(facts.schema),
            stack=self.stack,
        )
