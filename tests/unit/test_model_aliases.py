from __future__ import annotations

from typing import Any

import pytest

from kitaru._core.language_models import aliases
from kitaru._core.language_models.aliases import ModelReference
from kitaru.errors import KitaruUsageError
from kitaru.models import ModelAlias


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("openai/gpt-5-mini", ModelReference("openai", "gpt-5-mini")),
        ("openai:gpt-5-mini", ModelReference("openai", "gpt-5-mini")),
        ("openrouter/google/gemini", ModelReference("openrouter", "google/gemini")),
        ("ollama/llama3:8b", ModelReference("ollama", "llama3:8b")),
    ],
)
def test_the_first_slash_ends_the_provider(
    text: str, reference: ModelReference
) -> None:
    assert aliases.reference(text) == reference


@pytest.mark.parametrize("text", ["gpt", "/gpt", "openai/", "", "open ai/gpt"])
def test_a_model_without_provider_or_name_is_refused(text: str) -> None:
    with pytest.raises(KitaruUsageError, match="provider/model"):
        aliases.reference(text)


@pytest.mark.parametrize("alias", ["", "a/b", "a:b", "1st", "with space", "test"])
def test_an_alias_cannot_look_like_a_model(alias: str) -> None:
    with pytest.raises(KitaruUsageError, match="alias"):
        aliases.checked(ModelAlias(alias=alias, model="openai/gpt"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("temprature", "did you mean 'temperature'"),
        ("api_key", "credential"),
        ("openai_api_key", "credential"),
        ("extra_headers", "credential"),
    ],
)
def test_unknown_settings_and_credentials_are_refused(name: str, message: str) -> None:
    alias = ModelAlias(alias="fast", model="openai/gpt", settings={name: "hunter2"})

    with pytest.raises(KitaruUsageError, match=message) as caught:
        aliases.checked(alias)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("temperature", "x", "a number from 0 to 2, got 'x'"),
        ("temperature", 3, "a number from 0 to 2, got 3"),
        ("max_tokens", 0, "a whole number from 1, got 0"),
        ("max_tokens", True, "a whole number from 1, got True"),
        ("timeout", -1, "a number of seconds above 0, got -1"),
        ("top_p", 1.5, "a number from 0 to 1, got 1.5"),
        ("seed", 1.5, "a whole number, got 1.5"),
    ],
)
def test_values_that_no_model_takes_are_refused(
    name: str, value: object, expected: str
) -> None:
    alias = ModelAlias(alias="fast", model="openai/gpt", settings={name: value})

    with pytest.raises(KitaruUsageError) as refused:
        aliases.checked(alias)

    assert str(refused.value) == f"model setting {name!r} must be {expected}"


def test_settings_of_a_provider_are_taken() -> None:
    settings = {"openai_reasoning_effort": "low", "max_tokens": 5}
    alias = ModelAlias(alias="fast", model="openai/gpt", settings=settings)

    assert aliases.checked(alias) is alias


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("temperature=0", ("temperature", 0)),
        ("thinking=false", ("thinking", False)),
        ("thinking=high", ("thinking", "high")),
        ('stop_sequences=["a=b"]', ("stop_sequences", ["a=b"])),
    ],
)
def test_values_of_settings_are_json_or_words(
    text: str, found: tuple[str, Any]
) -> None:
    assert aliases.setting(text) == found


@pytest.mark.parametrize("text", ["temperature", "=1"])
def test_a_setting_needs_a_name_and_a_value(text: str) -> None:
    with pytest.raises(KitaruUsageError, match="NAME=VALUE"):
        aliases.setting(text)


def test_a_registry_names_models_alone_or_with_more() -> None:
    data = {
        "fast": "openai/gpt",
        "smart": {"model": "anthropic/opus", "secret": "team", "settings": {"seed": 1}},
    }

    found = aliases.registry(data, where="here", source="environment")

    assert [(a.model, a.secret, a.settings) for a in found.values()] == [
        ("openai/gpt", None, {}),
        ("anthropic/opus", "team", {"seed": 1}),
    ]


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"fast": 1},
        {"fast": {}},
        {"fast": {"model": "openai/gpt", "key": "x"}},
        {"fast": {"model": "openai/gpt", "settings": []}},
    ],
    ids=["list", "number", "no model", "unknown field", "settings"],
)
def test_what_is_no_registry_is_refused_with_its_place(data: object) -> None:
    with pytest.raises(KitaruUsageError, match="over there"):
        aliases.registry(data, where="over there", source="settings")
