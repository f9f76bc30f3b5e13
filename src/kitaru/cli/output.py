"""How the command answers: tables for people, one JSON shape for machines."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from kitaru._core.words import plain
from kitaru._core.words.similar import shorten
from kitaru.cli import screen
from kitaru.errors import KitaruError, KitaruUsageError


class Format(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"


def show_item(
    command: str,
    item: BaseModel | dict[str, Any],
    output: Format,
    text: Callable[[], object],
) -> None:
    """Print one item: `{"command", "item"}`, or whatever `text` prints."""
    if output is Format.JSON:
        screen.json_out({"command": command, "item": _plain(item)})
    else:
        text()


def show_items(
    command: str, items: Sequence[BaseModel], output: Format, text: Callable[[], object]
) -> None:
    """Print items: `{"command", "items", "count"}`, or whatever `text` prints."""
    if output is Format.JSON:
        plain = [_plain(item) for item in items]
        screen.json_out({"command": command, "items": plain, "count": len(plain)})
    else:
        text()


def fail(command: str, error: KitaruError, output: Format) -> int:
    """Print an error on stderr and return the exit code: 2 for usage, else 1."""
    if output is Format.JSON:
        body = {"type": type(error).__name__, "message": str(error)}
        screen.json_out({"command": command, "error": body}, error=True, indent=None)
    else:
        screen.tell(*plain.block(f"Error: {error}"))
        # It reads the names of all pages, which is of no use to commands that do well.
        from kitaru._ops import documentation

        if more := documentation.where_explained(error):
            screen.tell(f"  {plain.line(more)}")
    return 2 if isinstance(error, KitaruUsageError) else 1


def parse_json(option: str, text: str) -> Any:
    """Return the value of a JSON option.

    Raises:
        KitaruUsageError: If it is no JSON; suggests quotes for plain words.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise KitaruUsageError(f"{option} is nested too deep to be read") from None
    except _NoNumberError as error:
        raise KitaruUsageError(
            f"{option} {shorten(text)} is not JSON: it knows no number {error}"
        ) from None
    except json.JSONDecodeError as error:
        hint = json.dumps(text)
        raise KitaruUsageError(
            f"{option} {text!r} is not JSON ({error.msg}); text needs quotes of its own: "
            f"{option} '{hint}'"
        ) from None


class _NoNumberError(ValueError):
    pass


def _refuse_constant(name: str) -> None:
    raise _NoNumberError(name)


def parse_object(option: str, text: str | None) -> dict[str, Any]:
    """Return the value of an option that takes a JSON object.

    Raises:
        KitaruUsageError: If it is anything else.
    """
    if text is None:
        return {}
    value = parse_json(option, text)
    if not isinstance(value, dict):
        raise KitaruUsageError(
            f"{option} {text!r} is not a JSON object; it looks like: {option} "
            '\'{"name": "value"}\''
        )
    return value


def _plain(item: BaseModel | dict[str, Any]) -> Any:
    if isinstance(item, BaseModel):
        return item.model_dump(mode="json", by_alias=True)
    return item
