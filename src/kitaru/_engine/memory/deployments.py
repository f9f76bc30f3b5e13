"""Deployed versions in memory: they run the flow as it was when it was deployed."""

from __future__ import annotations

import tempfile
import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from kitaru._core.flows.specs import FlowSpec
from kitaru._core.versions import choosing, names
from kitaru._core.versions.records import Version, VersionFacts
from kitaru._engine.code import archive, version_facts
from kitaru._engine.memory.executions import now
from kitaru._engine.port.deployments import Invocation, NewVersion
from kitaru.errors import KitaruStateError
from kitaru.models import Build, Continuation

_STACK = "memory"

Invoke = Callable[[FlowSpec, Version, Invocation], tuple[str, Continuation]]


class MemoryDeployments:
    """The versions of one memory engine.

    Args:
        invoke: Starts an execution of a version.
    """

    def __init__(self, invoke: Invoke) -> None:
        self._versions: dict[str, Version] = {}
        self._flows: dict[str, FlowSpec] = {}
        self._changing = threading.RLock()
        self._invoke = invoke

    def build(self, new: NewVersion) -> Build:
        return version_facts.built(new, _facts(new), stack=_STACK)

    def create(self, new: NewVersion) -> Version:
        facts = _facts(new)
        with self._changing:
            known = self.find(new.flow.name)
            number = choosing.next_number(known)
            made = Version(
                deployment_id=str(uuid.uuid4()),
                flow=new.flow.name,
                number=number,
                is_deleted=False,
                tags=frozenset({names.DEFAULT, *new.tags}),
                facts=replace(facts, deployed=replace(facts.deployed, number=number)),
                stack=new.settings.stack or _STACK,
                created_at=now(),
                updated_at=now(),
            )
            self._take(made.tags, known)
            for version in known:
                if version.is_deleted:
                    del self._versions[version.deployment_id]
            self._versions[made.deployment_id] = made
            self._flows[made.deployment_id] = new.flow
        return made

    def find(self, flow: str | None) -> list[Version]:
        return [v for v in self._versions.values() if flow in (None, v.flow)]

    def tag(self, version: Version, tag: str, *, exclusive: bool) -> None:
        with self._changing:
            living = self._living(version)
            if exclusive:
                self._take({tag}, self.find(version.flow))
            self._put(replace(living, tags=living.tags | {tag}, updated_at=now()))

    def untag(self, version: Version, tag: str) -> None:
        with self._changing:
            self._take({tag}, [self._living(version)])

    def delete(self, version: Version) -> None:
        with self._changing:
            living, known = self._living(version), self.find(version.flow)
            del self._flows[version.deployment_id]
            if version.number < choosing.next_number(known) - 1:
                del self._versions[version.deployment_id]
            else:
                self._put(replace(living, is_deleted=True, tags=frozenset()))

    def invoke(
        self, version: Version, invocation: Invocation
    ) -> tuple[str, Continuation]:
        living = self._living(version)
        return self._invoke(self._flows[version.deployment_id], living, invocation)

    def _living(self, version: Version) -> Version:
        found = self._versions.get(version.deployment_id)
        if found is None or found.is_deleted:
            raise KitaruStateError(f"{version.label} was deleted a moment ago")
        return found

    def _take(self, tags: Iterable[str], versions: Iterable[Version]) -> None:
        for version in versions:
            left = version.tags - {*tags}
            if left != version.tags:
                self._put(replace(version, tags=left, updated_at=now()))

    def _put(self, version: Version) -> None:
        self._versions[version.deployment_id] = version


def _facts(new: NewVersion) -> VersionFacts:
    with tempfile.TemporaryDirectory() as folder:
        packed = archive.pack(new.project, Path(new.flow.source.file), Path(folder))
    return version_facts.of(new, packed, f"memory:{packed.hash}", is_remote=False)
