"""A tool's question outlives the process that asked it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from mcp.client.client import Client

from tests.adapters.conformance.drivers import Driver
from tests.support import assistant, processes
from tests.support.assistant import given
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e


def test_a_question_is_answered_by_an_assistant_while_no_process_lives(
    driver: Driver, workspace: Workspace, tmp_path: Path
) -> None:
    execution_id, status = workspace.python("agent.py", "asking").stdout.split()
    left = processes.using(workspace.config)
    waiting = workspace.execution(execution_id)

    async def answer(mcp: Client) -> None:
        await given(
            mcp,
            "kitaru_executions_input",
            exec_id=execution_id,
            wait=driver.wait,
            value=driver.answer,
        )

    with (tmp_path / "errors").open("w") as errors:
        assistant.talk_over_pipe(workspace, answer, errors=errors)
    workspace.settles(execution_id, "completed")

    assert status == "waiting"
    assert left == []
    assert waiting["pending_wait"]["question"] == driver.question
    assert workspace.result(execution_id) == driver.answered
    finished = [line for line in workspace.lines("made") if line.startswith("finished")]
    assert Counter(finished) == {
        "finished model 1": 1,
        "finished prepare": 1,
        "finished model 2": 1,
    }
