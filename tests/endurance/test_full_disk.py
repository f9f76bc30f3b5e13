"""No room to write: what is finished stays, and each command says what to do."""

from __future__ import annotations

import sys

import pytest

from tests.support.store import kitaru_command
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

# As on a full disk no file grows beyond a size, shared memory of SQLite included.
CRAMPED = """
import os
import resource
import sys

room = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
os.execv(sys.argv[2], sys.argv[2:])
"""

GROWING = """
from kitaru import checkpoint, flow

@checkpoint
def page(n: int) -> str:
    with open("effects", "a") as file:
        file.write(f"{n}\\n")
    # Twice a large one: they are files, and the last does not fit.
    return "x" * (80_000 if n < 3 else 9_000_000)

@flow
def growing() -> int:
    return sum(len(page(n)) for n in range(1, 5))

if __name__ == "__main__":
    growing.run()
"""


def test_a_full_disk_keeps_what_is_finished_and_says_make_room(
    workspace: Workspace,
) -> None:
    cramped = workspace.script("cramped.py", CRAMPED)
    flow = workspace.script("growing.py", GROWING)

    full = workspace.start_python(cramped, "8000000", sys.executable, flow).finish()
    no_room = workspace.start_python(
        cramped, "16000", kitaru_command(), "executions", "list"
    ).finish()
    exec_id = workspace.newest()
    failed = workspace.execution(exec_id)
    retried = workspace.kitaru_item("executions", "retry", exec_id, "--wait")

    assert "File too large" in full.both
    assert "make room" in full.both
    assert no_room.code == 1, no_room.both
    assert "Traceback" not in no_room.both
    assert "make room" in no_room.stderr
    assert failed["status"] == "failed"
    assert failed["failure"]["origin"] == "backend"
    assert retried["status"] == "completed"
    assert workspace.lines("effects") == ["1", "2", "3", "3", "4"]
