"""Deployed versions of flows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kitaru._core.flows.specs import FlowSpec
from kitaru._core.settings.budgets import Budget
from kitaru._core.settings.labels import Labels
from kitaru._core.settings.settings import Settings
from kitaru._core.versions.records import Version
from kitaru.models import Build, Continuation


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version to be made: everything that can be checked has been.

    Attributes:
        flow: The flow, loaded as its file is now.
        settings: Stack, image, cache and retries of its executions.
        schema: JSON schema of its inputs.
        project: The folder whose files its code is.
        tags: More tags than `default`; they move here from earlier versions.
        deployed_by: Who deploys it, as `user@host`.
        commit_sha: The commit of that folder; `None` outside of git.
        commit_dirty: Whether files differ from it.
    """

    flow: FlowSpec
    settings: Settings
    schema: Mapping[str, Any]
    project: Path
    tags: tuple[str, ...] = ()
    deployed_by: str | None = None
    commit_sha: str | None = None
    commit_dirty: bool = False


@dataclass(frozen=True, slots=True)
class Invocation:
    """What an execution of a version is started with: everything has been checked.

    Attributes:
        inputs: JSON data that fits the version's schema.
        labels: What the execution is found by.
        budget: What it may spend on models before it asks, beside what the version says.
        any_python: Whether it may run on another Python than it was deployed with.
    """

    inputs: Mapping[str, Any]
    labels: Labels = Labels()  # noqa: RUF009  frozen
    budget: Budget | None = None
    any_python: bool = False


class Deployments(Protocol):
    """The versions of flows in the connected store."""

    def build(self, new: NewVersion) -> Build:
        """Do all of `create` that can fail or takes long, without making a version.

        Raises:
            KitaruUsageError: If the code cannot be packed, or the stack is not there.
        """
        ...

    def create(self, new: NewVersion) -> Version:
        """Make the next version of a flow: numbered, tagged, all or nothing.

        Several deployers at once get numbers of their own. `default` and the given tags
        move here from earlier versions, never from a later one.

        Raises:
            KitaruUsageError: As `build`; nothing was made.
        """
        ...

    def find(self, flow: str | None) -> list[Version]:
        """Return the versions of a flow or of all flows, oldest first.

        Among them are the marks that keep numbers of deleted versions from being used.
        """
        ...

    def tag(self, version: Version, tag: str, *, exclusive: bool) -> None:
        """Give a version a tag; if exclusive, take it from all others of the flow.

        Raises:
            KitaruStateError: If the version was deleted meanwhile.
        """
        ...

    def untag(self, version: Version, tag: str) -> None:
        """Take a tag from a version."""
        ...

    def delete(self, version: Version) -> None:
        """Delete a version; its executions go on."""
        ...

    def invoke(
        self, version: Version, invocation: Invocation
    ) -> tuple[str, Continuation]:
        """Start an execution of a version, in another process; no user code runs here.

        Raises:
            KeyTakenError: If there is an execution of its key; nothing was started.
            KitaruUsageError: If the stack is gone, the code is on another host, or the
                Python is another one; nothing was started.
            KitaruBackendError: If the code is missing or damaged; nothing was started.
        """
        ...
