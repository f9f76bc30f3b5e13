"""An execution as a file, and today's code against it, on every engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kitaru import KitaruClient
from kitaru.cli.app import app
from kitaru.errors import KitaruDivergenceError
from kitaru.testing import replay_recording
from tests.support.articles import as_it_was, fewer, made, ran, recorded

pytestmark = pytest.mark.usefixtures("engine")


def test_todays_code_runs_against_it_and_no_body_does(
    client: KitaruClient, tmp_path: Path
) -> None:
    path = recorded(client, tmp_path)

    run = replay_recording(made(as_it_was), path)

    assert run == "whales by November"
    assert ran == []
    text = path.read_text()
    assert "sk-not-for-files" not in text
    assert [c["invocation_id"] for c in json.loads(text)["calls"]] == [
        "gather",
        "draft",
        "publish",
    ]


def test_an_execution_that_waits_or_was_stopped_may_end_there(
    client: KitaruClient, tmp_path: Path
) -> None:
    stopped = made(as_it_was).run("whales", break_before=["draft"])
    waiting = made(as_it_was).run("whales")
    for number, handle in enumerate((stopped, waiting)):
        client.executions.export(handle.exec_id, tmp_path / f"{number}.json")

    assert replay_recording(made(as_it_was), tmp_path / "0.json") is None
    assert replay_recording(made(as_it_was), tmp_path / "1.json") is None
    with pytest.raises(KitaruDivergenceError, match="recorded was waiting"):
        replay_recording(made(fewer), tmp_path / "1.json")


def test_a_failure_is_raised_again(client: KitaruClient, tmp_path: Path) -> None:
    path = recorded(client, tmp_path, "broken")

    assert replay_recording(made(as_it_was), path) == "not published: no route"


def test_the_command_writes_the_file_and_says_so(
    client: KitaruClient, tmp_path: Path
) -> None:
    exec_id = made(as_it_was).run("whales").exec_id
    path = tmp_path / "deep" / "it.json"

    done = CliRunner().invoke(app, ["executions", "export", exec_id, "-o", str(path)])
    printed = CliRunner().invoke(app, ["executions", "export", exec_id])

    assert done.exit_code == 0, done.output
    assert "2 calls" in done.output
    assert json.loads(path.read_text()) == json.loads(printed.stdout)
    assert json.loads(printed.stdout)["status"] == "waiting"
