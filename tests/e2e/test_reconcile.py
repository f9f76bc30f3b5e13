"""`kitaru reconcile` beside another one, and for ever."""

from __future__ import annotations

import json

import pytest

from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

# Its wait is answered as in the dashboard: nobody of ours hears of it.
ANSWERED = """
    from pathlib import Path

    from kitaru import checkpoint, flow, wait

    @checkpoint
    def publish(ok: bool) -> None:
        with Path("published").open("a") as file:
            file.write(f"{ok}\\n")

    @flow
    def reviewed() -> None:
        publish(wait(schema=bool, name="ok", timeout=0))

    if __name__ == "__main__":
        exec_id = reviewed.run().exec_id

        from zenml.client import Client
        from zenml.enums import RunWaitConditionResolution

        (asked,) = Client().list_run_wait_conditions(pipeline_run=exec_id).items
        Client().resolve_run_wait_condition(
            asked.id, resolution=RunWaitConditionResolution.CONTINUE, result=True
        )
        print(exec_id)
"""


def test_two_at_once_let_an_execution_go_on_once(workspace: Workspace) -> None:
    exec_id = workspace.python(workspace.script("review.py", ANSWERED)).stdout.strip()

    watching = workspace.start_kitaru(
        "reconcile", "--watch", "--every", "1", "-o", "json"
    )
    once = workspace.kitaru_items("reconcile")
    workspace.settles(exec_id, "completed")
    watching.interrupt()
    ended = watching.finish()

    told = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [item["exec_id"] for item in [*once, *told] if item["done"]] == [exec_id]
    assert workspace.lines("published") == ["True"]
    assert ended.code == 130
