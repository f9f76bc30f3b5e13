"""Names of language models: `provider/model`, and aliases that stand for them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kitaru._core.language_models import settings
from kitaru._core.words.similar import did_you_mean, shorten
from kitaru.errors import KitaruUsageError
from kitaru.models import ModelAlias

# Answers without a network; pydantic-ai knows it by this name, too.
TEST_MODEL = "test"
_ALIAS = re.compile(r"[A-Za-z][\w.-]{0,99}")


@dataclass(frozen=True, slots=True)
class ModelReference:
    """A model of a provider."""

    provider: str
    name: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.name}"


def is_reference(text: str) -> bool:
    """Whether a text names a provider and its model, and is no alias."""
    return "/" in text or ":" in text


def reference(text: str) -> ModelReference:
    """Return the model that `provider/model` names; `provider:model` means the same.

    Raises:
        KitaruUsageError: If provider or model is missing.
    """
    separator = "/" if "/" in text else ":"
    provider, found, name = text.strip().partition(separator)
    if not found or not provider or not name or re.search(r"\s", text.strip()):
        raise KitaruUsageError(
            f"model {text!r} is not valid; write provider/model, such as openai/gpt-5-mini"
        )
    return ModelReference(provider, name)


def checked(entry: ModelAlias) -> ModelAlias:
    """Return an alias that can be registered.

    Raises:
        KitaruUsageError: For a name, model or setting that cannot be.
    """
    if not _ALIAS.fullmatch(entry.alias) or entry.alias == TEST_MODEL:
        raise KitaruUsageError(
            f"model alias {entry.alias!r} is not valid: use letters, digits or _ . -, "
            f"beginning with a letter; {TEST_MODEL!r} is taken"
        )
    if entry.model != TEST_MODEL:
        reference(entry.model)
    for name, value in entry.settings.items():
        settings.check(name, value)
    return entry


def setting(text: str) -> tuple[str, Any]:
    """Return name and value of `name=value`; values are JSON, other words are text.

    Raises:
        KitaruUsageError: If there is no `=`.
    """
    name, found, value = text.partition("=")
    if not found or not name.strip():
        raise KitaruUsageError(
            f"--setting {text!r} is not valid; write NAME=VALUE, such as temperature=0"
        )
    try:
        return name.strip(), json.loads(value)
    except json.JSONDecodeError:
        return name.strip(), value


def registry(
    data: object, *, where: str, source: Literal["settings", "environment"]
) -> dict[str, ModelAlias]:
    """Return the aliases of a registry: names to models, or to objects with a model.

    Args:
        data: JSON data.
        where: The place it comes from, for messages.
        source: What the aliases say of where they are registered.

    Raises:
        KitaruUsageError: If it is anything else.
    """
    if not isinstance(data, Mapping):
        raise KitaruUsageError(
            f'{where} must be a JSON object such as {{"fast": "openai/gpt-5-mini"}}, got '
            f"{shorten(data)}"
        )
    found: dict[str, ModelAlias] = {}
    for alias, value in data.items():
        fields = {"model": value} if isinstance(value, str) else value
        if not isinstance(fields, Mapping) or not _fits(fields):
            raise KitaruUsageError(
                f"{where}: alias {alias!r} must be a model or an object with model, "
                f"secret and settings, got {shorten(value)}"
            )
        found[alias] = checked(ModelAlias(alias=alias, source=source, **fields))
    return found


def _fits(fields: Mapping[str, Any]) -> bool:
    return (
        set(fields) <= {"model", "secret", "settings"}
        and isinstance(fields.get("model"), str)
        and isinstance(fields.get("secret"), str | None)
        and isinstance(fields.get("settings", {}), dict)
    )


def unknown(name: str, aliases: Iterable[str]) -> KitaruUsageError:
    """Return the error for a model that is neither an alias nor `provider/model`."""
    return KitaruUsageError(
        f"no model alias {name!r}{did_you_mean(name, aliases)}; see them with: kitaru "
        "model list, or name a model as provider/model, such as openai/gpt-5-mini"
    )
