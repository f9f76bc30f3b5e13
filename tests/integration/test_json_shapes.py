"""What commands that need a real store or server print with `-o json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kitaru import flow
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru.cli.app import app
from tests.support.golden import assert_golden, shape
from tests.support.server import RunningServer

pytestmark = pytest.mark.zenml

GATED = """
from kitaru import flow, wait


@flow
def gated() -> str:
    wait(timeout=0)
    return "through"
"""


def printed(*words: str) -> Any:
    """Return what a command prints, and compare it with what is kept for it."""
    done = CliRunner().invoke(app, [*words, "-o", "json"])
    assert done.exception is None, (words, done.output, done.exception)
    return json.loads(done.stdout)


def golden(*words: str, arguments: tuple[str, ...] = ()) -> Any:
    data = printed(*words, *arguments)
    assert_golden("-".join(words), data)
    return data


def test_stacks(engine: ZenMLEngine) -> None:
    golden("stack", "create", arguments=("second", "--label", "team=red"))
    golden("stack", "list")
    golden("stack", "current")
    golden("stack", "show", arguments=("second",))
    golden("stack", "verify", arguments=("second",))
    golden("stack", "use", arguments=("default",))
    golden("stack", "delete", arguments=("second", "--yes"))


def test_secrets(engine: ZenMLEngine) -> None:
    golden("secrets", "set", arguments=("openai", "api_key=sk-1"))
    golden("secrets", "list")
    golden("secrets", "show", arguments=("openai",))
    golden("secrets", "delete", arguments=("openai", "--yes"))


def test_models(engine: ZenMLEngine) -> None:
    arguments = ("fast", "--model", "openai/gpt-4o-mini", "--secret", "openai")
    golden("model", "register", arguments=arguments)
    golden("model", "list")


def test_preferences(engine: ZenMLEngine, tmp_path: Path) -> None:
    golden("analytics", "opt-in")
    golden("analytics", "status")
    golden("analytics", "opt-out")
    golden("log-store", "set", arguments=(str(tmp_path / "logs"),))
    golden("log-store", "show")
    golden("log-store", "reset")


def test_a_project(engine: ZenMLEngine) -> None:
    golden("init")
    assert_golden("info", shape(printed("info")))


def test_a_resumed_execution(
    engine: ZenMLEngine, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("gates.py").write_text(GATED)
    monkeypatch.syspath_prepend(str(Path.cwd()))
    import gates

    handle = gates.gated.run()
    answer_in_zenml(handle.exec_id)

    golden("reconcile", arguments=("--dry-run",))
    golden("executions", "resume", arguments=(handle.exec_id, "--wait"))

    assert handle.get() == "through"


def answer_in_zenml(execution_id: str) -> None:
    """Answer as the dashboard does: nobody of ours hears of it."""
    from zenml.client import Client
    from zenml.enums import RunWaitConditionResolution

    client = Client()
    (condition,) = client.list_run_wait_conditions(pipeline_run=execution_id).items
    client.resolve_run_wait_condition(
        condition.id, resolution=RunWaitConditionResolution.CONTINUE
    )


@pytest.mark.parametrize("scope", ["project", "global", "all"])
def test_cleaning(engine: ZenMLEngine, scope: str) -> None:
    @flow
    def empty() -> None:
        return None

    empty.run()

    golden("clean", scope, arguments=("--yes",))


def test_a_login(config: Path, zenml_server: RunningServer) -> None:
    golden("login", arguments=(zenml_server.url, "--api-key", zenml_server.api_key))
    golden("auth", "token")
    golden("logout")


def test_accounts_and_keys(
    config: Path, zenml_server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KITARU_SERVER_URL", zenml_server.url)
    monkeypatch.setenv("KITARU_AUTH_TOKEN", zenml_server.token)
    accounts, keys = ("auth", "service-accounts"), ("auth", "api-keys")

    golden(*accounts, "create", arguments=("worker", "--description", "Answers waits"))
    golden(*accounts, "get", arguments=("worker",))
    listed = printed(*accounts, "list")
    # Other tests have accounts on the server, too.
    own = [item for item in listed["items"] if item["name"] == "worker"]
    assert_golden("-".join([*accounts, "list"]), {**listed, "items": own, "count": 1})
    golden(*accounts, "update", arguments=("worker", "--description", "Answers"))
    golden(*keys, "create", arguments=("worker", "first"))
    golden(*keys, "get", arguments=("worker", "first"))
    golden(*keys, "list", arguments=("worker",))
    golden(*keys, "update", arguments=("worker", "first", "--description", "The first"))
    golden(*keys, "rotate", arguments=("worker", "first"))
    golden(*keys, "delete", arguments=("worker", "first", "--yes"))
    golden(*accounts, "delete", arguments=("worker", "--yes"))
