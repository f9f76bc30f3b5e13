"""`llm()` on every engine, with models that need no network."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import RequestUsage

from kitaru import KitaruClient, checkpoint, flow, llm, log
from kitaru._engine.open import current_engine
from kitaru.errors import (
    KitaruContextError,
    KitaruModelError,
    KitaruModelUnavailableError,
    KitaruUsageError,
    KitaruUserCodeError,
)
from kitaru.models import CheckpointCall

pytestmark = pytest.mark.usefixtures("engine")

ASKED: list[str] = []
TROUBLE: list[int] = []


def _answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Say how many questions there were; fail with a status as long as told to."""
    ASKED.append(str(messages[-1].parts[-1].content))  # type: ignore[union-attr]  # users only
    if TROUBLE:
        raise ModelHTTPError(TROUBLE.pop(), "counting")
    usage = RequestUsage(input_tokens=10, output_tokens=2)
    return ModelResponse([TextPart(f"answer {len(ASKED)}")], usage=usage)


COUNTING = FunctionModel(_answer, model_name="counting")


@pytest.fixture(autouse=True)
def no_questions_yet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    ASKED.clear()
    TROUBLE.clear()
    for name in ("KITARU_LLM_MOCK_RESPONSE", "KITARU_DEFAULT_MODEL"):
        monkeypatch.delenv(name, raising=False)
    return iter(())


def calls_of(client: KitaruClient, exec_id: str) -> dict[str, CheckpointCall]:
    calls = client.executions.get(exec_id).checkpoints
    return {call.invocation_id: call for call in calls}


def saved(call: CheckpointCall) -> dict[str, tuple[str, Any]]:
    return {
        ref.name: (ref.save_type, ref.load())
        for ref in call.artifacts
        if ref.save_type != "output"
    }


@flow
def asking_twice() -> str:
    return llm("one", model=COUNTING) + llm("two", model=COUNTING, name="second")


def test_a_call_in_a_flow_body_is_a_checkpoint(client: KitaruClient) -> None:
    handle = asking_twice.run()

    calls = calls_of(client, handle.exec_id)

    assert handle.wait() == "answer 1answer 2"
    assert list(calls) == ["llm_call", "second"]
    assert calls["llm_call"].checkpoint_type == "llm_call"
    assert saved(calls["llm_call"]) == {
        "llm_call.prompt": ("prompt", [{"role": "user", "content": "one"}]),
        "llm_call.response": ("response", "answer 1"),
    }


def test_repeated_calls_are_numbered(client: KitaruClient) -> None:
    @flow
    def asking() -> None:
        for word in "abc":
            llm(word, model=COUNTING)

    calls = calls_of(client, asking.run().exec_id)

    assert list(calls) == ["llm_call", "llm_call_2", "llm_call_3"]


def test_a_call_in_a_checkpoint_belongs_to_it(client: KitaruClient) -> None:
    @checkpoint
    def draft() -> str:
        return llm("one", model=COUNTING) + llm("two", model=COUNTING)

    @flow
    def drafting() -> str:
        return draft()

    calls = calls_of(client, drafting.run().exec_id)

    assert list(calls) == ["draft"]
    names = [event["name"] for event in calls["draft"].metadata["llm_calls"]]
    assert names == ["draft.llm_call", "draft.llm_call_2"]
    assert saved(calls["draft"])["draft.llm_call_2.response"] == (
        "response",
        "answer 2",
    )
    assert calls["draft"].usage is not None
    assert calls["draft"].usage.requests == 2


def test_tokens_are_summed_and_an_unknown_price_says_so(client: KitaruClient) -> None:
    usage = client.executions.get(asking_twice.run().exec_id).usage

    assert usage is not None
    assert (usage.requests, usage.input_tokens, usage.output_tokens) == (2, 20, 4)
    assert (usage.cost, usage.unpriced_requests) == (None, 2)


def test_the_model_gets_the_chat_and_the_settings() -> None:
    got: list[tuple[list[ModelMessage], Any]] = []

    def listen(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        got.append((messages, info.model_settings))
        return ModelResponse([TextPart("ok")])

    chat = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "yes?"},
        {"role": "user", "content": "why"},
    ]

    @flow
    def chatting() -> str:
        return llm(
            chat,
            system="be kind",
            model=FunctionModel(listen),
            temperature=0,
            max_tokens=9,
        )

    assert chatting.run().wait() == "ok"

    messages, settings = got[0]
    parts = [(p.part_kind, p.content) for m in messages for p in m.parts]  # type: ignore[union-attr]  # texts only
    assert parts == [
        ("system-prompt", "be kind"),
        ("user-prompt", "hi"),
        ("text", "yes?"),
        ("user-prompt", "why"),
    ]
    assert (settings["temperature"], settings["max_tokens"]) == (0, 9)


def test_a_retry_asks_nothing_again_that_was_answered(client: KitaruClient) -> None:
    @checkpoint
    def trouble() -> None:
        TROUBLE.append(401)

    @flow
    def asking_with_trouble() -> str:
        first = llm("one", model=COUNTING)
        trouble()
        return first + llm("two", model=COUNTING)

    exec_id = asking_with_trouble.run().exec_id
    failed = client.executions.get(exec_id)

    current_engine().continue_here(exec_id)

    assert failed.status == "failed"
    assert client.executions.get(exec_id).status == "completed"
    assert ASKED == ["one", "two", "two"]


def test_a_replay_reuses_answers_before_the_anchor(client: KitaruClient) -> None:
    source = asking_twice.run().exec_id

    replayed = asking_twice.replay(source, from_="second")

    execution = client.executions.get(replayed.exec_id)
    assert replayed.wait() == "answer 1answer 3"
    assert execution.usage is not None
    assert (execution.usage.requests, execution.usage.reused.requests) == (1, 1)


def test_another_prompt_behind_an_override_is_asked_again() -> None:
    @checkpoint
    def first() -> int:
        """Of the same name as a call of `llm()`, and nothing to do with it."""
        return 1

    @flow
    def chained() -> str:
        first = llm("one", model="test", name="first")
        second = llm(f"about {first}", model="test", name="second")
        fixed = llm("always the same", model="test", name="fixed")
        return second + fixed + llm("end", model="test", name="end")

    client = KitaruClient()
    source = chained.run().exec_id

    replayed = chained.replay(
        source, from_="end", overrides={"checkpoint.first": "cats"}
    )

    calls = calls_of(client, replayed.exec_id)
    reused = {name for name, call in calls.items() if call.reused}
    assert reused == {"fixed"}


def test_the_retries_of_a_flow_ask_again_when_that_may_help() -> None:
    @flow(retries=1)
    def patient() -> str:
        return llm("one", model=COUNTING)

    TROUBLE.append(429)

    assert patient.run().wait() == "answer 2"


def test_the_retries_of_a_flow_do_not_repeat_what_is_refused() -> None:
    @flow(retries=3)
    def patient() -> str:
        return llm("one", model=COUNTING)

    TROUBLE.append(401)
    handle = patient.run()

    with pytest.raises(KitaruUserCodeError) as caught:
        handle.wait()
    cause = caught.value.__cause__
    assert isinstance(cause, KitaruModelError)
    assert not isinstance(cause, KitaruModelUnavailableError)
    assert cause.status_code == 401
    assert len(ASKED) == 1


def test_a_flow_can_catch_the_error_and_ask_another_model() -> None:
    @flow
    def flexible() -> str:
        try:
            return llm("one", model=COUNTING)
        except KitaruModelUnavailableError as error:
            return f"{error.reason} {error.model} {llm('one', model='test')}"

    TROUBLE.append(429)

    result = flexible.run().wait()

    assert result == "rate_limit function/counting success (no tool calls)"


def test_async_flows_and_checkpoints_ask_without_deadlock() -> None:
    @checkpoint
    async def inner() -> str:
        return llm("in", model=COUNTING)

    @flow
    async def outer() -> list[str]:
        direct = llm("out", model=COUNTING)
        beside = await asyncio.to_thread(llm, "beside", model=COUNTING, name="beside")
        return [direct, await inner(), beside]

    assert outer.run().wait() == ["answer 1", "answer 3", "answer 2"]


def test_ctrl_c_ends_an_async_flow_that_asks() -> None:
    over = threading.Event()

    async def interrupted(_: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        os.kill(os.getpid(), signal.SIGINT)
        while not over.is_set():
            await asyncio.sleep(0.01)
        return ModelResponse([TextPart("too late")])

    @flow
    async def asking() -> str:
        return llm("one", model=FunctionModel(interrupted))

    with pytest.raises(KeyboardInterrupt):
        asking.run()
    over.set()


def test_submitted_checkpoints_ask_at_the_same_time(client: KitaruClient) -> None:
    @checkpoint
    def ask(word: str) -> str:
        return llm(word, model=COUNTING)

    @flow
    def many() -> int:
        return len(set(ask.map(list("abcd")).results()))

    handle = many.run()

    usage = client.executions.get(handle.exec_id).usage
    assert handle.wait() == 4
    assert usage is not None
    assert usage.requests == 4


def test_a_failed_attempt_counts_what_it_spent(client: KitaruClient) -> None:
    @checkpoint(retries=1)
    def draft() -> str:
        text = llm("one", model=COUNTING)
        if len(ASKED) == 1:
            raise ValueError("no good")
        return text

    @flow
    def drafting() -> str:
        return draft()

    call = calls_of(client, drafting.run().exec_id)["draft"]

    assert call.usage is not None
    assert call.usage.requests == 2
    assert len(call.metadata["llm_calls"]) == 1


def test_outside_a_flow_it_is_refused() -> None:
    with pytest.raises(KitaruContextError, match="inside a running flow"):
        llm("one", model=COUNTING)


@pytest.mark.shared_rule("arguments", "message")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prompt": ""}, "not empty"),
        ({"prompt": "x", "model": 3}, "got int"),
        ({"prompt": "x", "model": "nonsense"}, "no model alias 'nonsense'"),
        ({"prompt": "x", "model": "nobody/x"}, "nobody"),
        ({"prompt": "x"}, "KITARU_DEFAULT_MODEL"),
        ({"prompt": "x", "temperature": 3}, "temperature=3"),
        ({"prompt": "x", "max_tokens": 0}, "max_tokens=0"),
        ({"prompt": "x", "model": "test", "name": "a?"}, "checkpoint name"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_asked_is_a_usage_error(
    arguments: dict[str, Any], message: str
) -> None:
    @flow
    def asking() -> str:
        return llm(**arguments)

    with pytest.raises(KitaruUserCodeError, match=message) as caught:
        asking.run().wait()
    assert isinstance(caught.value.__cause__, KitaruUsageError)


def test_a_mock_response_answers_everything(
    client: KitaruClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KITARU_LLM_MOCK_RESPONSE", "mocked")

    @flow
    def asking() -> str:
        return llm("one") + llm("two", model="nobody/nothing")

    handle = asking.run()

    call = calls_of(client, handle.exec_id)["llm_call"]
    assert handle.wait() == "mockedmocked"
    assert call.usage is None
    assert call.metadata["llm_calls"][0]["model"] == "mock"


def test_a_list_of_mock_responses_keeps_its_order_over_a_retry(
    client: KitaruClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KITARU_LLM_MOCK_RESPONSE", json.dumps(["a", "b"]))
    failing = [True]

    @checkpoint
    def fail_once() -> None:
        if failing:
            failing.pop()
            raise ValueError("once")

    @flow
    def asking() -> str:
        first = llm("one")
        fail_once()
        return first + llm("two")

    handle = asking.run()
    current_engine().continue_here(handle.exec_id)

    assert client.executions.get(handle.exec_id).status == "completed"
    assert handle.get() == "ab"


def test_too_few_mock_responses_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KITARU_LLM_MOCK_RESPONSE", '["a"]')

    @flow
    def asking() -> str:
        return llm("one") + llm("two")

    with pytest.raises(KitaruUserCodeError, match=r"1 answers.*call 2"):
        asking.run().wait()


def test_the_alias_and_what_it_stood_for_are_recorded(
    client: KitaruClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KITARU_MODEL_REGISTRY", '{"fast": "test"}')
    monkeypatch.setenv("KITARU_DEFAULT_MODEL", "fast")

    @flow
    def asking() -> str:
        return llm("one")

    event = calls_of(client, asking.run().exec_id)["llm_call"].metadata["llm_calls"][0]

    assert (event["alias"], event["model"]) == ("fast", "test")


def test_a_mock_response_keeps_the_alias_that_was_asked_for(
    client: KitaruClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KITARU_MODEL_REGISTRY", '{"fast": "test"}')
    monkeypatch.setenv("KITARU_LLM_MOCK_RESPONSE", "mocked")

    @flow
    def asking() -> str:
        return llm("one", model="fast") + llm("two", model="nobody/nothing")

    calls = calls_of(client, asking.run().exec_id)

    events = [call.metadata["llm_calls"][0] for call in calls.values()]
    assert [(event.get("alias"), event["model"]) for event in events] == [
        ("fast", "mock"),
        (None, "mock"),
    ]


def test_an_answer_is_reused_when_its_alias_is_gone(
    client: KitaruClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KITARU_MODEL_REGISTRY", '{"fast": "test"}')
    failing = [True]

    @checkpoint
    def fail_once() -> None:
        if failing:
            failing.pop()
            raise ValueError("once")

    @flow
    def asking() -> str:
        answer = llm("one", model="fast")
        fail_once()
        return answer

    exec_id = asking.run().exec_id
    monkeypatch.delenv("KITARU_MODEL_REGISTRY")

    current_engine().continue_here(exec_id)

    assert client.executions.get(exec_id).status == "completed"


def test_the_list_of_model_calls_cannot_be_logged_over() -> None:
    @flow
    def logging() -> None:
        log(llm_calls=1)

    with pytest.raises(KitaruUserCodeError, match="llm_calls"):
        logging.run().wait()


def test_a_response_without_text_is_an_error_that_was_paid_for(
    client: KitaruClient,
) -> None:
    def silent(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return ModelResponse(
            [], usage=RequestUsage(output_tokens=9), finish_reason="length"
        )

    @flow
    def asking() -> str:
        return llm("one", model=FunctionModel(silent))

    execution = client.executions.get(asking.run().exec_id)

    assert execution.failure is not None
    assert "raise max_tokens" in execution.failure.message
    assert execution.usage is not None
    assert execution.usage.output_tokens == 9


def test_a_flow_that_shares_results_asks_once_for_all_executions(
    client: KitaruClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = str(uuid.uuid4())

    @flow(cache=True)
    def sharing() -> str:
        return llm(prompt, model="test")

    def is_reused() -> bool:
        return calls_of(client, sharing.run().exec_id)["llm_call"].reused

    first, again = is_reused(), is_reused()
    monkeypatch.setenv("KITARU_LLM_MOCK_RESPONSE", "mocked")
    mocked = is_reused()

    assert (first, again, mocked) == (False, True, False)
