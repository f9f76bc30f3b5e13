"""What is asked of ZenML's store, whether that is a file or a server."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Protocol

from kitaru._core.flows.facts import ExecutionFacts
from kitaru._core.versions.records import Version
from kitaru._engine.local.store.file import Condition, Run, Step
from kitaru._engine.port.engine import ExecutionQuery


class Store(Protocol):
    """One look at a store; see `StoreFile`.

    All raise `OnlyZenMLKnows` where ZenML has to be asked.
    """

    def page(self, query: ExecutionQuery) -> tuple[list[Run], int]:
        """Return a page of executions, newest first, and how many there are."""
        ...

    def named(self, name: str) -> Run | None:
        """Return the execution whose run has that name."""
        ...

    def run(self, execution_id: str) -> Run:
        """Return the run of an execution."""
        ...

    def has_ended(self, execution_id: str) -> bool:
        """Whether an execution has ended."""
        ...

    def is_ours(self, execution_id: str) -> bool:
        """Whether the store has a run of that id."""
        ...

    def facts(self, execution_id: str) -> ExecutionFacts | None:
        """Return what an execution was started with; `None` for a run that is none."""
        ...

    def ids_like(self, prefix: str) -> list[str]:
        """Return ids of executions that begin so, at most ten; a whole one of any project."""
        ...

    def newest_ids(self) -> list[str]:
        """Return ids of executions, the newest first, to tell which was meant."""
        ...

    def is_foreign(self, text: str) -> bool:
        """Whether a whole id is that of a run of somebody else's."""
        ...

    def maker_of(self, artifact_id: str) -> str | None:
        """Return the execution in whose folder an artifact lies, if it is Kitaru's."""
        ...

    def metadata(self, execution_id: str) -> dict[str, Any]:
        """Return the metadata of a run."""
        ...

    def steps(self, execution_id: str, *, but: Container[str]) -> list[Step]:
        """Return the steps of a run, oldest first, without those of some calls."""
        ...

    def versions(self, flow: str | None) -> list[Version]:
        """Return the deployed versions of a flow or of all flows, oldest first."""
        ...

    def conditions(self, execution_id: str) -> list[Condition]:
        """Return all waits of an execution, oldest first."""
        ...

    def pending(self, execution_id: str | None) -> list[Condition]:
        """Return waits that ZenML takes for open, of one execution or of all."""
        ...
