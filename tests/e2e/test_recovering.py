"""With `recover="auto"` an execution goes on by itself after its process died."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tests.support.polling import eventually
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

DYING = """
import os, time
from kitaru import checkpoint, flow

def note(name):
    with open("side_effects", "a") as file:
        file.write(f"{name}\\n")

@checkpoint
def first():
    note("first")

@checkpoint
def second():
    note("second")
    if os.path.exists("deadly"):
        os.kill(os.getpid(), 9)
    return "done"

@flow
def dying():
    first()
    return second()

if __name__ == "__main__":
    dying.run()
"""


@pytest.fixture
def died(workspace: Workspace) -> str:
    """An execution whose first process died in its second checkpoint."""
    workspace.environment["KITARU_RECOVER"] = "auto"
    workspace.script("deadly", "")
    workspace.python(workspace.script("dying.py", DYING), code=-signal.SIGKILL)
    return workspace.newest()


def _get(workspace: Workspace, execution_id: str) -> dict[str, Any]:
    return workspace.kitaru_item("executions", "get", execution_id)


def test_of_several_who_look_and_one_who_retries_one_lets_it_go_on(
    workspace: Workspace, died: str
) -> None:
    (workspace.project / "deadly").unlink()

    looking = [
        workspace.start_kitaru("executions", *words)
        for words in (("get", died), ("list",), ("retry", died))
    ]
    codes = [one.finish().code for one in looking]
    done = workspace.settles(died, "completed")

    assert codes[:2] == [0, 0]
    assert workspace.lines("side_effects") == ["first", "second", "second"]
    assert done["settings"] == {"recover": "auto"}
    assert done["recovery"]["stopped"] is None


def test_a_checkpoint_that_takes_its_process_along_is_not_started_for_ever(
    workspace: Workspace, died: str
) -> None:
    eventually(
        lambda: (_get(workspace, died)["recovery"] or {}).get("stopped"),
        what="the end of recovery",
    )
    found, again = _get(workspace, died), _get(workspace, died)

    assert found["recovery"]["stopped"] == "2 processes died in second"
    assert found["recovery"]["times"] == 1
    assert "does not go on by itself any more" in found["failure"]["message"]
    assert again["status"] == "failed"
    assert workspace.lines("side_effects") == ["first", "second", "second"]

    (workspace.project / "deadly").unlink()
    workspace.retry(died)
    assert workspace.settles(died, "completed")["recovery"]["stopped"] is None
