"""The program of the documentation, run, answered and continued as a user does it."""

from __future__ import annotations

import pytest

from tests.support.processes import Process
from tests.support.programs import RESEARCH_AGENT, RESEARCH_MAIN
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

APPROVED = "ANALYZE: ['DURABILITY 1', 'DURABILITY 2']"
QUESTION = "Found 2 sources. Continue?"


@pytest.fixture
def runner(workspace: Workspace) -> Process:
    """The program, waiting for its answer."""
    script = workspace.script("agent.py", RESEARCH_AGENT + RESEARCH_MAIN)
    process = workspace.start_python(script)
    process.says("answer with: kitaru executions input")
    return process


def test_living_runner_takes_the_answer_and_prints_the_result(
    workspace: Workspace, runner: Process
) -> None:
    execution_id = workspace.newest()
    waiting = workspace.execution(execution_id)

    workspace.kitaru("executions", "input", execution_id, "--value", "true")

    assert waiting["status"] == "waiting"
    assert waiting["pending_wait"]["question"] == QUESTION
    assert waiting["pending_wait"]["schema"] == {"type": "boolean"}
    done = runner.finish()
    assert done.code == 0, done.both
    assert done.stdout == APPROVED + "\n"
    execution = workspace.settles(execution_id, "completed")
    assert execution["pending_wait"] is None
    assert workspace.lines("side_effects") == ["search", "llm"]


def test_answer_continues_an_execution_whose_runner_was_killed(
    workspace: Workspace, runner: Process
) -> None:
    execution_id = workspace.newest()
    runner.kill()

    answered = workspace.kitaru(
        "executions", "input", execution_id[:8], "--value", "true"
    )

    assert "goes on" in answered.stdout
    workspace.settles(execution_id, "completed")
    assert workspace.result(execution_id) == APPROVED
    assert workspace.lines("side_effects") == ["search", "llm"]


def test_a_no_ends_the_flow_with_its_early_return(
    workspace: Workspace, runner: Process
) -> None:
    execution_id = workspace.newest()

    workspace.kitaru("executions", "input", execution_id, "--value", "false")

    assert runner.finish().stdout == "Stopped by reviewer.\n"
    execution = workspace.settles(execution_id, "completed")
    assert [c["name"] for c in execution["checkpoints"]] == ["gather_sources"]
    assert workspace.lines("side_effects") == ["search"]
