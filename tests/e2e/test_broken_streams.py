"""A terminal that is closed, full or gone ends no work, and exit codes stay true."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.store import kitaru_command
from tests.support.workspace import Workspace

QUIET = """
import sys

from kitaru import checkpoint, flow


@checkpoint
def one() -> int:
    print("printed by a checkpoint")
    print("and on stderr", file=sys.stderr, flush=True)
    return 1


@flow
def quiet() -> int:
    return one() + 1


if __name__ == "__main__":
    assert quiet.run().wait() == 2
"""
STREAMS = {
    "stderr gone": "2>&1 >/dev/null | true",
    "both gone": "2>&1 | true",
    "stderr closed": "2>&-",
    "both closed": ">&- 2>&-",
    "stderr full": "2>/dev/full",
    "both full": ">/dev/full 2>&1",
}


def shell(workspace: Workspace, command: str) -> int:
    """Return the exit code of the first program of a shell's command."""
    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"],
        cwd=workspace.project,
        env=workspace.environment,
        capture_output=True,
        timeout=120,
        check=False,
    )
    return done.returncode


@pytest.mark.parametrize("streams", STREAMS.values(), ids=STREAMS)
def test_a_flow_completes_whatever_becomes_of_its_streams(
    workspace: Workspace, streams: str
) -> None:
    script = workspace.script("quiet.py", QUIET)

    code = shell(workspace, f"{sys.executable} {script} {streams}")

    assert code == 0
    execution = workspace.execution(workspace.newest())
    assert execution["status"] == "completed"
    said = workspace.kitaru("executions", "logs", execution["exec_id"]).stdout
    assert "printed by a checkpoint" in said
    assert "and on stderr" in said


def test_a_command_does_its_work_whatever_becomes_of_its_streams(
    workspace: Workspace,
) -> None:
    workspace.python(workspace.script("quiet.py", QUIET))
    exec_id = workspace.newest()
    kitaru = kitaru_command()

    assert shell(workspace, f"{kitaru} executions get {exec_id} | true") == 0
    assert shell(workspace, f"{kitaru} executions get {exec_id} >&-") == 0
    assert shell(workspace, f"{kitaru} executions get nonsense 2>&- >&-") == 2
    assert shell(workspace, f"{kitaru} executions retry {exec_id} 2>/dev/full") == 1
    # A result that nobody got is a failure, and is said to be one.
    assert shell(workspace, f"{kitaru} executions list >/dev/full") == 1
