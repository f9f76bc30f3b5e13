"""Operators read executions of a local store without ZenML in the process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

FLOWS = """
from pathlib import Path

import kitaru
from kitaru import checkpoint, flow

@checkpoint
def double(n: int) -> int:
    print("doubling", n)
    return 2 * n

@flow
def easy() -> int:
    kitaru.log(topic="weather")
    return double(2)

@flow
def asking() -> int:
    if kitaru.wait(name="sure", schema=bool, question="Sure?", timeout=0):
        return double(1)
    return 0

@flow
def failing() -> None:
    double(3)
    if not Path("luck").exists():
        raise ValueError("no such luck")

if __name__ == "__main__":
    easy.run()
    asking.run()
    failing.run()
"""

# Each command line is run in one process; ZenML cannot be imported there.
BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("zenml", "sqlalchemy", "sqlmodel"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())

from kitaru.cli.app import app

for line in sys.argv[1:]:
    app(line.split(), standalone_mode=False)
    print("---")
"""


def without_zenml(workspace: Workspace, *lines: str) -> list[str]:
    """Return what each command prints in a process that cannot import ZenML."""
    script = workspace.script("blocked.py", BLOCKED)
    return workspace.python(script, *lines).stdout.split("---\n")[: len(lines)]


def test_operators_look_without_zenml(workspace: Workspace) -> None:
    workspace.python(workspace.script("flows.py", FLOWS))

    home, listed, waiting, status = without_zenml(
        workspace,
        "",
        "executions list -o json",
        "executions list --flow asking --status waiting -o json",
        "status -o json",
    )

    assert "waits for 'sure': Sure?" in home
    assert "no such luck" in home
    executions = {e["flow_name"]: e for e in json.loads(listed)["items"]}
    assert {name: e["status"] for name, e in executions.items()} == {
        "easy": "completed",
        "asking": "waiting",
        "failing": "failed",
    }
    assert [e["flow_name"] for e in json.loads(waiting)["items"]] == ["asking"]
    assert json.loads(status)["item"]["waiting"] == 1
    ids = {name: execution["exec_id"] for name, execution in executions.items()}
    easy, asking, failing, logs = without_zenml(
        workspace,
        f"executions get {ids['easy'][:8]} -o json",
        f"executions get {ids['asking']} -o json",
        f"executions get {ids['failing']} -o json",
        f"executions logs {ids['easy'][:8]} --checkpoint double -o json",
    )
    found = json.loads(easy)["item"]
    assert found == workspace.execution(ids["easy"])
    assert found["metadata"] == {"topic": "weather"}
    assert [call["name"] for call in found["checkpoints"]] == ["double"]
    assert json.loads(asking)["item"]["pending_wait"]["question"] == "Sure?"
    assert json.loads(failing)["item"]["failure"]["message"] == "no such luck"
    assert [line["message"] for line in json.loads(logs)["items"]] == ["doubling 2"]


def test_operators_answer_and_retry_without_zenml(workspace: Workspace) -> None:
    workspace.python(workspace.script("flows.py", FLOWS))
    listed = workspace.kitaru_items("executions", "list")
    ids = {execution["flow_name"]: execution["exec_id"] for execution in listed}
    workspace.script("luck", "")

    answered, retried = without_zenml(
        workspace,
        f"executions input {ids['asking']} --value true -o json",
        f"executions retry {ids['failing']} -o json",
    )

    assert json.loads(retried)["item"]["status"] == "running"
    assert json.loads(answered)["item"]["status"] == "running"
    (wait,) = json.loads(answered)["item"]["waits"]
    assert (wait["answer"], wait["surface"]) == (True, "cli")
    for flow in ("asking", "failing"):
        workspace.settles(ids[flow], "completed")
    assert workspace.result(ids["asking"]) == 2
    # Whoever looks with ZenML's own client sees the answer, too.
    assert workspace.stored("SELECT status, result_json FROM run_wait_condition") == [
        ("resolved", "true")
    ]


# Python imports it at each start, before anything of ours.
BARRED = """
import sys

class Barred:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("zenml", "sqlalchemy", "sqlmodel"):
            raise ImportError(f"{name} is barred")

sys.meta_path.insert(0, Barred())
"""

LIFE = """
import os
import signal
import sys
from pathlib import Path

import kitaru
from kitaru import KitaruClient, checkpoint, flow

@checkpoint
def pay(n: int) -> int:
    with open("paid", "a") as file:
        print(n, file=file)
    if n == 2 and not Path("again").exists():
        Path("again").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return n

@checkpoint(runtime="isolated")
def apart(n: int) -> int:
    kitaru.log(seen=n)
    return n * 10

@flow
def life(n: int) -> int:
    total = sum(pay(i) for i in range(n))
    if not kitaru.wait(name="sure", schema=bool, question="Sure?", timeout=0):
        raise ValueError("refused")
    return apart(total)

if __name__ == "__main__":
    client = KitaruClient()
    match sys.argv[1:]:
        case ["start"]:
            life.run(n=4)
        case ["replay", exec_id]:
            replayed = life.replay(exec_id, from_="apart", reuse_waits=True)
            print(replayed.exec_id, replayed.get())
        case ["load", exec_id]:
            print(client.executions.get(exec_id).artifacts[-1].load())
"""


def test_an_execution_lives_and_dies_without_zenml(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, tmp_path / "config")
    workspace.script("barred/sitecustomize.py", BARRED)
    workspace.environment["PYTHONPATH"] = str(workspace.project / "barred")
    script = workspace.script("life.py", LIFE)
    started = workspace.start_python(script, "start").finish()
    assert started.code == -9, started.both
    dry = workspace.kitaru_items("reconcile", "--dry-run")
    told = workspace.kitaru_items("reconcile")
    exec_id = workspace.newest()
    workspace.retry(exec_id[:8])
    workspace.settles(exec_id, "waiting")
    workspace.kitaru("executions", "input", exec_id, "--value", "true")
    workspace.settles(exec_id, "completed")
    replayed, result = workspace.python(script, "replay", exec_id).stdout.split()
    cancelled = workspace.start_python(script, "start").finish()
    assert cancelled.code == 0, cancelled.both
    workspace.kitaru("executions", "cancel", workspace.newest())

    assert [(item["trouble"], item["done"]) for item in (*dry, *told)] == [
        ("runner died", False),
        ("runner died", True),
    ]
    assert workspace.lines("paid")[:5] == ["0", "1", "2", "2", "3"]
    assert result == "60"
    assert workspace.python(script, "load", exec_id).stdout == "60\n"
    assert [
        (found["exec_id"] == replayed, found["status"])
        for found in workspace.kitaru_items("executions", "list")
    ] == [(False, "cancelled"), (True, "completed"), (False, "completed")]
    log = workspace.kitaru("executions", "logs", exec_id).stdout
    assert "completed" in log


LOOK = """
import json
from pathlib import Path
import os

os.environ["ZENML_CONFIG_PATH"] = os.environ["KITARU_CONFIG_PATH"]
os.environ["ZENML_ANALYTICS_OPT_IN"] = "false"
os.environ["ZENML_LOGGING_VERBOSITY"] = "ERROR"

from zenml.client import Client
from zenml.log_stores.artifact.artifact_log_store import fetch_log_records
from zenml.models import RunWaitConditionFilter

client = Client()
runs = {run.pipeline.name: run for run in client.list_pipeline_runs(hydrate=True)}
easy = runs["easy"]
print(json.dumps({
    "statuses": {name: run.status.value for name, run in runs.items()},
    "doubled": easy.steps["double"].output.load(),
    "result": easy.outputs["output"].load(),
    "printed": [
        entry.message
        for source in easy.steps["double"].log_collection
        for entry in fetch_log_records(
            client.active_stack.artifact_store, source.uri, 100
        )
    ],
    "code": "def easy() -> int:" in easy.snapshot.source_code,
    "waits": [wait.name for wait in client.zen_store.list_run_wait_conditions(
        RunWaitConditionFilter(project=client.active_project.id)
    ).items],
}))
"""


def test_zenml_shows_what_ran_without_it(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, tmp_path / "config")
    workspace.python(workspace.script("flows.py", FLOWS))

    seen = workspace.python(workspace.script("look.py", LOOK)).stdout

    assert json.loads(seen) == {
        "statuses": {"easy": "completed", "asking": "paused", "failing": "failed"},
        "doubled": 4,
        "result": 4,
        "printed": ["doubling 2"],
        "code": True,
        "waits": ["sure"],
    }
