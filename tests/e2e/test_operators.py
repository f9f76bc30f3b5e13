"""Several people and processes on one store: cancel, race, answer from elsewhere."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from tests.support.polling import eventually
from tests.support.programs import RESEARCH_AGENT, RESEARCH_MAIN
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

# Answers as the ZenML dashboard does: Kitaru is not asked.
ZENML_ANSWER = """
import sys

from zenml.client import Client
from zenml.enums import RunWaitConditionResolution

(condition,) = Client().list_run_wait_conditions(status="pending").items
Client().resolve_run_wait_condition(
    condition.id, resolution=RunWaitConditionResolution.CONTINUE, result=True
)
"""

APPROVED = "ANALYZE: ['DURABILITY 1', 'DURABILITY 2']"


def waiting_agent(workspace: Workspace, *, alive: bool) -> str:
    """Return an execution that waits, with its runner alive or killed."""
    script = workspace.script("agent.py", RESEARCH_AGENT + RESEARCH_MAIN)
    runner = workspace.start_python(script)
    runner.says("answer with: kitaru executions input")
    if not alive:
        runner.kill()
    return workspace.newest()


# Far too many steps to finish within a test.
ENDLESS = """
import time

from kitaru import checkpoint, flow

@checkpoint
def step(n: int) -> int:
    with open("side_effects", "a") as file:
        file.write(f"{n}\\n")
    time.sleep(0.02)
    return n

@flow
def endless() -> None:
    for n in range(100_000):
        step(n)

endless.run()
"""


def test_cancel_stops_a_running_execution_at_its_next_checkpoint(
    workspace: Workspace,
) -> None:
    runner = workspace.start_python(workspace.script("endless.py", ENDLESS))
    eventually(lambda: workspace.lines("side_effects"), what="the first step")
    execution_id = workspace.newest()

    cancelled = workspace.kitaru_item("executions", "cancel", execution_id)

    assert cancelled["status"] == "cancelled"
    # Only a flow that stopped by itself gets to say so.
    assert f"endless {execution_id[:8]} cancelled" in runner.finish().stderr
    refused = workspace.kitaru("executions", "cancel", execution_id, code=1)
    assert "it is already cancelled" in refused.stderr


def test_cancel_stops_a_waiting_execution_at_once(workspace: Workspace) -> None:
    execution_id = waiting_agent(workspace, alive=False)

    cancelled = workspace.kitaru_item("executions", "cancel", execution_id)

    assert cancelled["status"] == "cancelled"
    assert cancelled["pending_wait"] is None
    refused = workspace.kitaru(
        "executions", "input", execution_id, "--value", "true", code=1
    )
    assert "it is cancelled" in refused.stderr


def test_cancel_ends_the_runner_that_waits(workspace: Workspace) -> None:
    execution_id = waiting_agent(workspace, alive=True)

    workspace.kitaru("executions", "cancel", execution_id)

    workspace.released(execution_id)
    cancelled = workspace.execution(execution_id)
    assert cancelled["status"] == "cancelled"
    assert "failed" not in (cancelled["status_reason"] or "")


def test_a_run_that_is_stopped_in_zenml_stops_at_its_next_checkpoint(
    workspace: Workspace,
) -> None:
    runner = workspace.start_python(workspace.script("endless.py", ENDLESS))
    eventually(lambda: workspace.lines("side_effects"), what="the first step")
    execution_id = workspace.newest()

    stopped_in_zenml(workspace)

    assert f"endless {execution_id[:8]} cancelled" in runner.finish().stderr
    assert workspace.execution(execution_id)["status"] == "cancelled"


def test_a_run_that_is_stopped_in_zenml_waits_no_more(workspace: Workspace) -> None:
    script = workspace.script("agent.py", RESEARCH_AGENT + RESEARCH_MAIN)
    runner = workspace.start_python(script)
    runner.says("answer with: kitaru executions input")
    execution_id = workspace.newest()

    stopped_in_zenml(workspace)

    assert "cancelled" in runner.finish().stderr
    assert workspace.execution(execution_id)["status"] == "cancelled"


def stopped_in_zenml(workspace: Workspace) -> None:
    """Do what the dashboard's button does to a run on a local stack."""
    database = workspace.config / "local_stores" / "default_zen_store" / "zenml.db"
    with closing(sqlite3.connect(database, timeout=30)) as db:
        db.execute("UPDATE pipeline_run SET status = 'stopping'")
        db.commit()


def test_of_two_answers_at_once_exactly_one_wins(workspace: Workspace) -> None:
    execution_id = waiting_agent(workspace, alive=True)

    answers = [
        workspace.start_kitaru("executions", "input", execution_id, "--value", value)
        for value in ("true", "false")
    ]

    ends = {value: a.finish() for value, a in zip(("yes", "no"), answers, strict=True)}
    assert sorted(end.code for end in ends.values()) == [0, 1]
    loser = next(end for end in ends.values() if end.code == 1)
    assert "Traceback" not in loser.stderr
    assert "answer" in loser.stderr
    workspace.settles(execution_id, "completed")
    expected = APPROVED if ends["yes"].code == 0 else "Stopped by reviewer."
    assert workspace.result(execution_id) == expected


def test_answer_given_through_zenml_reaches_a_living_runner(
    workspace: Workspace,
) -> None:
    script = workspace.script("agent.py", RESEARCH_AGENT + RESEARCH_MAIN)
    runner = workspace.start_python(script)
    runner.says("answer with: kitaru executions input")
    answer = workspace.script("answer.py", ZENML_ANSWER)

    workspace.start_python(
        answer, environment={"ZENML_CONFIG_PATH": str(workspace.config)}
    ).finish()

    assert runner.finish().stdout == APPROVED + "\n"


def test_answer_given_through_zenml_is_met_by_the_next_command(
    workspace: Workspace,
) -> None:
    execution_id = waiting_agent(workspace, alive=False)
    answer = workspace.script("answer.py", ZENML_ANSWER)
    workspace.start_python(
        answer, environment={"ZENML_CONFIG_PATH": str(workspace.config)}
    ).finish()

    workspace.kitaru("executions", "list")

    workspace.settles(execution_id, "completed")
    assert workspace.result(execution_id) == APPROVED


TWENTY_STEPS = """
from kitaru import checkpoint, flow

@checkpoint
def step(n: int) -> int:
    return n

@flow
def twenty_steps() -> int:
    return sum(step(n) for n in range(20))

print(twenty_steps.run().wait())
"""


def test_eight_processes_with_twenty_checkpoints_share_one_store(
    workspace: Workspace,
) -> None:
    script = workspace.script("twenty.py", TWENTY_STEPS)

    runners = [workspace.start_python(script) for _ in range(8)]

    ends = [runner.finish() for runner in runners]
    assert [end.code for end in ends] == [0] * 8, [end.stderr for end in ends]
    assert {end.stdout for end in ends} == {f"{sum(range(20))}\n"}
    assert not [end.stderr for end in ends if "locked" in end.stderr]
    listed = json.loads(workspace.kitaru("executions", "list", "-o", "json").stdout)
    assert [item["status"] for item in listed["items"]] == ["completed"] * 8
