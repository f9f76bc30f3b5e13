"""The versions of the connected store, as the port has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from zenml.client import Client

from kitaru._core.versions.records import Version, VersionFacts
from kitaru._engine.code import unpacked, version_facts
from kitaru._engine.port.deployments import Invocation, NewVersion
from kitaru._engine.zenml.connection import active
from kitaru._engine.zenml.deployments import by_server, snapshots
from kitaru._engine.zenml.pods import remote_runs, stored_code
from kitaru._engine.zenml.running.launcher import Launcher
from kitaru._engine.zenml.setup.errors import translated
from kitaru.errors import KitaruUsageError
from kitaru.models import Build, Continuation


class ZenMLDeployments:
    """Versions as named snapshots.

    Args:
        launcher: Starts executions.
    """

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher

    def build(self, new: NewVersion) -> Build:
        with self._draft(new) as (draft, facts):
            return version_facts.built(
                new,
                facts,
                stack=Client().active_stack_model.name,
                image=draft.image,
            )

    def create(self, new: NewVersion) -> Version:
        with self._draft(new) as (draft, _):
            return draft.create()

    def find(self, flow: str | None) -> list[Version]:
        with translated("listing deployed versions"):
            return snapshots.find(flow)

    def tag(self, version: Version, tag: str, *, exclusive: bool) -> None:
        with translated(f"tagging {version.label}"):
            snapshots.tag(version, tag, exclusive=exclusive)

    def untag(self, version: Version, tag: str) -> None:
        with translated(f"tagging {version.label}"):
            snapshots.untag(version, tag)

    def delete(self, version: Version) -> None:
        with translated(f"deleting {version.label}"):
            snapshots.delete(version)

    def invoke(
        self, version: Version, invocation: Invocation
    ) -> tuple[str, Continuation]:
        stack_id = self._stack_of(version)
        python = ""
        if not version.facts.is_remote:
            python = version_facts.interpreter(
                version, any_python=invocation.any_python
            )
            unpacked.ensure(version.facts.deployed, stored_code.unpacked)
        with active.stack(stack_id):
            if version.facts.is_remote:
                missing = by_server.missing_here(version)
                if missing is not None:
                    return by_server.invoke(version, invocation, missing)
            return self._launcher.invoke(version, invocation, python=python)

    def _stack_of(self, version: Version) -> str:
        with translated(f"reading {version.label}"):
            found = Client().zen_store.get_snapshot(UUID(version.deployment_id))
        if found.stack is None:
            raise KitaruUsageError(
                f"the stack of {version.label} was deleted; deploy the flow to another "
                "one"
            )
        return str(found.stack.id)

    @contextmanager
    def _draft(self, new: NewVersion) -> Iterator[tuple[snapshots.Draft, VersionFacts]]:
        name, flow = new.settings.stack, new.flow
        stack_id = active.stack_id(name) if name is not None else None
        with active.stack(stack_id):
            is_remote = remote_runs.is_chosen(flow.name)
            if is_remote:
                remote_runs.check(flow.source)
            options = remote_runs.options(new.settings) if is_remote else {}
            with translated(f"deploying flow {flow.name!r}"):
                file = Path(flow.source.file)
                uri, packed = stored_code.store(new.project, file)
                facts = version_facts.of(new, packed, uri, is_remote=is_remote)
                yield snapshots.Draft(new, facts, options), facts
