"""An execution has one runner: who was taken for dead and wakes up changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing

import psutil
import pytest

from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import SILENCE
from tests.support.polling import eventually
from tests.support.workspace import Workspace

# A container of Docker has a name and pids of its own, and often the name of another one.
CONTAINER = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts")


def can_contain() -> bool:
    try:
        return subprocess.run([*CONTAINER, "true"], capture_output=True).returncode == 0
    except OSError:
        return False


pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not can_contain(), reason="needs namespaces, and to be root"),
]

PAYMENTS = """
import os, time
from kitaru import checkpoint, flow

@checkpoint
def pay(n):
    with open("paid", "a") as file:
        print(n, file=file)
    return n

@flow
def payments():
    first = pay(1)
    while not os.path.exists("go"):
        time.sleep(0.05)
    return first + pay(2) + pay(3)

if __name__ == "__main__":
    payments.run()
"""


def let_time_pass(workspace: Workspace, seconds: float) -> None:
    """Let all runners be silent for longer, as if all clocks had gone on."""
    path = workspace.config / "kitaru" / "journal.db"
    with closing(Journal(path)) as journal, journal.transaction() as db:
        db.execute(
            "UPDATE leases SET heartbeat = heartbeat - ?1, steady = steady - ?1",
            (seconds,),
        )


def test_a_runner_that_sleeps_and_wakes_beside_the_next_one_pays_nothing_twice(
    workspace: Workspace,
) -> None:
    script = workspace.script("payments.py", PAYMENTS)
    container = workspace.start(*CONTAINER, sys.executable, script)
    eventually(lambda: workspace.lines("paid") == ["1"], what="the first payment")
    execution_id = workspace.newest()
    (sleeper,) = psutil.Process(container.pid).children()

    # Its pid means another process here, or none; it is not taken for dead.
    beside = workspace.execution(execution_id)
    early = workspace.kitaru("executions", "retry", execution_id, code=1)
    os.kill(sleeper.pid, signal.SIGSTOP)
    let_time_pass(workspace, SILENCE + 1)
    silent = workspace.execution(execution_id)
    workspace.script("go", "")
    retried = workspace.kitaru_item("executions", "retry", execution_id, "--wait")
    os.kill(sleeper.pid, signal.SIGCONT)
    woken = container.finish()

    assert beside["status"] == "running"
    assert "still running" in early.stderr
    assert (silent["status"], silent["failure"]["origin"]) == ("failed", "runtime")
    assert retried["status"] == "completed"
    assert woken.code == 1
    assert f"lost execution {execution_id}" in woken.stderr
    assert workspace.lines("paid") == ["1", "2", "3"]
    assert workspace.execution(execution_id)["status"] == "completed"
    assert workspace.result(execution_id) == 6
