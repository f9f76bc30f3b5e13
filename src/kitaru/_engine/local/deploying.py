"""Deployed versions on a local stack: made, tagged, deleted and invoked without ZenML."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kitaru._core import sources
from kitaru._core.versions.records import Version, VersionFacts
from kitaru._engine.code import archive, unpacked, version_facts
from kitaru._engine.local.rows import deployments as rows
from kitaru._engine.local.rows.store_rows import StoreRows
from kitaru._engine.local.running.launcher import Launcher
from kitaru._engine.local.store import file
from kitaru._engine.local.store.ground import Ground
from kitaru._engine.port.deployments import Invocation, NewVersion
from kitaru.errors import KitaruUsageError
from kitaru.models import Build, Continuation

# Of an artifact store: where ZenML keeps code, too.
CODE = "code_uploads"


@dataclass(frozen=True, slots=True)
class LocalDeployments:
    """The versions of a local store, on one of its local stacks."""

    ground: Ground

    def build(self, new: NewVersion) -> Build:
        return version_facts.built(new, self._facts(new), stack=self.ground.stack)

    def create(self, new: NewVersion) -> Version:
        facts = self._facts(new)
        with self._rows() as store:
            made = rows.create(
                store,
                rows.NewVersionRow(
                    flow=new.flow.name,
                    facts=facts,
                    code=sources.code_of(new.flow.function),
                    tags=new.tags,
                    description=version_facts.description(new, facts),
                ),
            )
        with file.opened(self.ground.database, self.ground.project_id) as store_file:
            found = store_file.versions(new.flow.name)
        return next(v for v in found if v.deployment_id.replace("-", "") == made)

    def tag(self, version: Version, tag: str, *, exclusive: bool) -> None:
        with self._rows() as store:
            rows.tag(store, version, tag, exclusive=exclusive)

    def untag(self, version: Version, tag: str) -> None:
        with self._rows() as store:
            rows.untag(store, version, tag)

    def delete(self, version: Version) -> None:
        with self._rows() as store:
            rows.delete(store, version)

    def _facts(self, new: NewVersion) -> VersionFacts:
        folder = self.ground.artifact_root / CODE
        packed = archive.pack(new.project, Path(new.flow.source.file), folder)
        return version_facts.of(new, packed, str(packed.path), is_remote=False)

    @contextmanager
    def _rows(self) -> Iterator[StoreRows]:
        with closing(StoreRows(self.ground)) as store:
            yield store


def invoke(
    launcher: Launcher, version: Version, invocation: Invocation
) -> tuple[str, Continuation]:
    """Start an execution of a version; see the port for errors."""
    python = version_facts.interpreter(version, any_python=invocation.any_python)
    unpacked.ensure(version.facts.deployed)
    return launcher.invoke(version, invocation, python=python)


def stack_of(version: Version) -> str:
    """Return the name of a version's stack.

    Raises:
        KitaruUsageError: If that was deleted.
    """
    if version.stack is None:
        raise KitaruUsageError(
            f"the stack of {version.label} was deleted; deploy the flow to another one"
        )
    return version.stack
