"""Where `kitaru secrets set` takes values from; no error shows one."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from kitaru.cli import keyboard
from kitaru.errors import KitaruUsageError


def read(name: str, words: Sequence[str], file: Path | None) -> dict[str, str]:
    """Return values by key, from a file, the words of the command, or a person.

    A key that is given twice is refused.

    Raises:
        KitaruUsageError: If something cannot be read, or nobody can be asked.
    """
    values = _of_file(file) if file is not None else {}
    if sum(word.endswith("=-") for word in words) > 1:
        raise KitaruUsageError("only one value can come from stdin (KEY=-)")
    for word in words:
        key, has_value, source = word.partition("=")
        if key in values:
            raise KitaruUsageError("a key was given twice; each may be given once")
        values[key] = _value(key, source) if has_value else _asked(name, key)
    if not values:
        raise KitaruUsageError(
            f"nothing to store; try: kitaru secrets set {name} API_KEY"
        )
    return values


def _value(key: str, source: str) -> str:
    if source == "-":
        return _one_line_less(sys.stdin.read())
    if source.startswith("@"):
        return _one_line_less(_text(Path(source[1:])))
    return source


def _asked(name: str, key: str) -> str:
    if not keyboard.is_present():
        raise KitaruUsageError(
            f"a value of secret {name!r} has to be asked for, and nobody can answer "
            "here; use KEY=- to read it from stdin or KEY=@FILE to read it from a file"
        )
    return keyboard.hidden(f"{name} {key}")


def _of_file(file: Path) -> dict[str, str]:
    text = _text(file)
    if text.lstrip().startswith("{"):
        return _of_json(file, text)
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        key, is_pair, value = stripped.removeprefix("export ").partition("=")
        key, value = key.strip(), _unquoted(value.strip())
        if not is_pair:
            raise KitaruUsageError(f"line {number} of {file} has no '='")
        if key in values:
            raise KitaruUsageError(f"line {number} of {file} gives a key again")
        values[key] = value
    return values


def _of_json(file: Path, text: str) -> dict[str, str]:
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise KitaruUsageError(
            f"{file} is not JSON: {error.msg} in line {error.lineno}"
        ) from None
    assert isinstance(values, dict)  # it begins with a brace
    return values


def _text(file: Path) -> str:
    try:
        return file.expanduser().read_text(encoding="utf-8")
    except OSError as error:
        raise KitaruUsageError(
            f"{file} cannot be read: {error.strerror or error}"
        ) from None
    except UnicodeDecodeError:
        raise KitaruUsageError(f"{file} is not text (UTF-8)") from None


def _one_line_less(text: str) -> str:
    """Return a text without the newline that editors and `echo` put at its end."""
    return text.removesuffix("\n").removesuffix("\r")


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value
