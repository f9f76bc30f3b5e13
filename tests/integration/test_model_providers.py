"""`llm()` against a real client of a provider, and a server on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from kitaru import KitaruClient, create_secret, flow, llm
from kitaru._ops.language_models import aliases
from kitaru.errors import KitaruModelError, KitaruUserCodeError
from kitaru.models import Execution
from tests.support import openai_server
from tests.support.leaks import find_leaks
from tests.support.openai_server import ChatServer

pytestmark = [pytest.mark.zenml, pytest.mark.usefixtures("engine")]

KEY = "sk-never-to-be-stored-4711"


@flow
def asking(model: str) -> str:
    return llm("one", model=model)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with openai_server.running() as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.url)
        yield running


def once(model: str) -> str:
    """Return a registry with `it` for a model whose client does not try again."""
    return json.dumps({"it": {"model": model, "settings": {"max_retries": 0}}})


def run(client: KitaruClient, model: str) -> Execution:
    return client.executions.get(asking.run(model).exec_id)


def test_tokens_and_a_public_price_are_recorded(
    server: ChatServer, client: KitaruClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    usage = run(client, "openai-chat/gpt-5-mini").usage

    assert usage is not None
    assert (usage.input_tokens, usage.cached_tokens, usage.output_tokens) == (
        1000,
        400,
        200,
    )
    assert usage.cost is not None
    assert Decimal("0.0001") < usage.cost < Decimal("0.01")
    assert server.requests[0][1]["messages"] == [{"role": "user", "content": "one"}]


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("e401", "authentication"),
        ("e429", "rate_limit"),
        ("e500", "server"),
        ("e404", "unknown_model"),
        ("e400", "rejected"),
        ("filtered", "content_filter"),
    ],
)
def test_errors_of_a_provider_are_ours_and_tell_no_key(
    config: Path,
    server: ChatServer,
    client: KitaruClient,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    reason: str,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("KITARU_MODEL_REGISTRY", once(f"openai-chat/{model}"))

    handle = asking.run("it")

    with pytest.raises(KitaruUserCodeError) as caught:
        handle.wait()
    cause = caught.value.__cause__
    assert isinstance(cause, KitaruModelError)
    assert cause.reason == reason
    assert len(server.requests) == 1
    assert KEY in server.requests[0][0]
    assert find_leaks(config, KEY) == []


def test_a_server_that_is_not_there_is_a_connection_error(
    client: KitaruClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with openai_server.running() as gone:
        monkeypatch.setenv("OPENAI_BASE_URL", gone.url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("KITARU_MODEL_REGISTRY", once("openai-chat/gpt"))

    failure = run(client, "it").failure

    assert failure is not None
    assert "check the network" in failure.message


@pytest.mark.parametrize("key_name", ["OPENAI_API_KEY", "api_key"])
def test_the_key_comes_from_the_secret_of_the_alias(
    config: Path, server: ChatServer, client: KitaruClient, key_name: str
) -> None:
    create_secret("team", {key_name: KEY})
    aliases.register("fast", model="openai-chat/gpt-5-mini", secret="team")

    execution = run(client, "fast")

    assert execution.status == "completed"
    assert server.requests[0][0] == f"Bearer {KEY}"
    assert find_leaks(config, KEY) == []


def test_the_environment_wins_over_the_secret(
    server: ChatServer, client: KitaruClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_secret("team", {"OPENAI_API_KEY": "sk-of-the-team"})
    aliases.register("fast", model="openai-chat/gpt-5-mini", secret="team")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    run(client, "fast")

    assert server.requests[0][0] == f"Bearer {KEY}"


def test_a_secret_without_a_key_for_the_provider_is_named(
    server: ChatServer, client: KitaruClient
) -> None:
    create_secret("team", {"PASSPORT": KEY})
    aliases.register("fast", model="openai-chat/gpt-5-mini", secret="team")

    failure = run(client, "fast").failure

    assert failure is not None
    assert "'team' has the keys PASSPORT, none" in failure.message
    assert "OPENAI_API_KEY" in failure.message
    assert server.requests == []


def test_the_key_of_another_provider_is_not_sent(
    server: ChatServer, client: KitaruClient
) -> None:
    shared = {"ANTHROPIC_API_KEY": "sk-of-another", "OPENAI_API_KEY": KEY, "Z_KEY": "z"}
    create_secret("team", shared)
    aliases.register("fast", model="openai-chat/gpt-5-mini", secret="team")

    run(client, "fast")

    assert server.requests[0][0] == f"Bearer {KEY}"


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY}ü"], ids=["line break", "umlaut"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_stored(
    config: Path,
    server: ChatServer,
    client: KitaruClient,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)

    failure = run(client, "openai-chat/gpt-5-mini").failure

    assert failure is not None
    assert "set it again" in failure.message
    assert find_leaks(config, KEY) == []


def test_a_line_break_after_the_key_in_a_secret_does_not_matter(
    server: ChatServer, client: KitaruClient
) -> None:
    create_secret("team", {"OPENAI_API_KEY": f"{KEY}\n"})
    aliases.register("fast", model="openai-chat/gpt-5-mini", secret="team")

    assert run(client, "fast").status == "completed"


def test_a_missing_secret_is_named(client: KitaruClient) -> None:
    aliases.register("fast", model="openai-chat/gpt-5-mini", secret="nowhere")

    failure = run(client, "fast").failure

    assert failure is not None
    assert "nowhere" in failure.message
