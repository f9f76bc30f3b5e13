"""What Kitaru writes beside results has no secrets in it, on every engine."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from kitaru import KitaruClient, checkpoint, flow, llm, log, wait
from tests.support.polling import DEADLINE

pytestmark = pytest.mark.usefixtures("engine")

VALUE = "contract+key/4711ab=="
IN_FORMS = (
    VALUE,
    repr({"key": VALUE}),
    json.dumps([VALUE]),
    f"https://h/?a={quote(VALUE, safe='')}",
    base64.b64encode(f"user:{VALUE}".encode()).decode(),
    VALUE.upper(),
)
HIDDEN_PARTS = ("4711ab", "4711AB", base64.b64encode(b"key/4711a").decode())


def _echo(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    return ModelResponse([TextPart(f"you said {VALUE}")])


def _tells(line: str) -> bool:
    return any(part in line for part in (*HIDDEN_PARTS, "hunter2"))


ECHO = FunctionModel(_echo, model_name="echo")


@checkpoint
def careless(asked: str) -> str:
    for form in IN_FORMS:
        print(f"line {form}")
    log(password="hunter2", note=[VALUE], **{f"of {VALUE}": 1})
    return llm(f"log in with {VALUE}", model=ECHO)


@checkpoint
def refused() -> None:
    raise ConnectionError(f"refused: {IN_FORMS}")


@flow
def leaky(given: str) -> str:
    log(seen=VALUE)
    answer = careless(given)
    wait(
        name="go_on",
        question=f"use {VALUE}?",
        metadata={"api_key": "hunter2"},
        timeout=0,
    )
    try:
        refused()
    except ConnectionError as error:
        log(error=str(error))
    return answer


def test_nothing_that_is_recorded_tells_the_value_of_a_variable(
    client: KitaruClient,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ACME_KEY", VALUE)

    handle = leaky.run(VALUE)
    (open_wait,) = client.executions.pending_waits(handle.exec_id)
    client.executions.input(handle.exec_id, value=None)
    handle.wait(timeout=DEADLINE)

    execution = client.executions.get(handle.exec_id)
    kept = [execution.model_dump_json(), open_wait.model_dump_json()]
    kept += [entry.message for entry in client.executions.logs(handle.exec_id)]
    artifacts = {ref.name: ref for ref in client.artifacts.list(handle.exec_id)}
    said = "\n".join([*kept, capfd.readouterr().err])
    assert [line for line in said.splitlines() if _tells(line)] == []
    assert open_wait.question == "use ***?"
    assert open_wait.metadata == {"api_key": "***"}
    assert execution.metadata["seen"] == "***"
    assert execution.checkpoints[0].metadata["of ***"] == 1
    assert execution.checkpoints[0].metadata["password"] == "***"
    assert execution.checkpoints[1].failure is not None
    assert "refused" in execution.checkpoints[1].failure.message
    prompt = artifacts["careless.llm_call.prompt"].load()
    assert prompt == [{"role": "user", "content": "log in with ***"}]
    assert artifacts["careless.llm_call.response"].load() == "you said ***"


def test_results_and_saved_values_are_the_users_own(
    client: KitaruClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_KEY", VALUE)

    handle = leaky.run(VALUE)
    client.executions.input(handle.exec_id, value=None)

    assert handle.wait(timeout=DEADLINE) == f"you said {VALUE}"
    assert client.artifacts.list(handle.exec_id)[-1].load() == f"you said {VALUE}"
