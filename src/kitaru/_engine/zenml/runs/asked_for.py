"""Runs that somebody asks for: pages of them, and the one of a key."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from zenml.client import Client
from zenml.enums import ExecutionStatus as RunStatus
from zenml.models import PipelineRunResponse

from kitaru._core.calls.names import is_call_of
from kitaru._core.settings.labels import run_name, stored_forms
from kitaru._engine.port.engine import ExecutionQuery
from kitaru._engine.zenml.runs import runs, statuses
from kitaru._engine.zenml.setup import pages

_PAGE = 100


def page(query: ExecutionQuery) -> pages.Found[PipelineRunResponse]:
    """Return a page of runs, newest first, and how many there are."""
    ask = _asked(query)
    if query.failed_in is None:
        return pages.read(ask, page=query.page, size=query.size)
    # ZenML cannot ask for runs by what became of their steps.
    failed = _failed_in(query.failed_in)
    found = [run for run in pages.every(ask, size=_PAGE) if run.id in failed]
    start = (query.page - 1) * query.size
    return pages.Found(tuple(found[start : start + query.size]), len(found))


def of_key(key: str) -> PipelineRunResponse | None:
    """Return the run of a key, if there is one."""
    found = runs.reread(
        lambda: Client().list_pipeline_runs(name=f"equals:{run_name(key)}", size=1)
    )
    return found.items[0] if found.items else None


def _asked(query: ExecutionQuery) -> Callable[[int, int], Any]:
    filters: dict[str, Any] = {
        "pipeline_name": query.flow and f"equals:{query.flow}",
        "status": query.status and _one_of(statuses.words(query.status)),
        "tags": [f"equals:{tag}" for tag in (runs.TAG, *query.tags)],
    }
    if query.deployment_id is not None:
        filters["source_snapshot_id"] = query.deployment_id
    if query.where:
        filters["run_metadata"] = [
            f"{name}:{_one_of(stored_forms(text))}" for name, text in query.where
        ]
    if query.since is not None:
        # ZenML's moments are naive UTC.
        filters["created"] = f"gte:{query.since:%Y-%m-%d %H:%M:%S}"
    return lambda number, size: runs.reread(
        lambda: Client().list_pipeline_runs(
            sort_by="desc:created",
            page=number,
            size=size,
            # All of a page in one go; else each run is read again for its times.
            hydrate=True,
            **filters,
        )
    )


def _failed_in(wanted: str) -> set[UUID]:
    """Return the runs in which a call failed."""
    steps = pages.every(
        lambda number, size: Client().list_run_steps(
            name=f"startswith:{wanted}",
            status=RunStatus.FAILED.value,
            page=number,
            size=size,
        ),
        size=_PAGE,
    )
    return {s.pipeline_run_id for s in steps if is_call_of(s.name, wanted)}


def _one_of(words: list[str]) -> str:
    return "oneof:" + json.dumps(words)
