"""One place of a value that does not fit, put for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_LONGEST = 80
_MOST = 5
_NOTHING = "nothing"

Path = tuple[str | int, ...]
_encode = json.JSONEncoder(ensure_ascii=False).iterencode


@dataclass(frozen=True, slots=True)
class Problem:
    """One place that does not fit.

    Attributes:
        path: Keys and positions that lead to it; empty for the whole value.
        expected: What is asked for there.
        got: What is there, shortened.
        rule: The JSON schema keyword, or the kind of pydantic's error, that says so.
        link: What stands between place and expectation in a sentence.
    """

    path: Path
    expected: str
    got: str
    rule: str = ""
    link: str = " must be "

    def field(self, whole: str = "") -> str:
        """Return the place as `lines.0.qty`; `whole` stands for the whole value."""
        parts = [whole] if whole else []
        return ".".join([*parts, *map(str, self.path)])

    def sentence(self, whole: str = "") -> str:
        """Return `lines.0.qty must be at least 1, got 0`."""
        return f"{self.field(whole)}{self.link}{self.expected}, got {self.got}"


def missing(path: Path) -> Problem:
    """Return the problem of a field that has to be there."""
    return Problem(path, "given (the field is required)", _NOTHING, "required")


def sentences(parts: Sequence[str]) -> str:
    """Join what is wrong into one line; leaves most out if it is too much to read."""
    more = len(parts) - _MOST
    if more <= 0:
        return "; ".join(parts)
    return "; ".join([*parts[:_MOST], f"and {more} more"])


def one_of(choices: Iterable[str]) -> str:
    """Return `a`, `a or b`, `a, b or c`; every choice once."""
    *most, last = dict.fromkeys(choices)
    return f"{', '.join(most)} or {last}" if most else last


def shown(value: object) -> str:
    """Return a value as JSON, or as Python writes it, cut to 80 characters."""
    if isinstance(value, str):
        value = value[: _LONGEST + 1]
    text = ""
    try:
        for part in _encode(value):
            text += part
            if len(text) > _LONGEST:
                break
    except (TypeError, ValueError, RecursionError):
        text = _written(value)
    # What UTF-8 cannot hold is shown as it is written in Python.
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _written(value: object) -> str:
    try:
        return repr(value)
    # Whatever a `repr` of the user's own raises.
    except Exception:  # noqa: BLE001
        return f"a {type(value).__name__}"
