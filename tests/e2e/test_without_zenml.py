"""Operators read executions of a local store without ZenML in the process."""

from __future__ import annotations

import json

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
