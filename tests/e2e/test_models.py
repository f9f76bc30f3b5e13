"""Language models from outside: a kill after the answer, and the `model` commands."""

from __future__ import annotations

import pytest

from tests.support.polling import eventually
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

ASK_THEN_BLOCK = """
import os
import time
from pathlib import Path

from pydantic_ai.messages import ModelResponse, TextPart
from pydantic_ai.models.function import FunctionModel

from kitaru import checkpoint, flow, llm


def answer(messages, info):
    with open("asked", "a") as file:
        file.write(messages[-1].parts[-1].content + "\\n")
    return ModelResponse([TextPart("an answer")])


@checkpoint
def publish(text: str) -> str:
    Path("answered").touch()
    while os.path.exists("block"):
        time.sleep(0.01)
    return text.upper()


@flow
def writing() -> str:
    return publish(llm("a question", model=FunctionModel(answer)))


if __name__ == "__main__":
    writing.run()
"""


def test_a_killed_process_does_not_pay_twice(workspace: Workspace) -> None:
    script = workspace.script("writing.py", ASK_THEN_BLOCK)
    block = workspace.script("block", "")
    runner = workspace.start_python(script)
    eventually((workspace.project / "answered").exists, what="the answer")
    execution_id = workspace.newest()
    runner.kill()
    block.unlink()

    retried = workspace.kitaru_item("executions", "retry", execution_id, "--wait")

    assert retried["status"] == "completed"
    assert workspace.lines("asked") == ["a question"]
    assert workspace.result(execution_id) == "AN ANSWER"
    assert retried["usage"]["requests"] == 1
    shown = workspace.kitaru("executions", "get", execution_id).stdout
    assert "models: 1 request," in shown


def test_an_alias_is_registered_and_listed(workspace: Workspace) -> None:
    setting = ("--setting", 'stop_sequences=["[bold]"]')
    item = workspace.kitaru_item(
        "model", "register", "fast", "--model", "openai/gpt", *setting
    )
    text = workspace.kitaru("model", "list").stdout
    items = workspace.kitaru_items("model", "list")
    refused = workspace.kitaru("model", "register", "a/b", "--model", "x/y", code=2)

    assert items == [item]
    assert item["settings"] == {"stop_sequences": ["[bold]"]}
    assert 'stop_sequences=["[bold]"]' in text
    assert "Error: model alias 'a/b'" in refused.stderr
