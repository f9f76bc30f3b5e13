"""Aliases in the settings file and in the environment."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from kitaru._ops.language_models import aliases
from kitaru.errors import KitaruBackendError, KitaruUsageError
from tests.support.processes import Process
from tests.support.store import child_environment


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty configuration folder."""
    monkeypatch.setenv("KITARU_CONFIG_PATH", str(tmp_path / "config"))
    monkeypatch.delenv("KITARU_MODEL_REGISTRY", raising=False)
    monkeypatch.delenv("KITARU_DEFAULT_MODEL", raising=False)
    return tmp_path / "config"


def test_a_registered_alias_stands_for_its_model(folder: Path) -> None:
    aliases.register(
        "fast", model="openai/gpt", secret="team", given={"temperature": 0}
    )

    chosen = aliases.choose("fast")

    assert str(chosen) == "openai/gpt"
    assert (chosen.alias, chosen.secret) == ("fast", "team")
    assert chosen.settings == {"temperature": 0}


def test_registering_again_replaces_and_tells_what_was(folder: Path) -> None:
    aliases.register("fast", model="openai/gpt", secret="team")

    done = aliases.register("fast", model="openai/other")

    assert done.before is not None
    assert done.before.model == "openai/gpt"
    assert aliases.aliases()["fast"].secret is None


def test_a_refused_alias_changes_nothing(folder: Path) -> None:
    aliases.register("fast", model="openai/gpt")
    before = (folder / "kitaru" / "settings.json").read_bytes()

    with pytest.raises(KitaruUsageError):
        aliases.register("fast", model="openai/gpt", given={"nonsense": 1})

    assert (folder / "kitaru" / "settings.json").read_bytes() == before


def test_other_settings_in_the_file_are_kept(folder: Path) -> None:
    aliases.register("fast", model="openai/gpt")
    path = folder / "kitaru" / "settings.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"later": [1]}))

    aliases.register("smart", model="openai/gpt")

    assert json.loads(path.read_text())["later"] == [1]


def test_the_environment_adds_to_the_file_and_wins(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aliases.register("fast", model="openai/gpt")
    aliases.register("smart", model="openai/gpt")
    monkeypatch.setenv("KITARU_MODEL_REGISTRY", '{"fast": "groq/llama", "tiny": "a/b"}')

    found = aliases.list_aliases()

    assert [(item.alias, item.model, item.source) for item in found.items] == [
        ("fast", "groq/llama", "environment"),
        ("smart", "openai/gpt", "settings"),
        ("tiny", "a/b", "environment"),
    ]


def test_the_registry_can_be_a_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "models.json"
    file.write_text('{"fast": "groq/llama"}')
    monkeypatch.setenv("KITARU_MODEL_REGISTRY", str(file))

    assert str(aliases.choose("fast")) == "groq/llama"


@pytest.mark.parametrize("text", ["no-such-file.json", "{", "[1]"])
def test_a_registry_that_cannot_be_read_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("KITARU_MODEL_REGISTRY", text)

    with pytest.raises(KitaruUsageError, match="KITARU_MODEL_REGISTRY"):
        aliases.choose("fast")


@pytest.mark.parametrize("content", ["{", "[]", '{"models": 3}'])
def test_a_damaged_settings_file_is_named_and_left_alone(
    folder: Path, content: str
) -> None:
    path = folder / "kitaru" / "settings.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)

    with pytest.raises((KitaruBackendError, KitaruUsageError), match=r"settings\.json"):
        aliases.register("fast", model="openai/gpt")

    assert path.read_text() == content


def test_a_name_that_is_close_is_suggested(folder: Path) -> None:
    aliases.register("fast", model="openai/gpt")

    with pytest.raises(KitaruUsageError, match="did you mean 'fast'"):
        aliases.choose("fsat")


def test_the_default_model_may_be_an_alias(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aliases.register("fast", model="openai/gpt")
    monkeypatch.setenv("KITARU_DEFAULT_MODEL", "fast")

    assert str(aliases.choose(None)) == "openai/gpt"


REGISTER_MANY = """
import sys
from kitaru._ops.language_models import aliases

for number in range(20):
    aliases.register(f"{sys.argv[1]}{number}", model="openai/gpt")
"""


def test_processes_that_register_at_once_lose_nothing(
    folder: Path, tmp_path: Path
) -> None:
    script = tmp_path / "many.py"
    script.write_text(REGISTER_MANY)
    environment = child_environment(folder, tmp_path / "home")

    started = [
        Process(
            (sys.executable, script, name),
            folder=tmp_path,
            environment=environment,
            output=tmp_path / f"output_{name}",
        )
        for name in ("a", "b", "c")
    ]

    for process in started:
        done = process.finish()
        assert done.code == 0, done.both
    assert len(aliases.aliases()) == 60
