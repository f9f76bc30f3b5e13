"""Executions that wait with no process alive, and are answered all at once."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.endurance.conftest import Figures, Sizes
from tests.support.polling import eventually
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

AT_ONCE = 4

ASKING = """
import os
import sys

import kitaru
from kitaru import checkpoint, flow

def leave_line(text):
    with open("effects", "a") as file:
        file.write(f"{text}\\n")

@checkpoint
def prepare(n: int) -> int:
    leave_line(f"prepare {n}")
    return n

@checkpoint
def publish(n: int) -> int:
    leave_line(f"publish {n}")
    leave_line(f"by {os.getpid()}")
    return n

@flow
def asking(n: int) -> int:
    prepare(n)
    kitaru.wait(schema=bool, name="ok", timeout=0)
    return publish(n)

if __name__ == "__main__":
    for n in range(int(sys.argv[1])):
        asking.run(n)
"""

ANSWER_ALL = """
import json
import os
import sqlite3
import time

from kitaru import KitaruClient

journal = sqlite3.connect(os.environ["KITARU_CONFIG_PATH"] + "/kitaru/journal.db")
at_once = 0
client = KitaruClient()
begun = time.monotonic()
waits = client.executions.pending_waits()
for wait in waits:
    client.executions.input(wait.exec_id, value=True)
    (found,) = journal.execute("SELECT count(*) FROM places").fetchone()
    at_once = max(at_once, found)
answered = time.monotonic() - begun
while client.executions.list(status="running", limit=1):
    time.sleep(0.2)
print(json.dumps({
    "answers": len(waits),
    "at_once": at_once,
    "answered": round(answered, 1),
    "completed": round(time.monotonic() - begun, 1),
    "open": [w.exec_id for w in client.executions.pending_waits()],
    "failed": [e.exec_id for e in client.executions.list(status="failed", limit=1)],
}))
"""


def test_all_that_wait_complete_after_their_answers_in_few_processes(
    workspace: Workspace, sizes: Sizes, figures: Figures
) -> None:
    script = workspace.script("asking.py", ASKING)
    answer_all = workspace.script("answer_all.py", ANSWER_ALL)
    workspace.start_python(script, str(sizes.waits)).finish(within=600)

    done = workspace.start_python(
        answer_all, environment={"KITARU_RUNNERS": str(AT_ONCE)}
    ).finish(within=600)

    assert done.code == 0, done.both
    report = json.loads(done.stdout)
    figures.add(**report)
    assert report["answers"] == sizes.waits
    assert not report["open"]
    assert not report["failed"]
    lines = Counter(workspace.lines("effects"))
    for n in range(sizes.waits):
        assert lines[f"prepare {n}"] == lines[f"publish {n}"] == 1
    processes = [line for line in lines if line.startswith("by ")]
    figures.add(processes=len(processes))
    assert report["at_once"] <= AT_ONCE
    assert len(processes) < sizes.waits
    eventually(lambda: _is_idle(workspace), what="no process left")


def _is_idle(workspace: Workspace) -> bool:
    return not workspace.journal(
        "SELECT pool FROM places UNION ALL SELECT pool FROM queue"
    )
