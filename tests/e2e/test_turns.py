"""Executions take turns in one process: no one is stuck behind another's question."""

from __future__ import annotations

import os
import signal

import pytest

from tests.support.polling import eventually
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

ONE = {"KITARU_RUNNERS": "1"}

TWO_QUESTIONS = """
import os
import sys
import time

import kitaru
from kitaru import checkpoint, flow

VERSION = 1

def leave_line(name, text):
    with open(name, "a") as file:
        file.write(f"{text}\\n")

@checkpoint
def between(n: int) -> int:
    os.environ["LEFT_BEHIND"] = str(n)
    os.system(f"echo from the shell of {n}")
    return n

@checkpoint
def last(n: int) -> str:
    leave_line("last", f"{VERSION} {os.getpid()}")
    while os.path.exists(f"block_{n}"):
        time.sleep(0.01)
    return f"{n}"

@flow
def two_questions(n: int) -> str:
    kitaru.wait(schema=bool, name="one", timeout=0)
    leave_line("seen", f"{os.getpid()} {os.environ.get('LEFT_BEHIND')}")
    between(n)
    kitaru.wait(schema=bool, name="two")
    return last(n)

if __name__ == "__main__":
    print([two_questions.run(n).exec_id for n in range(3)])
"""

ANSWER = """
import sys
from kitaru import KitaruClient

for wait in KitaruClient().executions.pending_waits():
    KitaruClient().executions.input(wait.exec_id, value=True)
    print(wait.exec_id)
"""


def test_executions_take_turns_and_a_killed_process_strands_none(
    workspace: Workspace,
) -> None:
    flow = workspace.script("two.py", TWO_QUESTIONS)
    answer = workspace.script("answer.py", ANSWER)
    workspace.python(flow)

    ids = workspace.start_python(answer, environment=ONE).finish().stdout.split()
    # No question of another keeps the process.
    _all_ask_again(workspace)
    # It stays with the last one's question.
    runner = workspace.runner_pid(ids[-1])
    logs = [workspace.log_text(execution_id) for execution_id in ids]

    # One process, which gave each of them what the first had found.
    assert workspace.lines("seen") == [f"{runner} None"] * 3
    for number, log in enumerate(logs):
        assert f"from the shell of {number}" in log
        assert log.count("from the shell") == 1

    workspace.script("block_0", "")
    workspace.script("two.py", TWO_QUESTIONS.replace("VERSION = 1", "VERSION = 2"))
    os.kill(runner, signal.SIGKILL)
    workspace.start_python(answer, environment=ONE).finish()
    eventually(lambda: workspace.lines("last"), what="the blocked one")
    listed = {i["exec_id"]: i["status"] for i in _listed(workspace)}
    assert listed == dict.fromkeys(ids, "running")
    blocked = workspace.runner_pid(ids[0])
    workspace.kitaru("executions", "cancel", ids[1])
    os.kill(blocked, signal.SIGKILL)

    # Whoever looks starts what queued for the dead process.
    workspace.kitaru("executions", "list", environment=ONE)

    assert workspace.settles(ids[2], "completed")["status"] == "completed"
    assert workspace.execution(ids[0])["failure"]["origin"] == "runtime"
    assert workspace.execution(ids[1])["status"] == "cancelled"
    versions = [line.split()[0] for line in workspace.lines("last")]
    assert versions == ["2", "2"]


def test_a_process_does_not_run_code_that_was_changed_meanwhile(
    workspace: Workspace,
) -> None:
    flow = workspace.script("two.py", TWO_QUESTIONS)
    answer = workspace.script("answer.py", ANSWER)
    workspace.python(flow)
    ids = workspace.start_python(answer, environment=ONE).finish().stdout.split()
    _all_ask_again(workspace)
    workspace.script("block_0", "")
    workspace.script("block_2", "")

    # The last one has its process, the others queue for it.
    workspace.start_python(answer, environment=ONE).finish()
    workspace.script("two.py", TWO_QUESTIONS.replace("VERSION = 1", "VERSION = 2"))
    for name in ("block_0", "block_2"):
        (workspace.project / name).unlink()

    for execution_id in ids:
        workspace.reaches(execution_id, "completed")
    lines = [line.split() for line in workspace.lines("last")]
    assert [version for version, _ in lines] == ["1", "2", "2"]
    assert lines[0][1] != lines[1][1] == lines[2][1]


def _all_ask_again(workspace: Workspace) -> None:
    """Wait until each has asked its second question: before, it waits for the first."""
    query = "SELECT 1 FROM run_wait_condition WHERE status = 'pending' AND name = 'two'"
    eventually(lambda: len(workspace.stored(query)) == 3, what="three questions")


def _listed(workspace: Workspace) -> list[dict[str, str]]:
    return workspace.kitaru_items("executions", "list")
