"""Model aliases: where they are registered, and which model a name stands for."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kitaru._core.language_models import aliases as alias_rules
from kitaru._core.language_models.aliases import TEST_MODEL, ModelReference
from kitaru._core.words import paging
from kitaru._engine.settings import settings_file
from kitaru.errors import KitaruUsageError
from kitaru.models import ModelAlias, Page

DEFAULT_MODEL = "KITARU_DEFAULT_MODEL"
REGISTRY = "KITARU_MODEL_REGISTRY"
_KEY = "models"


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """The model a call goes to, and how its alias wants it called."""

    reference: ModelReference | None  # `None` is the model that needs no network
    alias: str | None = None
    secret: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return str(self.reference or TEST_MODEL)


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered alias, what it meant before, and whether the environment hides it."""

    alias: ModelAlias
    before: ModelAlias | None
    hidden_by: ModelAlias | None


def register(
    alias: str,
    *,
    model: str,
    secret: str | None = None,
    given: Mapping[str, Any] | None = None,
) -> Registered:
    """Let an alias stand for a model, whatever it stood for before.

    Args:
        alias: The short name.
        model: The model as `provider/model`.
        secret: Name of the secret that holds the provider's credentials.
        given: Settings of the requests, such as `temperature`.

    Raises:
        KitaruUsageError: For a name, model or setting that cannot be.
    """
    entry = alias_rules.checked(
        ModelAlias(
            alias=alias, model=model, secret=secret or None, settings=dict(given or {})
        )
    )
    before: list[ModelAlias | None] = []

    def change(known: dict[str, Any]) -> None:
        before.append(_stored(known).get(alias))
        body = entry.model_dump(exclude={"alias", "source"}, exclude_defaults=True)
        known[_KEY] = {**known.get(_KEY, {}), alias: body}

    settings_file.change(change)
    return Registered(entry, before[0], _from_environment().get(alias))


def list_aliases(
    *, page: int = 1, size: int = paging.DEFAULT_SIZE, limit: int | None = None
) -> Page[ModelAlias]:
    """Return one page of the aliases, by name."""
    known = aliases()
    ordered = [known[alias] for alias in sorted(known)]
    return paging.cut(ordered, page=page, size=size, limit=limit)


def aliases() -> dict[str, ModelAlias]:
    """Return all aliases by name; those of the environment win.

    Raises:
        KitaruUsageError: If a registry is not valid.
    """
    return _stored(settings_file.read()) | _from_environment()


def choose(name: str | None) -> ChosenModel:
    """Return the model that a name stands for; without one, the default model.

    Raises:
        KitaruUsageError: If there is no such alias, or neither name nor default.
    """
    name = name or os.environ.get(DEFAULT_MODEL)
    if not name:
        raise KitaruUsageError(
            "llm() needs a model: give model='provider/model' or an alias (kitaru model "
            f"list), or set {DEFAULT_MODEL}"
        )
    if name == TEST_MODEL:
        return ChosenModel(None)
    known = aliases()
    if name not in known:
        if not alias_rules.is_reference(name):
            raise alias_rules.unknown(name, known)
        return ChosenModel(alias_rules.reference(name))
    entry = known[name]
    return ChosenModel(
        None if entry.model == TEST_MODEL else alias_rules.reference(entry.model),
        alias=name,
        secret=entry.secret,
        settings=entry.settings,
    )


def _stored(known: Mapping[str, Any]) -> dict[str, ModelAlias]:
    where = f"{_KEY!r} in {settings_file.path()}"
    return alias_rules.registry(known.get(_KEY, {}), where=where, source="settings")


def _from_environment() -> dict[str, ModelAlias]:
    text = os.environ.get(REGISTRY, "").strip()
    if not text:
        return {}
    where = REGISTRY
    if not text.startswith(("{", "[")):
        where, path = f"{REGISTRY} {text}", Path(text).expanduser()
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise KitaruUsageError(
                f"{where} cannot be read: {error.strerror}; it is a file of model "
                "aliases, or their JSON itself"
            ) from None
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise KitaruUsageError(f"{where} is not JSON: {error}") from None
    return alias_rules.registry(data, where=where, source="environment")
