"""The examples with agents run offline, as their first lines say."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pexpect
import pytest

from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def agent_program(workspace: Workspace, name: str = "pydantic_ai_agent.py") -> str:
    return str(shutil.copy(EXAMPLES / name, workspace.project))


def test_the_agent_asks_and_publishes(workspace: Workspace) -> None:
    runner = workspace.start_python(agent_program(workspace))
    runner.says("answer with: kitaru executions input")
    execution_id = workspace.newest()

    workspace.kitaru("executions", "input", execution_id, "--value", "true")
    done = runner.finish()

    assert done.code == 0, done.both
    last = "Durable agents: a fact about durability, a fact about agents"
    assert done.stdout.splitlines()[-1] == last
    assert len(re.findall("looking up", done.stderr)) == 2


@pytest.mark.parametrize(
    "name",
    ["openai_agents_agent.py", "langgraph_agent.py", "claude_agent_sdk_agent.py"],
)
def test_killed_while_it_asks_an_agent_goes_on_elsewhere(
    workspace: Workspace, name: str
) -> None:
    runner = workspace.start_python(agent_program(workspace, name))
    runner.says("answer with: kitaru executions input")
    execution_id = workspace.newest()
    runner.kill()

    workspace.kitaru("executions", "input", execution_id, "--value", "true")
    workspace.settles(execution_id, "completed")

    published = "published: a fact about durability, a fact about agents"
    assert workspace.result(execution_id) == published
    # All in the process that was killed.
    logs = workspace.kitaru("executions", "logs", execution_id).stdout
    assert len(re.findall("looking up", logs)) == 2


def test_ctrl_c_while_an_agent_asks_ends_the_process_and_not_the_execution(
    workspace: Workspace,
) -> None:
    terminal = workspace.terminal(sys.executable, agent_program(workspace))
    terminal.expect("yes or no")
    execution_id = workspace.newest()

    terminal.sendintr()
    terminal.expect(pexpect.EOF)

    assert (
        workspace.settles(execution_id, "waiting")["pending_wait"]["name"] == "approve"
    )
