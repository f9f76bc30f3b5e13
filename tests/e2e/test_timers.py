"""Timers and expiry outlive the process that began them."""

from __future__ import annotations

import pytest

from tests.support.polling import eventually
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

SLEEPING = """
import kitaru
from kitaru import checkpoint, flow

@checkpoint
def step(name: str) -> str:
    with open("side_effects", "a") as file:
        file.write(f"{name}\\n")
    return name

@flow
def sleeping() -> str:
    step("before")
    kitaru.sleep(1.5)
    if not kitaru.wait(name="ok", schema=bool, expires=0.5, default=True, timeout=0):
        return "no"
    return step("after")

if __name__ == "__main__":
    sleeping.run()
"""


def test_who_sleeps_goes_on_without_its_process_once_somebody_looks(
    workspace: Workspace,
) -> None:
    runner = workspace.start_python(workspace.script("sleeping.py", SLEEPING))
    runner.says("sleep  until")
    runner.kill()
    execution_id = workspace.newest()

    # Each look may be the one that comes after the time.
    eventually(
        lambda: workspace.execution(execution_id)["status"] == "completed",
        what="the end",
    )
    done = workspace.settles(execution_id, "completed")

    assert workspace.lines("side_effects") == ["before", "after"]
    assert [(w["name"], w["outcome"]) for w in done["waits"]] == [
        ("sleep", "expired"),
        ("ok", "default"),
    ]


def test_a_watch_wakes_who_sleeps(workspace: Workspace) -> None:
    script = SLEEPING.replace("1.5", "0.1, timeout=0").replace("0.5", "3600")
    workspace.python(workspace.script("sleeping.py", script))
    execution_id = workspace.newest()

    watch = workspace.start_kitaru("reconcile", "--watch", "--every", "1")
    watch.says("answered: process")
    watch.kill()

    # It waits for what comes after the timer.
    workspace.reaches(execution_id, "waiting")
    workspace.released(execution_id)
    assert workspace.execution(execution_id)["pending_wait"]["name"] == "ok"
