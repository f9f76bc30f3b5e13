"""The log of an execution that several pods have written at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from zenml.client import Client

from kitaru._engine.zenml.pods.logs import RemoteLog
from kitaru.models import LogEntry

pytestmark = pytest.mark.zenml

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class Pods:
    """Ships logs as pods do: each an object of its own."""

    def __init__(self) -> None:
        self.execution_id = str(uuid4())
        store = Path(Client().active_stack.artifact_store.path)
        self._folder = store / "kitaru" / self.execution_id / "log"
        self._folder.mkdir(parents=True)

    def write(self, pod: str, second: int) -> None:
        """Add an entry that says when it was made, and by which pod."""
        moment = BEGIN + timedelta(seconds=second)
        entry = LogEntry(timestamp=moment, message=f"{pod} {second}", source="step")
        with (self._folder / f"{pod}.jsonl").open("a") as file:
            file.write(entry.model_dump_json() + "\n")


@pytest.mark.usefixtures("engine")
def test_lines_of_pods_that_run_beside_one_another_are_in_order_of_time() -> None:
    pods = Pods()
    for pod, second in [("flow", 1), ("flow", 3), ("apart", 2), ("apart", 4)]:
        pods.write(pod, second)

    entries = RemoteLog(pods.execution_id).read()

    assert [entry.message for entry in entries] == [
        "flow 1",
        "apart 2",
        "flow 3",
        "apart 4",
    ]


@pytest.mark.usefixtures("engine")
def test_following_shows_each_line_of_each_pod_once() -> None:
    pods = Pods()
    pods.write("flow", 1)
    to_come = iter([("apart", 2), ("flow", 3), ("apart", 4)])
    more: Iterator[bool] = iter([False, False, False, True])

    entries = RemoteLog(pods.execution_id).follow(
        lambda: next(more), lambda: pods.write(*next(to_come))
    )

    assert [entry.message for entry in entries] == [
        "flow 1",
        "apart 2",
        "flow 3",
        "apart 4",
    ]
