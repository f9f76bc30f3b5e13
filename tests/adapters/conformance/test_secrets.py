"""Keys an agent holds and passwords in its prompts are stored nowhere."""

from __future__ import annotations

import pytest

from tests.adapters.conformance.drivers import Driver
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

SECRETS = (b"sk-" + b"live4" * 8, b"hunter" + b"2" * 9)


def test_secrets_are_in_no_file_and_on_no_screen(
    driver: Driver, workspace: Workspace
) -> None:
    done = workspace.python("agent.py", "secretive")

    execution_id = done.stdout.split()[0]
    shown = workspace.kitaru("executions", "get", execution_id, "-o", "json")
    logs = workspace.kitaru("executions", "logs", execution_id)
    execution = workspace.execution(execution_id)
    assert execution["status"] == "completed", done.both
    attempts = [call["attempts"] for call in execution["checkpoints"]]
    assert [len(tries) for tries in attempts] == [2, 1]
    printed = done.both + shown.both + logs.both
    files = [file for file in workspace.config.rglob("*") if file.is_file()]
    kept = {str(file): file.read_bytes() for file in files}
    assert any(b"***" in content for content in kept.values())
    for secret in SECRETS:
        assert secret.decode() not in printed
        assert [name for name, content in kept.items() if secret in content] == []
