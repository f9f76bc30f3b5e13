"""Power fails: what is on disk at any moment holds all that the flow saw finished.

Only what was flushed counts, so a copy is taken while the process stands still, and then
gets what a disk may show besides: half of the next commit, values nobody committed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from tests.endurance.conftest import Figures
from tests.support.polling import eventually
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

STEPS = 40

WRITING = """
import sys
import time

from kitaru import KitaruClient, checkpoint, current_execution_id, flow

def leave_line(name, text):
    with open(name, "a") as file:
        file.write(f"{text}\\n")

@checkpoint
def step(n: int) -> str:
    leave_line("effects", n)
    # Every other value is too large for a row of the journal.
    return f"{n} " + "x" * (100_000 if n % 2 else 1000)

@flow
def writing() -> list[int]:
    leave_line("id", current_execution_id())
    found = []
    for n in range(1, 41):
        found.append(int(step(n).split()[0]))
        leave_line("done", n)
        time.sleep(0.02)
    return found

if __name__ == "__main__":
    writing.run()
"""

GO_ON = """
import json
import sys

from kitaru import FlowHandle, KitaruClient
from kitaru._engine.open import current_engine

client = KitaruClient()
found = client.executions.get(sys.argv[1])
kept = [c.invocation_id for c in found.checkpoints if c.status == "completed"]
current_engine().continue_here(sys.argv[1])
print(json.dumps({
    "status": found.status.value,
    "kept": kept,
    "result": FlowHandle(sys.argv[1]).get(),
    "values": [len(a.load()) for a in client.artifacts.list(sys.argv[1], name="step")],
}))
"""


def test_a_copy_taken_at_any_moment_goes_on_behind_what_was_finished(
    workspace: Workspace, tmp_path: Path, figures: Figures
) -> None:
    flow = workspace.script("writing.py", WRITING)
    go_on = workspace.script("go_on.py", GO_ON)
    runner = workspace.start_python(flow)
    copies = []
    for moment in (1, 7, 20):
        eventually(
            lambda moment=moment: len(workspace.lines("done")) >= moment,  # type: ignore[misc]
            what=f"step {moment}",
        )
        with _standing_still(runner.pid):
            copies.append(_copy(workspace, tmp_path / f"copy-{moment}"))
    runner.kill()

    for number, (copy, finished) in enumerate(copies):
        (exec_id,) = set(workspace.lines("id"))
        _restore(workspace, copy)
        _spoil(workspace, exec_id, half_a_frame=bool(number % 2))

        done = workspace.python(go_on, exec_id)

        report = json.loads(done.stdout.splitlines()[-1])
        told = f"{finished} finished: {report}"
        assert report["status"] == "failed", told
        assert len(report["kept"]) >= finished, told
        assert report["result"] == list(range(1, STEPS + 1)), told
        effects = Counter(workspace.lines("effects"))
        assert [effects[str(n)] for n in range(1, finished + 1)] == [1] * finished
        assert max(effects.values()) <= 2, told
    figures.add(finished=[finished for _, finished in copies])


class _standing_still:
    """A process that does nothing while the body of a `with` runs."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)

    def __enter__(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)
        eventually(
            lambda: self._process.status() == psutil.STATUS_STOPPED, what="a stop"
        )

    def __exit__(self, *_: object) -> None:
        os.kill(self._process.pid, signal.SIGCONT)


def _copy(workspace: Workspace, target: Path) -> tuple[Path, int]:
    """Copy all that is on disk; return it with how many steps were finished."""
    finished = len(workspace.lines("done"))
    shutil.copytree(workspace.config, target / "config")
    shutil.copytree(workspace.project, target / "project")
    return target, finished


def _restore(workspace: Workspace, copy: Path) -> None:
    for place, name in ((workspace.config, "config"), (workspace.project, "project")):
        shutil.rmtree(place)
        shutil.copytree(copy / name, place)
    # Memory of processes, which no disk keeps.
    for shared in workspace.config.rglob("*.db-shm"):
        shared.unlink()


def _spoil(workspace: Workspace, exec_id: str, *, half_a_frame: bool) -> None:
    log = workspace.config / "kitaru" / "journal.db-wal"
    with log.open("ab") as file:
        # A frame is a header of 24 bytes and a page of 4096.
        file.write(os.urandom(2000 if half_a_frame else 3 * 4120))
    values = next(workspace.config.glob(f"local_stores/*/kitaru/{exec_id}"))
    with closing(
        sqlite3.connect(f"file:{log.with_suffix('.db')}?mode=ro", uri=True)
    ) as db:
        # As the next process finds it: a value whose commit did not happen.
        known = " ".join(row[0] for row in db.execute("SELECT body FROM calls"))
    for n in range(1, STEPS + 1):
        name = "step" if n == 1 else f"step_{n}"
        folder = values / name
        if f'"{name}"' not in known:
            folder = folder / "step-000000000000"
            folder.mkdir(parents=True)
            (folder / ".data.json.1.1").write_bytes(b'"00')
            (folder / "data.json").write_bytes(b"")
            return
