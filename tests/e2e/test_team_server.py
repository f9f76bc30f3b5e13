"""Operators of a team work with its server, in processes that cannot import ZenML."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.e2e.test_without_zenml import BLOCKED, FLOWS
from tests.support.polling import eventually
from tests.support.server import RunningServer
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e


def without_zenml(workspace: Workspace, *lines: str) -> list[str]:
    """Return what each command prints in a process that cannot import ZenML."""
    script = workspace.script("blocked.py", BLOCKED)
    done = workspace.python(script, *lines)
    assert done.stderr == ""
    return done.stdout.split("---\n")[: len(lines)]


def holding(folder: Path, secrets: tuple[str, ...]) -> list[str]:
    """Return the files under a folder that hold a secret."""
    return [
        str(file.relative_to(folder))
        for file in folder.rglob("*")
        if file.is_file() and any(s.encode() in file.read_bytes() for s in secrets)
    ]


def ids_in(listing: str) -> set[str]:
    """Return the ids of a listing, as short as people are shown them."""
    return {item["exec_id"][:8] for item in json.loads(listing)["items"]}


def test_operators_of_a_team_look_and_steer_without_zenml(
    workspace: Workspace, zenml_server: RunningServer
) -> None:
    workspace.kitaru("login", zenml_server.url, "--api-key", zenml_server.api_key)
    ran = workspace.python(workspace.script("flows.py", FLOWS))
    begun = dict(re.findall(r"(\w+) (\w{8}) started", ran.both))
    asking, failing, easy = (begun[name] for name in ("asking", "failing", "easy"))
    (workspace.project / "luck").touch()

    home, listed, shown = without_zenml(
        workspace,
        "",
        "executions list -o json",
        "executions list --flow asking --status waiting -o json",
    )
    got, log, answered, retried = without_zenml(
        workspace,
        f"executions get {easy} -o json",
        f"executions logs {easy} -o json",
        f"executions input {asking} --value true -o json",
        f"executions retry {failing} -o json",
    )

    assert f"executions input {asking} --value true" in home
    assert {asking, failing, easy} <= ids_in(listed)
    assert asking in ids_in(shown)
    item = json.loads(got)["item"]
    assert (item["status"], item["result"], item["metadata"]) == (
        "completed",
        4,
        {"topic": "weather"},
    )
    assert any(entry["message"] == "doubling 2" for entry in json.loads(log)["items"])
    assert json.loads(answered)["item"]["exec_id"].startswith(asking)
    assert json.loads(retried)["item"]["exec_id"].startswith(failing)

    def are_done() -> bool:
        (found,) = without_zenml(
            workspace, "executions list --status completed --size 100 -o json"
        )
        return {asking, failing, easy} <= ids_in(found)

    eventually(are_done, what="all three completed", within=300)
    (done,) = without_zenml(workspace, f"executions get {asking} -o json")
    (wait,) = json.loads(done)["item"]["waits"]
    assert (wait["answered_by"], wait["surface"]) == ("robot", "cli")
    files = holding(workspace.config, zenml_server.secrets)
    assert files == ["credentials.yaml"]
