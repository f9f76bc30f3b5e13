"""Match regular expressions in linear time, whatever pattern and text.

Python's own matcher tries every way to read a text: `^(a+)+$` and forty letters keep it
busy for minutes. Pydantic brings another one, which never goes back.
"""

from __future__ import annotations

from functools import lru_cache

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

# Linear, but times the states of the pattern: `(?:[ab]{0,300}c?){0,20}d` has thousands.
LONGEST_TEXT = 10_000


def matches(pattern: str, text: str) -> bool | None:
    """Whether the pattern is found in a text; `None` if that cannot be said here.

    That is so for what has no linear matcher: look-around but at the start, references
    back, and repetitions of enormous size.
    """
    parts = _compiled(pattern)
    if parts is None:
        return None
    return all(_finds(part, text) is is_wanted for is_wanted, part in parts)


def is_linear(pattern: str) -> bool:
    """Whether `matches` can say something about a pattern."""
    return _compiled(pattern) is not None


def cost(pattern: str, text: str) -> int:
    """Return how much work a match is at most, in steps of checking a schema."""
    return len(text) * 10 if "{" in pattern else len(text) // 10


def _finds(part: SchemaValidator, text: str) -> bool:
    try:
        part.validate_python(text)
    except ValidationError:
        return False
    return True


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> tuple[tuple[bool, SchemaValidator], ...] | None:
    """Return matchers, and for each whether it has to find something."""
    try:
        return tuple(
            (
                is_wanted,
                SchemaValidator(core_schema.str_schema(pattern=part, strict=True)),
            )
            for is_wanted, part in _parts(pattern)
        )
    except (SchemaError, ValueError):
        return None


def _parts(pattern: str) -> list[tuple[bool, str]]:
    """Return patterns that say the same together, without look-ahead at the start.

    `^(?=.*[0-9])(?!admin).+$` finds what `^.*[0-9]` and `^.+$` find and `^admin` does not.
    Pydantic itself describes a `Decimal` like that.
    """
    parts, rest = [], pattern.removeprefix("^")
    if rest == pattern or not rest.startswith(("(?=", "(?!")):
        return [(True, pattern)]
    while rest.startswith(("(?=", "(?!")):
        end = _closing(rest)
        parts.append((rest[2] == "=", f"^(?:{rest[3:end]})"))
        rest = rest[end + 1 :]
    if _closing(f"({rest})", "|") != len(rest) + 1:
        raise ValueError("what is looked at belongs to one choice only")
    return [*parts, (True, f"^(?:{rest})")]


def _closing(text: str, wanted: str = "") -> int:
    """Return where the first parenthesis is closed, or one of `wanted` stands in it."""
    depth, place, in_class = 0, 0, False
    while place < len(text):
        here = text[place]
        if here == "\\":
            place += 1
        elif in_class:
            in_class = here != "]"
        elif here == "[":
            in_class = True
            # A bracket that comes first is one of the characters.
            place += len(text[place + 1 :]) - len(
                text[place + 1 :].removeprefix("^").removeprefix("]")
            )
        elif here == "(":
            depth += 1
        elif here == ")":
            depth -= 1
        if depth == 0 or (depth == 1 and not in_class and here in wanted):
            return place
        place += 1
    raise ValueError("a parenthesis is not closed")
