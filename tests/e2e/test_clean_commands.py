"""`kitaru clean` beside other processes, killed in the middle, and at the keyboard."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pexpect
import pytest

from tests.support.polling import DEADLINE, eventually
from tests.support.store import kitaru_command
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

STORE = "local_stores/default_zen_store/zenml.db"

MANY = """
import os
import sys
import time

from kitaru import checkpoint, flow

@checkpoint
def make(n: int) -> bytes:
    return bytes(100_000)

@checkpoint
def small(n: int) -> int:
    return n

@checkpoint
def hold() -> str:
    open("holding", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.02)
    return "held"

@flow
def many(n: int) -> int:
    for i in range(4):
        small(i)
    return len(make(n))

@flow
def holding() -> str:
    make(1)
    return hold()

if __name__ == "__main__":
    for n in range(int(sys.argv[1])):
        many.run(n)
    if sys.argv[2:]:
        print(holding.run().wait())
"""

LOAD_ALL = """
from kitaru import KitaruClient

client = KitaruClient()
for item in client.executions.list(limit=100):
    refs = client.artifacts.list(item.exec_id)
    values = [ref.load() for ref in refs]
    assert len(refs) == 6, refs
    assert values[-1] == 100_000, values[-1]
    print(item.exec_id)
"""


def run_ids(workspace: Workspace) -> list[str]:
    store = workspace.config / STORE
    with closing(sqlite3.connect(store, timeout=DEADLINE)) as db:
        return [row[0] for row in db.execute("SELECT id FROM pipeline_run")]


def left_over(workspace: Workspace) -> dict[str, int]:
    """Count what is left of executions, in files and databases."""
    store = workspace.config / STORE
    found = {}
    for path, tables in (
        (store, ("pipeline_run", "pipeline_snapshot", "step_run", "artifact_version")),
        (
            workspace.config / "kitaru" / "journal.db",
            ("executions", "calls", "notes", "leases", "answers"),
        ),
    ):
        with closing(sqlite3.connect(path, timeout=DEADLINE)) as db:
            for table in tables:
                query = f"SELECT count(*) FROM {table}"
                found[table] = db.execute(query).fetchone()[0]
    values = [p for p in workspace.config.rglob("data.*") if p.is_file()]
    logs = list((workspace.config / "kitaru" / "logs").glob("*"))
    return found | {"values": len(values), "logs": len(logs)}


def content(folder: Path) -> str:
    """Return a hash of all files; of databases, of what they say."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(
            str(path.relative_to(folder)).encode() if path.suffix[:4] != ".db-" else b""
        )
        if path.suffix == ".db":
            with closing(sqlite3.connect(path, timeout=DEADLINE)) as db:
                for line in db.iterdump():
                    digest.update(line.encode())
        elif path.is_file() and path.suffix not in (".db-wal", ".db-shm"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def test_a_killed_clean_leaves_whole_executions_and_the_next_one_finishes(
    workspace: Workspace,
) -> None:
    workspace.python(workspace.script("many.py", MANY), "16")
    load_all = workspace.script("load_all.py", LOAD_ALL)

    for left in (12, 6):
        cleaning = workspace.start_kitaru("clean", "project", "--yes")
        eventually(lambda n=left: len(run_ids(workspace)) <= n, what="some are gone")  # type: ignore[misc]  # a default
        cleaning.kill()
        whole = workspace.python(load_all).stdout.split()
        assert 0 < len(whole) == len(run_ids(workspace))
    last = workspace.kitaru_item("clean", "project", "--yes")

    assert last["kept"] == []
    assert left_over(workspace) == dict.fromkeys(left_over(workspace), 0)


def test_two_cleans_at_once_leave_a_running_execution_to_its_runner(
    workspace: Workspace,
) -> None:
    script = workspace.script("many.py", MANY)
    runner = workspace.start_python(script, "10", "hold")
    eventually(lambda: (workspace.project / "holding").exists(), what="the hold")

    cleans = [
        workspace.start_kitaru("clean", scope, "--yes", "-o", "json")
        for scope in ("project", "all")
    ]
    ends = [clean.finish() for clean in cleans]
    workspace.script("go", "")
    held = runner.finish()

    assert [end.code for end in ends] == [0, 0], [end.both for end in ends]
    items = [json.loads(end.stdout)["item"] for end in ends]
    assert sum(item.get("removed", 0) for item in items) == 10
    assert (held.code, held.stdout) == (0, "held\n"), held.both
    (left,) = workspace.kitaru_items("executions", "list")
    assert (left["flow_name"], left["status"]) == ("holding", "completed")
    assert left_over(workspace)["executions"] == 1


def test_a_dry_run_changes_nothing_and_says_what_would_go(workspace: Workspace) -> None:
    workspace.python(workspace.script("many.py", MANY), "3")
    workspace.kitaru("status")
    before = content(workspace.config)

    running = [
        workspace.start_kitaru("clean", scope, "--dry-run")
        for scope in ("project", "global", "all")
    ]
    shown = [process.finish().stdout for process in running]
    plan = workspace.kitaru_item("clean", "all", "--dry-run")

    assert content(workspace.config) == before
    assert f"executions started in {workspace.project}: 3 completed" in shown[0]
    assert "runs and values stay in ZenML" in shown[1]
    assert all("nothing was changed (dry run)" in text for text in shown)
    assert len(plan["items"]) == 3


def test_it_asks_on_a_terminal_and_wants_a_yes_elsewhere(workspace: Workspace) -> None:
    workspace.python(workspace.script("many.py", MANY), "1")
    refused = workspace.start_kitaru("clean", "project")
    as_json = workspace.start_kitaru("clean", "project", "-o", "json")
    asked = [
        pexpect.spawn(
            str(kitaru_command()),
            ["clean", "project"],
            cwd=str(workspace.project),
            env=workspace.environment,  # type: ignore[arg-type]  # a plain dict will do
            encoding="utf-8",
            timeout=DEADLINE,
        )
        for _ in range(2)
    ]
    for child in asked:
        child.expect(r"Remove 1 execution\?")

    codes, left = [], []
    for child, answer in zip(asked, ("n", "y"), strict=True):
        child.sendline(answer)
        child.read()
        child.close()
        codes.append(child.exitstatus)
        left.append(len(run_ids(workspace)))

    assert "--yes" in refused.finish().stderr
    assert json.loads(as_json.finish().stderr)["command"] == "clean project"
    assert (codes, left) == ([2, 0], [1, 0])
