"""Find and load stored values."""

from __future__ import annotations

from contextvars import copy_context
from uuid import UUID

from zenml.client import Client
from zenml.models import ArtifactVersionResponse

from kitaru._core.calls import described
from kitaru._core.calls.records import StoredValue
from kitaru._core.values.tagging import Permit
from kitaru._engine.journal.journal import Journal
from kitaru._engine.port.execution import Found
from kitaru._engine.values import value_files
from kitaru._engine.zenml.inspection import executions
from kitaru._engine.zenml.recording import artifact_versions
from kitaru._engine.zenml.runs.trust import Gate
from kitaru._engine.zenml.setup.errors import translated
from kitaru.errors import KitaruRuntimeError, KitaruUsageError
from kitaru.models import ArtifactRef


class Library:
    """The values of all executions."""

    def __init__(self, journal: Journal, gate: Gate) -> None:
        self._journal = journal
        self._gate = gate

    def find(self, execution_id: str, name: str, trust: bool) -> Found:
        """Return a saved artifact or a checkpoint's result by its name.

        Raises:
            KitaruUsageError: If the execution has none of that name.
        """
        calls = executions.known_calls(self._journal, execution_id)
        value = described.named_value(execution_id, name, calls)
        what = f"artifact {name!r}"
        whose = f"{what} of execution {execution_id}"
        return Found(
            value,
            artifact_versions.fetch(value, what=what),
            self._gate.of_execution(execution_id, whose, trust=trust),
        )

    def binder(self, execution_id: str) -> described.Bind:
        """Return what gives records of an execution a `load()` that reads the value."""

        # Values are read with the connection they were found with.
        context = copy_context()

        def bind(ref: ArtifactRef, value: StoredValue) -> ArtifactRef:
            def load(trust: bool) -> object:
                what = f"artifact {ref.name!r}"
                whose = f"{what} of execution {execution_id}"
                permit = self._gate.of_execution(execution_id, whose, trust=trust)
                return _loaded(value, what, permit)

            return ref.bind(lambda trust: context.copy().run(load, trust))

        return bind

    def of_execution(self, execution_id: str) -> list[ArtifactRef]:
        """Return the artifacts of an execution, in the order of its calls."""
        bind = self.binder(execution_id)
        calls = sorted(
            executions.known_calls(self._journal, execution_id), key=lambda r: r.order
        )
        refs = [ref for call in calls for ref in described.artifact_refs(call, bind)]
        with translated(f"reading execution {execution_id}"):
            run = Client().zen_store.get_run(UUID(execution_id))
        return refs + executions.result_refs(run, self._journal, bind)

    def get(self, artifact_id: str) -> ArtifactRef:
        """Return one artifact by Kitaru's or ZenML's id.

        Raises:
            KitaruUsageError: If there is none.
        """
        with translated(f"reading artifact {artifact_id}"):
            version = artifact_versions.find(artifact_id)
        if version is None:
            raise KitaruUsageError(
                f"no artifact {artifact_id!r}; ids are listed by "
                "KitaruClient().artifacts.list(execution_id)"
            )
        execution_id = artifact_versions.execution_of(version)
        for ref in self.of_execution(execution_id) if execution_id else []:
            if ref.artifact_id == artifact_id:
                return ref
        return self._foreign(version, artifact_id)

    def result(self, execution_id: str) -> object:
        """Return what a completed execution returned."""
        what = f"the result of execution {execution_id}"
        with translated(f"reading {what}"):
            run = Client().zen_store.get_run(UUID(execution_id))
            value = executions.result_value(run, self._journal)
        if value is None:
            places = [str(version.uri) for version in run.outputs.values()]
            where = (
                f"; it is in {places[0]}, on the machine that ran it" if places else ""
            )
            raise KitaruRuntimeError(
                f"execution {execution_id} has no result that is stored here{where}"
            )
        return _loaded(value, what, self._gate.of_execution(execution_id, what))

    def _foreign(
        self, version: ArtifactVersionResponse, artifact_id: str
    ) -> ArtifactRef:
        ref = ArtifactRef(
            artifact_id=artifact_id,
            name=version.name,
            kind="zenml",
            metadata={"type": version.data_type.import_path, "uri": version.uri},
        )

        context = copy_context()

        def load(trust: bool) -> object:
            permit = self._gate.of_author(version.user, f"artifact {ref.name!r}", trust)
            # Its materializer is code that the version names.
            permit("loading it")
            with translated(f"loading artifact {artifact_id}"):
                return version.load()

        return ref.bind(lambda trust: context.copy().run(load, trust))


def _loaded(value: StoredValue, what: str, permit: Permit) -> object:
    return value_files.load(value, artifact_versions.fetch(value, what=what), permit)
