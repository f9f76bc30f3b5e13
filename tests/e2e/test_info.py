"""`kitaru info` says what there is, and above all what is broken."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e


def damage(path: Path) -> None:
    """Overwrite a database with what is none."""
    path.write_bytes(os.urandom(4096))
    for beside in path.parent.glob(f"{path.name}-*"):
        beside.unlink()


def test_a_whole_set_up_has_no_problems_and_says_what_holds(
    workspace: Workspace,
) -> None:
    workspace.script("pyproject.toml", "[tool.kitaru]\nretries = 1\nstack = 'x'\n")
    said = workspace.start_kitaru(
        "info",
        environment={
            "KITARU_RETRIES": "2",
            "KITARU_AUTH_TOKEN": "hunter2",
            "KITARU_IMAGE": '{"base_image": "i", "environment": {"KEY": "hunter2"}}',
        },
    ).finish()

    lines = [" ".join(line.split()) for line in said.stdout.splitlines()]
    assert said.code == 0, said.both
    assert "Problems" not in lines
    assert "connection local" in lines
    assert "calls 0" in lines
    assert f"stack x ({workspace.project}/pyproject.toml: tool.kitaru.stack)" in lines
    assert "retries 2 (KITARU_RETRIES)" in lines
    assert "image.base_image i (KITARU_IMAGE)" in lines
    assert "KITARU_AUTH_TOKEN ***" in lines
    assert "Analytics: off (default)" in lines
    assert "hunter2" not in said.both


def test_machines_get_the_same_and_all_packages_on_request(
    workspace: Workspace,
) -> None:
    found = workspace.kitaru_item("info", "--all")

    assert found["problems"] == []
    assert found["versions"]["zenml"].startswith("0.98.")
    assert found["extras"].keys() >= {"local", "mcp", "llm", "langgraph"}
    assert found["journal"]["unprojected"] == 0
    assert found["packages"]["pydantic"] == found["versions"]["pydantic"]


def test_a_damaged_journal_is_a_problem_and_no_obstacle(workspace: Workspace) -> None:
    damage(workspace.config / "kitaru" / "journal.db")

    found = workspace.kitaru_item("info")

    (problem,) = found["problems"]
    assert "journal.db is damaged: file is not a database" in problem
    assert found["connection"]["stack"] == "default"
    assert found["journal"]["calls"] is None


def test_a_damaged_store_is_a_problem_and_no_obstacle(workspace: Workspace) -> None:
    damage(workspace.config / "local_stores" / "default_zen_store" / "zenml.db")

    found = workspace.kitaru_item("info")

    (problem,) = found["problems"]
    assert "opening the store failed" in problem
    assert "file is not a database" in problem
    assert found["connection"] == {"connection": "broken"}
    assert found["journal"]["calls"] == 0


def test_a_damaged_configuration_is_a_problem_and_stays_as_it_is(
    workspace: Workspace,
) -> None:
    file = workspace.config / "config.yaml"
    file.write_text("{{{: x")

    found = workspace.kitaru_item("info")

    assert found["connection"] == {"connection": "broken"}
    assert len(found["problems"]) == 1
    assert file.read_text() == "{{{: x"


def test_damaged_settings_of_kitaru_are_a_problem_and_no_obstacle(
    workspace: Workspace,
) -> None:
    (workspace.config / "kitaru" / "settings.json").write_text("{")

    found = workspace.kitaru_item("info")

    (problem,) = found["problems"]
    assert "settings.json are damaged" in problem
    assert found["analytics"]["opted_in"] is False


def test_wrong_settings_are_a_problem_and_no_obstacle(workspace: Workspace) -> None:
    workspace.script("pyproject.toml", "[tool.kitaru]\nretrys = 1\n")

    found = workspace.kitaru_item("info")

    (problem,) = found["problems"]
    assert "new executions are refused: " in problem
    assert "did you mean 'retries'" in problem
    assert found["settings"] == []
    assert found["connection"]["connection"] == "local"


def test_a_project_that_is_not_there_is_a_problem_and_no_obstacle(
    workspace: Workspace,
) -> None:
    workspace.script("pyproject.toml", "[tool.kitaru]\nproject = 'nope'\n")

    found = workspace.kitaru_item("info")

    (problem,) = found["problems"]
    assert "there is no project 'nope' (known: default)" in problem
    assert found["connection"]["stack"] == "default"


def test_where_nothing_is_yet_nothing_is_made(tmp_path: Path) -> None:
    place = Workspace(tmp_path, tmp_path / "config")

    found = place.kitaru_item("info")

    assert found["problems"] == []
    assert found["journal"]["exists"] is False
    assert not place.config.exists()
