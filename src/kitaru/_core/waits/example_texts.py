"""Short texts that match a regular expression, for examples."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator
from typing import Any

_LONGEST = 200
_DEEPEST = 50
_WORD = string.ascii_letters + string.digits + "_"
# Letters look most like what somebody would type.
_EVERY = (
    string.ascii_lowercase
    + string.ascii_uppercase
    + string.digits
    + " "
    + string.punctuation
)
_CATEGORIES: dict[str, Callable[[str], bool]] = {
    "CATEGORY_DIGIT": str.isdigit,
    "CATEGORY_SPACE": str.isspace,
    "CATEGORY_WORD": lambda one: one in _WORD,
}


def matching(pattern: str, *, least: int = 0) -> Iterator[str]:
    """Yield texts that probably match, as few letters repeated as `least` allows.

    Whoever uses one checks it: what stands around a part is not looked at.
    """
    try:
        # Its parser is not public, but has been there, under one name or another, for long.
        parsed = re._parser.parse(pattern)  # type: ignore[attr-defined]  # see above
    except (re.error, RecursionError, OverflowError):
        return
    for repeats in (0, 1, least):
        try:
            yield _Writer(repeats).write(parsed, 0)[:_LONGEST]
        except (KeyError, ValueError, TypeError):
            continue


class _Writer:
    """Writes one text for a parsed pattern."""

    def __init__(self, repeats: int) -> None:
        self._repeats = min(repeats, _LONGEST)

    def write(self, parsed: Any, depth: int) -> str:
        if depth > _DEEPEST:
            raise ValueError
        return "".join(self._one(str(kind), given, depth) for kind, given in parsed)

    def _one(self, kind: str, given: Any, depth: int) -> str:
        if kind == "LITERAL":
            return chr(given)
        if kind == "AT":
            return ""
        if kind == "SUBPATTERN":
            return self.write(given[-1], depth + 1)
        if kind == "BRANCH":
            return self.write(given[1][0], depth + 1)
        if kind in ("MAX_REPEAT", "MIN_REPEAT"):
            least, most, part = given
            count = min(max(int(least), self._repeats), int(most), _LONGEST)
            return (self.write(part, depth + 1) * count)[:_LONGEST]
        found = next((one for one in _EVERY if _accepts(kind, given, one)), None)
        if found is None:
            raise ValueError
        return found


def _accepts(kind: str, given: Any, one: str) -> bool:
    if kind == "ANY":
        return True
    if kind == "LITERAL":
        return bool(ord(one) == given)
    if kind == "NOT_LITERAL":
        return bool(ord(one) != given)
    if kind == "RANGE":
        return bool(given[0] <= ord(one) <= given[1])
    if kind == "CATEGORY":
        name = str(given)
        if "_NOT_" in name:
            return not _CATEGORIES[name.replace("_NOT_", "_")](one)
        return _CATEGORIES[name](one)
    if kind == "IN":
        wanted = [(str(inner), value) for inner, value in given]
        negated = wanted[0][0] == "NEGATE"
        found = any(
            _accepts(inner, value, one) for inner, value in wanted if inner != "NEGATE"
        )
        return found is not negated
    raise KeyError(kind)
