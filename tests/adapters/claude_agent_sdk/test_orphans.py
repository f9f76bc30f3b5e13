"""The CLI does nothing any more when the process that started it is gone."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support import messages_api
from tests.support.messages_api import text, tool
from tests.support.polling import DEADLINE, eventually
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

PROGRAM = """
import json
import sys

from claude_agent_sdk import ClaudeAgentOptions
from kitaru import flow
from kitaru.adapters.claude_agent_sdk import KitaruClaudeRunner

options = ClaudeAgentOptions(
    env=json.loads(sys.argv[1]), allowed_tools=["Bash"], setting_sources=[]
)


@flow
def working() -> str:
    return KitaruClaudeRunner(name="claude", options=options).run_sync("work").output


working.run()
"""


def test_a_cli_that_outlives_its_process_calls_no_tool(
    workspace: Workspace, tmp_path: Path
) -> None:
    is_killed = threading.Event()

    def script(body: dict[str, Any]) -> messages_api.Blocks:
        told = messages_api.results(body)
        for label in ("one", "two"):
            if label not in told:
                if label == "two":
                    is_killed.wait(DEADLINE)
                command = f"echo {label} >> ran"
                return [tool(label, "Bash", command=command, description="note")]
        return [text("done")]

    with messages_api.serving(script) as api:
        program = workspace.script("working.py", PROGRAM)
        environment = json.dumps(api.environment(tmp_path / "home"))
        runner = workspace.start_python(program, environment)
        eventually(lambda: len(api.bodies) == 2, what="the second request")
        (cli,) = psutil.Process(runner.pid).children()
        runner.kill()
        is_killed.set()

        psutil.wait_procs([cli], timeout=DEADLINE)

    assert not cli.is_running()
    assert workspace.lines("ran") == ["one"]
