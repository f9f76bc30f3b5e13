"""Fetch credentials from where a stack's settings say they are; no error shows one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from kitaru._engine.open import current_engine
from kitaru.errors import KitaruUsageError

_CREDENTIALS = "credentials"
_REFERENCES = frozenset({"type", "connector", "secret"})
# Settings that may have credentials of their own.
_OWNERS = ("artifact_store", "container_registry")


def fetched(settings: Mapping[str, object], place: str) -> dict[str, object]:
    """Return the settings with the values that their credentials name.

    `secret: NAME` brings the values of that secret, `$NAME` is a variable of the
    environment, `@FILE` the text of a file.

    Raises:
        KitaruUsageError: If a secret, a variable or a file is not there.
    """
    filled = dict(settings)
    if _CREDENTIALS in settings:
        found = _values(settings[_CREDENTIALS], f"{place}: {_CREDENTIALS}")
        filled[_CREDENTIALS] = found
    for owner in _OWNERS:
        part = settings.get(owner)
        if isinstance(part, Mapping) and _CREDENTIALS in part:
            where = f"{place}: {owner}.{_CREDENTIALS}"
            found = _values(part[_CREDENTIALS], where)
            filled[owner] = {**part, _CREDENTIALS: found}
    return filled


def check_named(settings: Mapping[str, object], place: str) -> None:
    """Check that all credentials are named, none is given as a value.

    Raises:
        KitaruUsageError: If one is a value, a variable or a file.
    """
    parts = [settings, *(settings.get(owner) for owner in _OWNERS)]
    for part in parts:
        given = part.get(_CREDENTIALS) if isinstance(part, Mapping) else None
        if isinstance(given, Mapping) and not _REFERENCES.issuperset(given):
            raise KitaruUsageError(
                f"{place}: credentials are named here, not given: {{'secret': NAME}} or "
                "{'connector': NAME}; a person stores a secret with: kitaru secrets set "
                "NAME. Nothing was created"
            )


def _values(given: object, where: str) -> object:
    if not isinstance(given, Mapping):
        return given
    stored: Mapping[str, str] = {}
    if isinstance(given.get("secret"), str):
        stored = current_engine().secrets.get(given["secret"]).values
    return {
        **{key: value for key, value in stored.items() if key not in _REFERENCES},
        **{
            key: value if key in _REFERENCES else _value(value, f"{where}.{key}")
            for key, value in given.items()
        },
    }


def _value(given: object, where: str) -> object:
    if not isinstance(given, str):
        return given
    if given.startswith("$"):
        found = os.environ.get(given[1:])
        if not found:
            raise KitaruUsageError(
                f"{where}: the variable {given[1:]} is not set. Nothing was created"
            )
        return found
    if given.startswith("@"):
        return text_of(Path(given[1:]), where)
    return given


def text_of(file: Path, where: str) -> str:
    """Return the text of a file, without the newline at its end.

    Raises:
        KitaruUsageError: If it cannot be read.
    """
    try:
        text = file.expanduser().read_text(encoding="utf-8")
    except OSError as error:
        raise KitaruUsageError(
            f"{where}: {file} cannot be read: {error.strerror or error}"
        ) from None
    except UnicodeDecodeError:
        raise KitaruUsageError(f"{where}: {file} is not text (UTF-8)") from None
    return text.removesuffix("\n").removesuffix("\r")
