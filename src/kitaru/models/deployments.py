"""Deployed versions of flows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from kitaru.models.base import Record


class Deployment(Record):
    """A deployed version of a flow.

    Attributes:
        deployment_id: Its id; that of a named snapshot in ZenML.
        flow: Name of the flow.
        version: Its number, from 1; none is used twice.
        tags: Its tags, sorted; `default` is what is invoked unless something else is said.
        code: Hash of the contents of its files.
        files: How many files its code has.
        size: Bytes of these files together.
        same_code_as: The newest earlier version with the same code; `None` if it has code
            of its own.
        commit_sha: The git commit that was deployed; `None` outside of git.
        commit_dirty: Whether files differed from that commit.
        image_digest: The image that its remote stack runs; `None` for a local stack.
        created_at: When it was deployed, in UTC.
        deployed_by: Who deployed it, as `user@host`; `None` if nobody noted it.
        project: The folder that was deployed, on the machine that did.
        python_version: The Python that deployed it, such as `3.12.4`.
        input_schema: JSON schema of its inputs, `schema` in JSON and in the constructor.
        stack: Name of the stack it runs on; `None` if that was deleted.
    """

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    deployment_id: str
    flow: str
    version: int
    tags: tuple[str, ...] = ()
    code: str
    files: int
    size: int
    same_code_as: int | None = None
    commit_sha: str | None = None
    commit_dirty: bool = False
    image_digest: str | None = None
    created_at: datetime
    deployed_by: str | None = None
    project: str
    python_version: str
    # As the schema of a wait: `schema` would shadow pydantic's own attribute.
    input_schema: dict[str, Any] = Field(alias="schema")
    stack: str | None = None

    @property
    def schema(self) -> dict[str, Any]:  # type: ignore[override]  # public name
        """The JSON schema of its inputs."""
        return self.input_schema


class DeployedFlow(Record):
    """A flow with deployed versions.

    Attributes:
        flow: Its name.
        default: The version that is invoked unless something else is said; `None` if none
            has the tag `default`.
        deployments: Its versions, newest first.
    """

    flow: str
    default: int | None = None
    deployments: tuple[Deployment, ...]


class Build(Record):
    """What a version would be made of.

    Attributes:
        flow: Name of the flow.
        code: Hash of the contents of its files.
        files: How many files its code has.
        size: Bytes of these files together.
        uri: Where the archive of its code is.
        packages: Versions of the packages that it uses.
        python_version: The Python it was built with, such as `3.12.4`.
        image_digest: The image that its remote stack would run; `None` for a local stack.
        stack: Name of the stack it would run on.
        input_schema: JSON schema of its inputs, `schema` in JSON and in the constructor.
    """

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    flow: str
    code: str
    files: int
    size: int
    uri: str
    packages: dict[str, str] = Field(default_factory=dict)
    python_version: str
    image_digest: str | None = None
    stack: str
    input_schema: dict[str, Any] = Field(alias="schema")

    @property
    def schema(self) -> dict[str, Any]:  # type: ignore[override]  # public name
        """The JSON schema of its inputs."""
        return self.input_schema
