"""Check values against the annotations of users' functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

from kitaru._core.words.similar import shorten
from kitaru.errors import KitaruUsageError

RETURN = "return"


def fit(function: Callable[..., Any], name: str, value: object, *, what: str) -> object:
    """Return `value` as the annotation of a parameter, or `"return"`, asks for it.

    JSON data becomes models and dataclasses; values of the right type stay as they are.
    Without a usable annotation every value fits.

    Raises:
        KitaruUsageError: If it does not fit; says what was expected.
    """
    hint = _hints(function).get(name, Any)
    try:
        return TypeAdapter(hint).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise KitaruUsageError(
            f"{what} does not fit its type {_shown(hint)}: "
            f"{place + ': ' if place else ''}{first['msg']}, got {shorten(value)}"
        ) from error
    except (PydanticSchemaGenerationError, PydanticUserError):
        # A type of the user's own that pydantic knows nothing of.
        return value


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function)
    except (NameError, TypeError, AttributeError):
        # Annotations may name what only type checkers import.
        return {}


def _shown(hint: object) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint)
